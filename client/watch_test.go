package client_test

import (
	"context"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/taskvisor/taskvisor/client"
	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// watch follows the events after the cursor until one with the sequence last, and returns their sequences and the cursor behind them.
func watch(t *testing.T, c *client.Client, from *taskvisorv1.Cursor, last uint64) (sequences []uint64, cursor *taskvisorv1.Cursor) {
	t.Helper()
	for msg, err := range c.Watch(t.Context(), &taskvisorv1.WatchEventsRequest{Resume: from}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range msg.GetEvents() {
			sequences = append(sequences, e.GetSequence())
		}
		if cursor = msg.GetCursor(); cursor.GetSequence() >= last {
			break
		}
	}
	return sequences, cursor
}

func TestWatchResumesWhereAnotherEnded(t *testing.T) {
	_, c := newFake(t)
	cursor, err := c.Cursor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	next := uint64(1)
	for _, name := range []string{"a", "b", "c"} {
		add(t, c, name) // three events
		var sequences []uint64
		sequences, cursor = watch(t, c, cursor, next+2)
		for _, got := range sequences {
			if got != next {
				t.Fatalf("sequence %d where %d was due", got, next)
			}
			next++
		}
	}
	if next != 10 {
		t.Errorf("%d events in all, want 9", next-1)
	}
}

func TestLeavingALoopEndsTheStream(t *testing.T) {
	f, c := newFake(t)
	add(t, c, "tick")
	watch(t, c, &taskvisorv1.Cursor{Epoch: epoch}, 3)
	f.streams.Wait() // hangs if the handler still has a stream
}

func TestWatchEndsWithTheErrorOfTheServer(t *testing.T) {
	f, c := newFake(t)
	add(t, c, "tick")
	f.shutdown()
	var kinds []taskvisorv1.EventKind
	var last error
	for msg, err := range c.Watch(t.Context(), &taskvisorv1.WatchEventsRequest{Resume: &taskvisorv1.Cursor{Epoch: epoch}}) {
		if last != nil {
			t.Fatal("a pair after the error")
		}
		last = err
		for _, e := range msg.GetEvents() {
			kinds = append(kinds, e.GetKind())
		}
	}
	if client.Reason(last) != taskvisorv1.ErrorReason_ERROR_REASON_SERVER_SHUTDOWN {
		t.Errorf("ended with %v", last)
	}
	if n := len(kinds); n != 4 || kinds[n-1] != taskvisorv1.EventKind_EVENT_KIND_ALL_STOPPED_WITHIN_GRACE {
		t.Errorf("the tail is missing: %v", kinds)
	}
}

func TestWatchEndsWithTheErrorOfTheContext(t *testing.T) {
	f, c := newFake(t)
	add(t, c, "tick")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for msg, err := range c.Watch(ctx, &taskvisorv1.WatchEventsRequest{Resume: &taskvisorv1.Cursor{Epoch: epoch}}) {
		if msg != nil {
			cancel()
		}
		last = err
	}
	if status.Code(last) != codes.Canceled {
		t.Errorf("ended with %v", last)
	}
	f.streams.Wait()
}

func TestWatchWithoutAServer(t *testing.T) {
	_, c := newFake(t)
	c.Close()
	pairs := 0
	for msg, err := range c.Watch(t.Context(), nil) {
		if pairs++; msg != nil || err == nil {
			t.Errorf("got %v, %v", msg, err)
		}
	}
	if pairs != 1 {
		t.Errorf("%d pairs, want the error alone", pairs)
	}
}

func TestWatchOfAnotherEpochIsExpired(t *testing.T) {
	_, c := newFake(t)
	for _, err := range c.Watch(t.Context(), &taskvisorv1.WatchEventsRequest{Resume: &taskvisorv1.Cursor{Epoch: "other"}}) {
		if client.Reason(err) != taskvisorv1.ErrorReason_ERROR_REASON_CURSOR_EXPIRED || client.Metadata(err)["oldest_sequence"] != "1" {
			t.Errorf("got %v with metadata %v", err, client.Metadata(err))
		}
	}
}
