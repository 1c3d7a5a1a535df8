// Package lograte keeps lines of a log from being too many where anybody can cause them.
package lograte

import (
	"sync/atomic"

	"golang.org/x/time/rate"
)

// Gate says which lines are logged. Its methods may be called from any goroutine.
type Gate struct {
	limiter *rate.Limiter
	left    atomic.Int64 // lines that were left out since the last that was not
}

// NewGate returns a gate for so many lines in a second, and so many at once.
func NewGate(perSecond float64, burst int) *Gate {
	return &Gate{limiter: rate.NewLimiter(rate.Limit(perSecond), burst)}
}

// Pass reports whether a line may be logged, and if so how many were left out since the last one.
func (g *Gate) Pass() (left int64, ok bool) {
	if !g.limiter.Allow() {
		g.left.Add(1)
		return 0, false
	}
	return g.left.Swap(0), true
}
