package client

import (
	"context"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// delays grow from first to max, each twice as long as the one before, and are then cut by chance, by up to a half, so that clients
// of one server that went away do not all come back at the same instant.
type delays struct {
	first, max time.Duration
	n          int // delays since the last success
}

// next returns the next delay.
func (d *delays) next() time.Duration {
	full := d.first
	for i := 0; i < d.n && full < d.max; i++ {
		full *= 2
	}
	d.n++
	full = min(full, d.max)
	return full - rand.N(full/2+1)
}

// reset begins with first again.
func (d *delays) reset() { d.n = 0 }

// wait waits, unless ctx is done first.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// isOverHere reports whether a call ended with the time of ctx, or nearly so: the server and gRPC know the deadline as well, and may be quicker to
// notice it than ctx is. Nothing will be tried again then, after the delay at the latest.
func isOverHere(ctx context.Context, err error, delay time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return ok && status.Code(err) == codes.DeadlineExceeded && time.Until(deadline) <= delay
}
