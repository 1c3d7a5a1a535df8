package daemon

import (
	"context"
	"log/slog"
	"sync"

	"github.com/taskvisor/taskvisor/server/daemon/internal/reap"
)

// wholeProcess is the option of Main: what concerns the process as a whole is a matter of the daemon, too.
func wholeProcess(o *options) { o.whole = true }

// reapOrphans reaps processes whose parents have ended, until what it returns is called. That is up to process 1 of a container, and to subreapers.
func (o *options) reapOrphans(log *slog.Logger) (end func()) {
	if !o.whole || !reap.Adopts() {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var reaping sync.WaitGroup
	reaping.Go(func() {
		if err := reap.Orphans(ctx, log); err != nil {
			log.Warn("processes whose parents have ended are not reaped, and stay in the table of processes; an init in the container would do so", "reason", err)
		}
	})
	return func() {
		cancel()
		reaping.Wait()
	}
}
