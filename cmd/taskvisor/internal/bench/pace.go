package bench

import (
	"context"
	"time"
)

// pace calls publish so many times a second until ctx is done. What it comes too late for, because the machine is busy, it makes up for at once.
func pace(ctx context.Context, rate int, publish func()) {
	interval := time.Second / time.Duration(rate)
	begin := time.Now()
	tick := time.NewTicker(max(interval, minTick))
	defer tick.Stop()
	for n := time.Duration(0); ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		for due := time.Since(begin) / interval; n < due && ctx.Err() == nil; n++ {
			publish()
		}
	}
}

// minTick keeps a high rate from becoming a busy loop; there are then several events at once.
const minTick = 100 * time.Microsecond

// wait returns when d has passed, or the error of ctx once that is done.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
