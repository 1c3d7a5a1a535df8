package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/taskvisor/taskvisor/supervisor"
)

// drain stops the tasks, then the server, and says how that went: the verdict is the last line of the log, behind the last of the events,
// for which the shutdown of the supervisor waits. The code is ExitStuck when tasks ignored it. A second signal does not come here: it ends
// Run over the head of this.
func (d *daemon) drain(ctx context.Context) (code int) {
	begin := time.Now()
	live := len(d.supervisor.List(supervisor.ListOptions{}))
	briefly(func() { d.log.Info(d.farewell(ctx, live)) })
	err := d.server.Shutdown(context.WithoutCancel(ctx))
	d.stopProbes()
	d.serving.Wait()
	return d.verdict(live, time.Since(begin), err)
}

// farewell says what is about to happen, and how to cut it short.
func (d *daemon) farewell(ctx context.Context, live int) string {
	text := "stopping; no task is running"
	if live > 0 {
		text = fmt.Sprintf("stopping %s, up to %s", count(live, "task"), d.config.grace)
	}
	var request *stopRequest
	if errors.As(context.Cause(ctx), &request) {
		text += "; " + request.again()
	}
	return text
}

// verdict says how the drain went.
func (d *daemon) verdict(live int, took time.Duration, err error) (code int) {
	var stuck *supervisor.StuckError
	var late *supervisor.DrainError
	switch {
	case errors.As(err, &stuck):
		names := make([]string, len(stuck.Tasks))
		for i := range stuck.Tasks {
			names[i] = stuck.Tasks[i].Spec.Name
		}
		d.log.Error(fmt.Sprintf("%d of %s did not stop within %s: %s; quitting without them",
			len(names), count(live, "task"), d.config.grace, strings.Join(names, ", ")))
		return ExitStuck
	case errors.As(err, &late): // the tasks have stopped, only the log is behind
		d.log.Warn("stopped; the last events are missing from this log, which is written too slowly")
	case err != nil:
		d.log.Error("the shutdown went wrong", "reason", err)
		return ExitFailure
	case live == 0:
		d.log.Info("stopped")
	default:
		d.log.Info(fmt.Sprintf("stopped; %s stopped in %s", count(live, "task"), roundDuration(took)))
	}
	return ExitClean
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
