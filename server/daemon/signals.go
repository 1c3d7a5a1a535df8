package daemon

import (
	"context"
	"os"
	"sync"
	"syscall"
)

// stopRequest is why the daemon stops: the cause with which the context is canceled by the first signal.
type stopRequest struct{ signal os.Signal }

// Error names the signal.
func (r *stopRequest) Error() string { return r.signal.String() }

// again says how to insist.
func (r *stopRequest) again() string {
	if r.signal == syscall.SIGINT {
		return "press Ctrl-C again to quit at once"
	}
	return "a second signal quits at once"
}

// watchSignals returns a context that the first signal cancels, and a channel on which the second one arrives. release ends the watch.
//
//	running ──signal──▶ stopping ──signal──▶ forced (terminal)
func watchSignals(ctx context.Context, signals <-chan os.Signal) (stopping context.Context, forced <-chan os.Signal, release func()) {
	stopping, cancel := context.WithCancelCause(ctx)
	second := make(chan os.Signal, 1)
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case s := <-signals:
			cancel(&stopRequest{s})
		case <-done:
			return
		}
		select {
		case s := <-signals:
			second <- s
		case <-done:
		}
	})
	return stopping, second, func() {
		close(done)
		watch.Wait()
		cancel(nil)
	}
}
