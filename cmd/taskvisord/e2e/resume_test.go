//go:build e2e

package e2e

import (
	"fmt"
	"syscall"
	"testing"

	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

const longSleep = `{"task":{"name":"a","plugin":"sleep","config":{"duration":"1h"}}}`

// TestResume: a watcher that was cut off goes on with its cursor, and has missed nothing of what happened while it was away.
func TestResume(t *testing.T) {
	d := startDaemon(t)
	first := d.watch(t, `{}`)
	d.call(t, "AddTask", longSleep, &taskvisorv1.AddTaskResponse{})
	first.until(t, "TASK_ADDED")
	cursor := first.cursor
	first.signal(t, syscall.SIGKILL)
	<-first.ended
	d.call(t, "RemoveTask", `{"name":"a"}`, &taskvisorv1.RemoveTaskResponse{})

	second := d.watch(t, fmt.Sprintf(`{"resume":{"epoch":%q,"sequence":"%d"}}`, cursor.GetEpoch(), cursor.GetSequence()))
	second.sequence = cursor.GetSequence() // what next goes on from
	second.until(t, "TASK_REMOVED")
}

// TestSnapshotThenFollow: the tasks that there are, then what happens to them, without a gap between the two.
func TestSnapshotThenFollow(t *testing.T) {
	d := startDaemon(t)
	before := d.watch(t, `{}`)
	d.call(t, "AddTask", longSleep, &taskvisorv1.AddTaskResponse{})
	before.until(t, "TASK_STARTING")

	w := d.watch(t, `{"start":"WATCH_START_SNAPSHOT"}`)
	tasks := w.snapshot(t)
	if len(tasks) != 1 || tasks[0].GetName() != "a" || tasks[0].GetState() != taskvisorv1.TaskState_TASK_STATE_RUNNING {
		t.Errorf("the snapshot has %v", tasks)
	}
	w.sequence = w.cursor.GetSequence()
	d.call(t, "RemoveTask", `{"name":"a"}`, &taskvisorv1.RemoveTaskResponse{})
	w.until(t, "TASK_REMOVED")
}

// TestQuietStreamKeepsItsCursorFresh: a watcher whose filter lets nothing through still gets cursors, which do not grow old.
func TestQuietStreamKeepsItsCursorFresh(t *testing.T) {
	d := startDaemon(t)
	all := d.watch(t, `{}`)
	w := d.watch(t, `{"filter":{"names":["nobody"]},"heartbeat_interval":"0.1s"}`)
	d.call(t, "AddTask", longSleep, &taskvisorv1.AddTaskResponse{})
	all.until(t, "TASK_STARTING")
	for w.cursor.GetSequence() < all.sequence {
		msg, ok := w.message(t)
		if !ok {
			t.Fatalf("the stream ends: %s", w.output())
		}
		if len(msg.GetEvents()) > 0 {
			t.Fatalf("the filter lets through %v", msg)
		}
	}
}
