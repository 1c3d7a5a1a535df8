//go:build e2e

package e2e

import (
	"regexp"
	"slices"
	"testing"
	"time"

	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

const tick = `{"task":{"name":"tick","plugin":"exec","config":{"command":["date"]},"restart":{"mode":"RESTART_MODE_ALWAYS","interval":"1s"}}}`

// uuidv7 is the form of RFC 9562 section 5.7.
var uuidv7 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// TestTickSession is what a stranger does first: watch, add a task that runs on an interval, list it, remove it.
func TestTickSession(t *testing.T) {
	d := startDaemon(t, "--exec-allow", "date")
	w := d.watch(t, `{}`)

	added := &taskvisorv1.AddTaskResponse{}
	d.call(t, "AddTask", tick, added)
	uid := added.GetTask().GetUid()
	if !uuidv7.MatchString(uid) {
		t.Errorf("uid %q is no UUIDv7", uid)
	}
	if spec := added.GetTask().GetSpec(); spec.GetName() != "tick" || spec.GetRestart().GetInterval().AsDuration() != time.Second {
		t.Errorf("the answer has spec %v", spec)
	}

	w.expect(t, "TASK_ADD_REQUESTED")
	w.expect(t, "TASK_ADDED")
	expectTicks(t, w, uid, 1)
	expectTicks(t, w, uid, 2)
	attempt := listInBackoff(t, d, w, uid)

	removed := &taskvisorv1.RemoveTaskResponse{}
	d.call(t, "RemoveTask", `{"name":"tick"}`, removed)
	checkFinal(t, removed.GetTask(), uid, attempt)
	expectRemoval(t, w, uid)

	listed := &taskvisorv1.ListTasksResponse{}
	if d.call(t, "ListTasks", `{}`, listed); len(listed.GetTasks()) != 0 {
		t.Errorf("still listed: %v", listed.GetTasks())
	}
}

// expectTicks expects one attempt that succeeds, and the announcement of the next.
func expectTicks(t *testing.T, w *watch, uid string, attempt uint64) {
	t.Helper()
	started := w.expect(t, "TASK_STARTING")
	stopped := w.expect(t, "TASK_STOPPED")
	scheduled := w.expect(t, "BACKOFF_SCHEDULED")
	for _, e := range []*taskvisorv1.Event{started, stopped, scheduled} {
		if e.GetTask() != "tick" || e.GetUid() != uid || e.GetAttempt() != attempt {
			t.Errorf("not about attempt %d of %s: %v", attempt, uid, e)
		}
	}
	if d := stopped.GetDuration().AsDuration(); d <= 0 || d > stopped.GetTime().AsTime().Sub(started.GetTime().AsTime())+time.Millisecond {
		t.Errorf("attempt %d took %s, but ran from %s to %s", attempt, d, started.GetTime().AsTime(), stopped.GetTime().AsTime())
	}
	if scheduled.GetBackoffSource() != taskvisorv1.BackoffSource_BACKOFF_SOURCE_SUCCESS || scheduled.GetDelay().AsDuration() != time.Second {
		t.Errorf("attempt %d is followed by %v", attempt, scheduled)
	}
}

// listInBackoff lists the task between two attempts and checks what it says against the events of the attempt before. A machine that is
// busy may take longer over the list than the interval is; then the list after the next announcement will do.
func listInBackoff(t *testing.T, d *daemon, w *watch, uid string) (attempt uint64) {
	t.Helper()
	for {
		started := w.expect(t, "TASK_STARTING")
		w.expect(t, "TASK_STOPPED")
		scheduled := w.expect(t, "BACKOFF_SCHEDULED")
		listed := &taskvisorv1.ListTasksResponse{}
		d.call(t, "ListTasks", `{}`, listed)
		if len(listed.GetTasks()) != 1 {
			t.Fatalf("listed: %v", listed)
		}
		task := listed.GetTasks()[0]
		if task.GetUid() != uid || task.GetAttempt() < scheduled.GetAttempt() || task.GetSequence() < scheduled.GetSequence() {
			t.Errorf("after %v the list has %v", scheduled, task)
		}
		if task.GetState() != taskvisorv1.TaskState_TASK_STATE_BACKOFF || task.GetAttempt() != scheduled.GetAttempt() {
			continue
		}
		// The delay begins with the end of the attempt, which lies between its start and the announcement.
		end := task.GetNextAttemptTime().AsTime().Add(-scheduled.GetDelay().AsDuration())
		if end.Before(started.GetTime().AsTime()) || end.After(scheduled.GetTime().AsTime()) {
			t.Errorf("next attempt at %s, announced by %v", task.GetNextAttemptTime().AsTime(), scheduled)
		}
		if listed.GetCursor().GetSequence() < task.GetSequence() || listed.GetCursor().GetEpoch() == "" {
			t.Errorf("cursor %v is before the task", listed.GetCursor())
		}
		return task.GetAttempt()
	}
}

func checkFinal(t *testing.T, task *taskvisorv1.Task, uid string, attempt uint64) {
	t.Helper()
	if task.GetUid() != uid || task.GetAttempt() < attempt ||
		task.GetState() != taskvisorv1.TaskState_TASK_STATE_FINISHED || task.GetOutcome() != taskvisorv1.Outcome_OUTCOME_CANCELED ||
		task.GetFinishTime() == nil || task.GetNextAttemptTime() != nil {
		t.Errorf("RemoveTask answers %v", task)
	}
}

// expectRemoval expects the end of the life: an attempt that was running when the task was removed stops first.
func expectRemoval(t *testing.T, w *watch, uid string) {
	t.Helper()
	events := w.until(t, "TASK_REMOVED")
	kinds := kindsOf(events)
	asked := slices.Index(kinds, "TASK_REMOVE_REQUESTED")
	if after := kinds[asked+1:]; asked < 0 || len(after) > 2 || len(after) == 2 && after[0] != "TASK_STOPPED" && after[0] != "TASK_FAILED" {
		t.Errorf("the life ends with %q", kinds)
	}
	last := events[len(events)-1]
	if last.GetUid() != uid || last.GetOutcome() != taskvisorv1.Outcome_OUTCOME_CANCELED {
		t.Errorf("the last event is %v", last)
	}
}
