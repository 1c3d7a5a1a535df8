//go:build e2e

package e2e

import (
	"testing"

	"google.golang.org/grpc/codes"

	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// ofOneHour is an AddTask of the task "task", with more fields behind that.
func ofOneHour(config, more string) string {
	return `{"task":{"name":"task","plugin":"sleep","config":{"duration":"1h"` + config + `}}` + more + `}`
}

// TestIfExists: a declaration that is repeated changes nothing, one that has changed is refused and says what has changed, and
// REPLACE makes it so.
func TestIfExists(t *testing.T) {
	d := startDaemon(t)
	add := func(request string) *taskvisorv1.Task {
		answer := &taskvisorv1.AddTaskResponse{}
		d.call(t, "AddTask", request, answer)
		return answer.GetTask()
	}
	const keep, replace = `,"if_exists":"IF_EXISTS_KEEP"`, `,"if_exists":"IF_EXISTS_REPLACE"`
	first := add(ofOneHour("", keep))
	if again := add(ofOneHour("", keep)); again.GetUid() != first.GetUid() {
		t.Errorf("kept: %v after %v", again, first)
	}
	const changed = `,"failures":1`
	m := mistake{code: codes.AlreadyExists, reason: "TASK_EXISTS", metadata: map[string]string{"uid": first.GetUid(), "differing_fields": "task.config.failures"}}
	m.check(t, d.refuse(t, "AddTask", ofOneHour(changed, keep)))
	next := add(ofOneHour(changed, replace))
	if next.GetUid() == first.GetUid() || next.GetGeneration() != 2 {
		t.Errorf("replaced: %v after %v", next, first)
	}
	if kept := add(ofOneHour(changed, keep)); kept.GetUid() != next.GetUid() {
		t.Errorf("kept: %v after %v", kept, next)
	}
}

// TestRequestID: a retry gets the first answer, also when the task is gone.
func TestRequestID(t *testing.T) {
	d := startDaemon(t)
	const request = `{"task":{"plugin":"sleep","config":{"duration":"1h"}},"request_id":"01975a4e-0000-7000-8000-000000000000"}`
	first, again := &taskvisorv1.AddTaskResponse{}, &taskvisorv1.AddTaskResponse{}
	d.call(t, "AddTask", request, first)
	d.call(t, "RemoveTask", `{"uid":"`+first.GetTask().GetUid()+`"}`, &taskvisorv1.RemoveTaskResponse{})
	d.call(t, "AddTask", request, again)
	if first.GetTask().GetUid() == "" || again.GetTask().String() != first.GetTask().String() {
		t.Errorf("got %v after %v", again, first)
	}
	listed := &taskvisorv1.ListTasksResponse{}
	if d.call(t, "ListTasks", `{}`, listed); len(listed.GetTasks()) != 0 {
		t.Errorf("the retry added %v", listed.GetTasks())
	}
}
