package bench

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// roundsPerWindow is how often watchers report within a window: so often that the publisher has heard of one before it comes to the
// end of the window, and so seldom that it costs nothing.
const roundsPerWindow = 8

// throttle keeps a publisher at most a window ahead of the slowest watcher: it then measures how fast events are delivered, and not how fast it can
// outrun everyone. Events are counted as one watcher receives them.
type throttle struct {
	window uint64
	limit  atomic.Uint64 // how many events may be published by now
	moved  chan struct{} // has a token when limit has grown

	mu      sync.Mutex // guards slowest
	slowest []uint64   // what the slowest stream of each process of watchers has received
}

func newThrottle(window uint64, processes int) *throttle {
	t := &throttle{window: window, moved: make(chan struct{}, 1), slowest: make([]uint64, processes)}
	t.limit.Store(window)
	return t
}

// report says how far the slowest stream of a process has come.
func (t *throttle) report(process int, events uint64) {
	t.mu.Lock()
	t.slowest[process] = max(t.slowest[process], events) // reports may overtake each other
	t.limit.Store(slices.Min(t.slowest) + t.window)
	t.mu.Unlock()
	select {
	case t.moved <- struct{}{}:
	default: // there is a token already
	}
}

// wait returns how many events may be published, once that is more than so many.
func (t *throttle) wait(ctx context.Context, than uint64) (limit uint64, err error) {
	for {
		if limit := t.limit.Load(); limit > than {
			return limit, ctx.Err()
		}
		select {
		case <-t.moved:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// flood publishes as fast as the throttle allows, until ctx is done. Of so many events in a row, every watcher receives one.
func flood(ctx context.Context, t *throttle, of uint64, publish func()) {
	for n := uint64(0); ; {
		limit, err := t.wait(ctx, n/of)
		if err != nil {
			return
		}
		for ; n/of < limit; n++ {
			publish()
		}
	}
}
