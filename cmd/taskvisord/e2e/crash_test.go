//go:build e2e

package e2e

import (
	"fmt"
	"testing"
	"time"

	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// The backoff of the crash loop doubles twice and is at its largest from the third failure on.
const (
	crashFirst   = 40 * time.Millisecond
	crashMax     = 160 * time.Millisecond
	crashRetries = 6
)

// TestCrashLoop: a command that fails is restarted with growing, jittered delays until its retries are used up.
func TestCrashLoop(t *testing.T) {
	d := startDaemon(t, "--exec-allow", "sh")
	w := d.watch(t, `{}`)
	added := &taskvisorv1.AddTaskResponse{}
	d.call(t, "AddTask", fmt.Sprintf(`{"task":{"name":"crash","plugin":"exec","config":{"command":["sh","-c","exit 3"]},
		"restart":{"mode":"RESTART_MODE_ALWAYS","max_retries":%d},"backoff":{"first":"0.04s","max":"0.16s","factor":2}}}`, crashRetries), added)

	w.expect(t, "TASK_ADD_REQUESTED")
	w.expect(t, "TASK_ADDED")
	var delays []time.Duration
	var earliest time.Time
	for failure := range crashRetries {
		started, delay := expectCrash(t, w, failure, earliest)
		delays = append(delays, delay)
		earliest = started.Add(delay)
	}
	checkJitter(t, delays)
	expectExhaustion(t, w)

	listed := &taskvisorv1.ListTasksResponse{}
	d.call(t, "ListTasks", `{"include_finished":true}`, listed)
	if len(listed.GetTasks()) != 1 {
		t.Fatalf("listed: %v", listed)
	}
	if task := listed.GetTasks()[0]; task.GetUid() != added.GetTask().GetUid() || task.GetOutcome() != taskvisorv1.Outcome_OUTCOME_FAILED ||
		task.GetAttempt() != crashRetries+1 || task.GetLastError().GetExitCode() != 3 {
		t.Errorf("the finished task is %v", task)
	}
}

// expectCrash expects an attempt that does not start too early and fails, and then the announcement of the next one, with a delay within
// the bounds of EQUAL jitter for the number of failures before.
func expectCrash(t *testing.T, w *watch, failure int, earliest time.Time) (began time.Time, delay time.Duration) {
	t.Helper()
	started := w.expect(t, "TASK_STARTING")
	if started.GetAttempt() != uint64(failure+1) {
		t.Errorf("attempt %d where %d was due", started.GetAttempt(), failure+1)
	}
	if began = started.GetTime().AsTime(); began.Before(earliest) {
		t.Errorf("attempt %d starts %s early", started.GetAttempt(), earliest.Sub(began))
	}
	expectExit3(t, w.expect(t, "TASK_FAILED"))
	scheduled := w.expect(t, "BACKOFF_SCHEDULED")
	if scheduled.GetBackoffSource() != taskvisorv1.BackoffSource_BACKOFF_SOURCE_FAILURE {
		t.Errorf("not after a failure: %v", scheduled)
	}
	base := min(crashMax, crashFirst<<failure)
	if delay = scheduled.GetDelay().AsDuration(); delay < base/2 || delay > base {
		t.Errorf("delay %s after failure %d is not within %s and %s", delay, failure+1, base/2, base)
	}
	return began, delay
}

func expectExit3(t *testing.T, e *taskvisorv1.Event) {
	t.Helper()
	if e.ExitCode == nil || e.GetExitCode() != 3 || e.GetReason() == "" {
		t.Errorf("exit code 3 and a reason are missing: %v", e)
	}
}

// checkJitter: chance has nanoseconds to choose from, so delays that are all at a bound, or twice the same, are none of its making.
func checkJitter(t *testing.T, delays []time.Duration) {
	t.Helper()
	seen := map[time.Duration]bool{}
	for _, delay := range delays {
		seen[delay] = true
	}
	if len(seen) != len(delays) {
		t.Errorf("delays without jitter: %v", delays)
	}
}

// expectExhaustion expects the attempt that uses up the retries, and the end of the life.
func expectExhaustion(t *testing.T, w *watch) {
	t.Helper()
	w.expect(t, "TASK_STARTING")
	expectExit3(t, w.expect(t, "TASK_FAILED"))
	exhausted := w.expect(t, "ACTOR_EXHAUSTED")
	expectExit3(t, exhausted)
	removed := w.expect(t, "TASK_REMOVED")
	expectExit3(t, removed)
	for _, e := range []*taskvisorv1.Event{exhausted, removed} {
		if e.GetOutcome() != taskvisorv1.Outcome_OUTCOME_FAILED {
			t.Errorf("outcome %s: %v", e.GetOutcome(), e)
		}
	}
}
