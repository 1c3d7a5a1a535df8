package client_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/taskvisor/taskvisor/client"
	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/servertest"
)

// TestAgainstTheServer shows that what the fake of the other tests does is what the server does.
func TestAgainstTheServer(t *testing.T) {
	h := servertest.New(t)
	c := client.New(h.Conn)
	cursor, err := c.Cursor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	added, err := c.Add(t.Context(), &taskvisorv1.AddTaskRequest{Task: servertest.Spec("tick", servertest.Wait)})
	if err != nil {
		t.Fatal(err)
	}
	checkRefusals(t, c, added.GetUid())
	for task, err := range c.List(t.Context(), &taskvisorv1.ListTasksRequest{PageSize: 1}) {
		if err != nil || task.GetUid() != added.GetUid() {
			t.Errorf("listed %v, %v", task, err)
		}
	}
	removed, err := c.Remove(t.Context(), &taskvisorv1.RemoveTaskRequest{Name: "tick"})
	if err != nil || removed.GetOutcome() != taskvisorv1.Outcome_OUTCOME_CANCELED {
		t.Errorf("removed %v, %v", removed, err)
	}
	sequences, _ := watch(t, c, cursor, removed.GetSequence())
	if first, last := sequences[0], sequences[len(sequences)-1]; first != cursor.GetSequence()+1 || last != removed.GetSequence() {
		t.Errorf("after %v the stream has %d", cursor, sequences)
	}
}

func checkRefusals(t *testing.T, c *client.Client, uid string) {
	t.Helper()
	_, err := c.Add(t.Context(), &taskvisorv1.AddTaskRequest{Task: servertest.Spec("tick", servertest.Wait)})
	if client.Reason(err) != taskvisorv1.ErrorReason_ERROR_REASON_TASK_EXISTS || client.Metadata(err)["uid"] != uid {
		t.Errorf("the same name again: %v, %v", err, client.Metadata(err))
	}
	_, err = c.Add(t.Context(), &taskvisorv1.AddTaskRequest{Task: servertest.Spec("bad name", servertest.Wait)})
	if v := client.Violations(err); len(v) != 1 || v[0].GetField() != "task.name" {
		t.Errorf("a bad name: %v", err)
	}
}

func TestPluginsOfTheServer(t *testing.T) {
	h := servertest.New(t)
	var names []string
	for plugin, err := range client.New(h.Conn).Plugins(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, plugin.GetName())
	}
	if !slices.Contains(names, servertest.ScriptPlugin) || !slices.IsSorted(names) {
		t.Errorf("got %s", strings.Join(names, ", "))
	}
}

func TestWatchEndsWithTheServer(t *testing.T) {
	h := servertest.New(t)
	c := client.New(h.Conn)
	var kinds []taskvisorv1.EventKind
	for msg, err := range c.Watch(t.Context(), nil) {
		switch {
		case client.Reason(err) == taskvisorv1.ErrorReason_ERROR_REASON_SERVER_SHUTDOWN:
		case err != nil:
			t.Fatal(err)
		case kinds == nil && len(msg.GetEvents()) == 0: // the cursor that says that the stream is open
			go func() { _ = h.Server.Shutdown(t.Context()) }()
		}
		for _, e := range msg.GetEvents() {
			kinds = append(kinds, e.GetKind())
		}
	}
	want := []taskvisorv1.EventKind{
		taskvisorv1.EventKind_EVENT_KIND_SHUTDOWN_REQUESTED,
		taskvisorv1.EventKind_EVENT_KIND_ALL_STOPPED_WITHIN_GRACE,
	}
	if !slices.Equal(kinds, want) {
		t.Errorf("got %v, want %v", kinds, want)
	}
}
