package client_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/servertest"
)

// TestAgainstTheServer shows that what the fake of the other tests does is what the server does.
func TestAgainstTheServer(t *testing.T) {
	h := servertest.New(t, servertest.WithServer(quiet))
	c := client.New(h.Conn)
	cursor, err := c.Cursor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	added, err := c.Add(t.Context(), &pb.AddTaskRequest{Task: servertest.Spec("tick", servertest.Wait)})
	if err != nil {
		t.Fatal(err)
	}
	checkRefusals(t, h, added.GetUid())
	for task, err := range c.List(t.Context(), &pb.ListTasksRequest{PageSize: 1}) {
		if err != nil || task.GetUid() != added.GetUid() {
			t.Errorf("listed %v, %v", task, err)
		}
	}
	removed, err := c.Remove(t.Context(), &pb.RemoveTaskRequest{Name: "tick"})
	if err != nil || removed.GetOutcome() != pb.Outcome_OUTCOME_CANCELED {
		t.Errorf("removed %v, %v", removed, err)
	}
	next := cursor.GetSequence() + 1
	for u, err := range c.Watch(t.Context(), &pb.WatchEventsRequest{Resume: cursor}) {
		if err != nil || u.Event.GetSequence() != next {
			t.Fatalf("got %v, %v, want event %d", u, err, next)
		}
		if next++; next > removed.GetSequence() {
			break
		}
	}
}

func checkRefusals(t *testing.T, h *servertest.Harness, uid string) {
	t.Helper()
	_, err := h.Tasks.AddTask(t.Context(), &pb.AddTaskRequest{Task: servertest.Spec("tick", servertest.Wait)})
	if client.Reason(err) != pb.ErrorReason_ERROR_REASON_TASK_EXISTS || client.Metadata(err)["uid"] != uid {
		t.Errorf("the same name again: %v, %v", err, client.Metadata(err))
	}
	_, err = h.Tasks.AddTask(t.Context(), &pb.AddTaskRequest{Task: servertest.Spec("bad name", servertest.Wait)})
	if v := client.Violations(err); len(v) != 1 || v[0].Field != "task.name" {
		t.Errorf("a bad name: %v", err)
	}
}

func TestPluginsOfTheServer(t *testing.T) {
	h := servertest.New(t, servertest.WithServer(quiet))
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

func TestWatchToTheEndOfTheServer(t *testing.T) {
	h := servertest.New(t, servertest.WithServer(quiet))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var kinds []pb.EventKind
	for u, err := range client.New(h.Conn).Watch(ctx, nil, client.WithPositions(), client.OnReconnect(func(r client.Reconnect) {
		if client.IsShutdown(r.Err) {
			cancel()
		}
	})) {
		switch {
		case errors.Is(err, context.Canceled):
		case err != nil:
			t.Fatal(err)
		case u.Kind == client.UpdatePosition: // the one that says that the stream is open
			go func() { _ = h.Server.Shutdown(t.Context()) }()
		case u.Kind == client.UpdateEvent:
			kinds = append(kinds, u.Event.GetKind())
		}
	}
	want := []pb.EventKind{
		pb.EventKind_EVENT_KIND_SHUTDOWN_REQUESTED,
		pb.EventKind_EVENT_KIND_ALL_STOPPED_WITHIN_GRACE,
	}
	if !slices.Equal(kinds, want) {
		t.Errorf("got %v, want %v", kinds, want)
	}
}
