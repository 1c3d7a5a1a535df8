//go:build e2e

package e2e

import (
	"strings"
	"syscall"
	"testing"

	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// TestMakeRun starts what a stranger starts first and sees the three kinds of work that it promises: a command that fails and is restarted with
// backoff, one that runs on an interval, and one that just runs.
func TestMakeRun(t *testing.T) {
	d := startAsMakeRun(t)
	w := d.watch(t, `{"start":"WATCH_START_OLDEST"}`)

	seen := behaviour{failures: map[string]int{}, successes: map[string]int{}}
	for !seen.enough() {
		e, ok := w.next(t)
		if !ok {
			t.Fatalf("the stream ended; seen so far: %+v", seen)
		}
		seen.add(e)
	}
	seen.checkList(t, d)

	d.signal(t, syscall.SIGINT)
	if code := d.exit(t); code != 0 {
		t.Errorf("the daemon exits with %d after Ctrl-C", code)
	}
	if _, end := w.rest(t); end.info.GetReason() != "SERVER_SHUTDOWN" {
		t.Errorf("the stream ends with %v", end)
	}
	for _, word := range []string{"TASK_STARTING", "TASK_FAILED", "BACKOFF_SCHEDULED", "SHUTDOWN_REQUESTED", "ALL_STOPPED_WITHIN_GRACE"} {
		if !strings.Contains(d.stderr.String(), word) {
			t.Errorf("the log of the daemon does not show %s", word)
		}
	}
}

// behaviour counts the retries and repetitions of tasks.
type behaviour struct {
	failures, successes map[string]int // by name of the task
}

func (b *behaviour) add(e *taskvisorv1.Event) {
	switch e.GetBackoffSource() {
	case taskvisorv1.BackoffSource_BACKOFF_SOURCE_FAILURE:
		b.failures[e.GetTask()]++
	case taskvisorv1.BackoffSource_BACKOFF_SOURCE_SUCCESS:
		b.successes[e.GetTask()]++
	}
}

// enough reports whether one task was retried twice and another one repeated.
func (b *behaviour) enough() bool {
	for _, n := range b.failures {
		if n >= 2 && len(b.successes) > 0 {
			return true
		}
	}
	return false
}

// checkList expects one task that is still in its first attempt.
func (b *behaviour) checkList(t *testing.T, d *daemon) {
	t.Helper()
	listed := &taskvisorv1.ListTasksResponse{}
	d.call(t, "ListTasks", `{"filter":{"states":["TASK_STATE_RUNNING"]}}`, listed)
	for _, task := range listed.GetTasks() {
		if b.failures[task.GetName()] == 0 && b.successes[task.GetName()] == 0 && task.GetAttempt() == 1 {
			return
		}
	}
	t.Errorf("no task just runs: %v", listed.GetTasks())
}
