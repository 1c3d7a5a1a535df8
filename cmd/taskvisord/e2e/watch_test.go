//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// watch is a grpcurl that has a stream of events open.
type watch struct {
	*process
	offset   int                  // behind the last message, in the output of grpcurl
	pending  []*taskvisorv1.Event // of the last message, not returned yet
	sequence uint64               // of the last event that was returned
	cursor   *taskvisorv1.Cursor  // of the last message
}

// watch opens a stream and returns when the server has sent its headers: everything that happens from then on will come.
func (d *daemon) watch(t *testing.T, request string) *watch {
	t.Helper()
	w := &watch{process: d.send(t, "WatchEvents", request, "-v", "-format-error")}
	if !w.seek("Response headers received:") {
		t.Fatalf("WatchEvents %s sends no headers\n%s", request, w.output())
	}
	return w
}

// seek waits for a line of grpcurl -v and moves behind it.
func (w *watch) seek(heading string) bool {
	_, offset, ok := w.stdout.find(w.offset, func(line string) bool { return line == heading })
	w.offset = offset
	return ok
}

// message returns the next message; false at the end of the stream. Behind the heading, the lines of its JSON end with the brace that
// closes it, the only one without an indent.
func (w *watch) message(t *testing.T) (*taskvisorv1.WatchEventsResponse, bool) {
	t.Helper()
	if !w.seek("Response contents:") {
		return nil, false
	}
	begin := w.offset
	_, end, ok := w.stdout.find(begin, func(line string) bool { return line == "}" || line == "{}" })
	if !ok {
		t.Fatalf("a message ends before its end:\n%s", w.stdout.String()[begin:])
	}
	w.offset = end
	text := w.stdout.String()[begin:end]
	msg := &taskvisorv1.WatchEventsResponse{}
	if err := protojson.Unmarshal([]byte(text), msg); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if gap := msg.GetGap(); gap != nil {
		t.Errorf("the stream lost %v", gap)
	}
	w.cursor = msg.GetCursor()
	return msg, true
}

// snapshot returns the tasks that a stream with WATCH_START_SNAPSHOT begins with.
func (w *watch) snapshot(t *testing.T) (tasks []*taskvisorv1.Task) {
	t.Helper()
	for {
		msg, ok := w.message(t)
		if !ok {
			t.Fatalf("the stream ends within the snapshot: %s", w.output())
		}
		if len(msg.GetEvents()) > 0 {
			t.Errorf("events within the snapshot: %v", msg)
		}
		if tasks = append(tasks, msg.GetTasks()...); msg.GetSnapshotComplete() {
			return tasks
		}
	}
}

// next returns the next event; false at the end of the stream. A hole in the sequences fails the test: streams of these tests are not filtered.
func (w *watch) next(t *testing.T) (*taskvisorv1.Event, bool) {
	t.Helper()
	for len(w.pending) == 0 {
		msg, ok := w.message(t)
		if !ok {
			return nil, false
		}
		w.pending = msg.GetEvents()
	}
	e := w.pending[0]
	w.pending = w.pending[1:]
	if w.sequence != 0 && e.GetSequence() != w.sequence+1 {
		t.Errorf("sequence %d follows %d", e.GetSequence(), w.sequence)
	}
	w.sequence = e.GetSequence()
	return e, true
}

// expect returns the next event, which has to be of the kind: "TASK_ADDED".
func (w *watch) expect(t *testing.T, kind string) *taskvisorv1.Event {
	t.Helper()
	e, ok := w.next(t)
	if !ok {
		t.Fatalf("the stream ends where %s was due", kind)
	}
	if kindOf(e) != kind {
		t.Fatalf("got %v where %s was due", e, kind)
	}
	return e
}

// until returns the events up to the first one of the kind, that one included.
func (w *watch) until(t *testing.T, kind string) (events []*taskvisorv1.Event) {
	t.Helper()
	for {
		e, ok := w.next(t)
		if !ok {
			t.Fatalf("the stream ends without %s", kind)
		}
		if events = append(events, e); kindOf(e) == kind {
			return events
		}
	}
}

// rest returns the events up to the end of the stream, and how the stream ended.
func (w *watch) rest(t *testing.T) (events []*taskvisorv1.Event, end refusal) {
	t.Helper()
	for {
		e, ok := w.next(t)
		if !ok {
			return events, readRefusal(t, w.process)
		}
		events = append(events, e)
	}
}

// kindOf returns the kind of an event without its prefix.
func kindOf(e *taskvisorv1.Event) string {
	return strings.TrimPrefix(e.GetKind().String(), "EVENT_KIND_")
}

// kindsOf returns the kinds of events, without their prefix.
func kindsOf(events []*taskvisorv1.Event) (kinds []string) {
	for _, e := range events {
		kinds = append(kinds, kindOf(e))
	}
	return kinds
}
