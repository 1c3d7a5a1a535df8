package client

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Defaults of Retry.
const (
	DefaultAttempts   = 4
	DefaultFirstDelay = 100 * time.Millisecond
	DefaultMaxDelay   = 2 * time.Second
)

// Retry says how often a call is tried whose answer is UNAVAILABLE: the server is not there, the connection broke, or it shuts down. Calls that
// cannot be repeated without harm are tried once: RemoveTask by name, which might hit the next task of that name. Zero fields stand for their
// defaults.
//
// This is not left to gRPC, whose policy goes by method: whether a call can be repeated is a matter of its request.
type Retry struct {
	// Attempts in all. Default: DefaultAttempts. 1: no retry.
	Attempts int
	// FirstDelay before the second attempt, doubled with each further one; half of it is left to chance. Default: DefaultFirstDelay.
	FirstDelay time.Duration
	// MaxDelay is the longest delay. Default: DefaultMaxDelay.
	MaxDelay time.Duration
}

func (r Retry) withDefaults() Retry {
	if r.Attempts <= 0 {
		r.Attempts = DefaultAttempts
	}
	if r.FirstDelay <= 0 {
		r.FirstDelay = DefaultFirstDelay
	}
	if r.MaxDelay <= 0 {
		r.MaxDelay = DefaultMaxDelay
	}
	return r
}

// call makes a call that may be repeated, as often as r says.
func call[Resp any](ctx context.Context, c *Client, f func(ctx context.Context) (Resp, error)) (Resp, error) {
	pause := delays{first: c.retry.FirstDelay, max: c.retry.MaxDelay}
	for attempt := 1; ; attempt++ {
		resp, err := f(ctx)
		if status.Code(err) != codes.Unavailable || attempt >= c.retry.Attempts || !wait(ctx, pause.next()) {
			return resp, err
		}
		c.hurry()
	}
}
