//go:build e2e

package e2e

import (
	"slices"
	"testing"

	"google.golang.org/grpc/codes"

	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// TestSlot: one task owns a slot, another one waits for it, and a third one that does not want to wait is refused. The one that waits starts as
// soon as the owner is gone.
func TestSlot(t *testing.T) {
	d := startDaemon(t)
	w := d.watch(t, `{}`)
	onSlot := func(name, policy string) string {
		return `{"task":{"name":"` + name + `","plugin":"sleep","config":{"duration":"1h"},"admission":{"slot":"db","policy":"ADMISSION_POLICY_` + policy + `"}}}`
	}
	d.call(t, "AddTask", onSlot("owner", "QUEUE"), &taskvisorv1.AddTaskResponse{})
	w.until(t, "TASK_STARTING")
	added := &taskvisorv1.AddTaskResponse{}
	d.call(t, "AddTask", onSlot("waiting", "QUEUE"), added)
	if state := added.GetTask().GetState(); state != taskvisorv1.TaskState_TASK_STATE_QUEUED {
		t.Errorf("the second task is %s", state)
	}
	m := mistake{code: codes.FailedPrecondition, reason: "SLOT_BUSY"}
	m.check(t, d.refuse(t, "AddTask", onSlot("impatient", "DROP_IF_RUNNING")))
	w.until(t, "CONTROLLER_REJECTED")

	d.call(t, "RemoveTask", `{"name":"owner"}`, &taskvisorv1.RemoveTaskResponse{})
	events := w.until(t, "TASK_STARTING")
	if last := events[len(events)-1]; last.GetTask() != "waiting" {
		t.Errorf("the slot goes to %v", last)
	}
	if !slices.ContainsFunc(events, func(e *taskvisorv1.Event) bool { return kindOf(e) == "TASK_REMOVED" && e.GetTask() == "owner" }) {
		t.Errorf("the next one starts before the owner is gone: %q", kindsOf(events))
	}
}
