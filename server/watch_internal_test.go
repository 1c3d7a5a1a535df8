package server

import (
	"context"
	"runtime"
	"testing"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
)

// newTestWatch returns a stream that has seen nothing yet of the fountain, and selects next to nothing of what comes out of it.
func newTestWatch(t *testing.T, f *fountain, filter *pb.EventFilter) *watch {
	t.Helper()
	var v violations
	w := &watch{server: New(f.sup, nil, Config{}), filter: newEventFilter("filter", filter, &v), reader: must(f.sup.Read(supervisor.Cursor{Epoch: f.sup.Cursor().Epoch}))}
	if err := v.err(); err != nil {
		t.Fatal(err)
	}
	return w
}

// collected is what is in a message.
type collected struct {
	events int
	gap    supervisor.Gap
}

func (w *watch) collectOnce() collected {
	m, _ := w.collect(new(batch))
	if m == nil {
		return collected{}
	}
	return collected{m.events, m.gap}
}

// The log may turn over while a stream looks at events, once more after a gap perhaps, and whether or not it selects any of them. Each gap is told, before the
// events that follow it.
func TestWatchWhileTheLogTurnsOver(t *testing.T) {
	const segment, ring = feedSegmentEvents, 64
	const oldest = segment + 20 - ring // what comes after it is kept at first
	first, second := supervisor.Gap{First: 1, Last: oldest}, supervisor.Gap{First: segment + 1, Last: segment + 120 - ring}
	for name, test := range map[string]struct {
		filter *pb.EventFilter
		from   uint64
		want   [2]collected
	}{
		"two gaps, nothing between":  {&pb.EventFilter{Names: []string{"nobody"}}, 0, [2]collected{{0, first}, {0, second}}},
		"two gaps, events between":   {nil, 0, [2]collected{{segment - oldest, first}, {ring, second}}},
		"a gap behind events":        {nil, oldest, [2]collected{{segment - oldest, supervisor.Gap{}}, {ring, second}}},
		"a gap behind some of these": {&pb.EventFilter{Names: []string{"fountain"}}, oldest, [2]collected{{segment - oldest, supervisor.Gap{}}, {ring, second}}},
	} {
		t.Run(name, func(t *testing.T) {
			fountain := newFountain(t, ring)
			defer fountain.stop(t)
			w := newTestWatch(t, fountain, test.filter)
			fountain.pour(segment + 20 - int(fountain.sup.Cursor().Sequence))
			w.pass(test.from)
			next := w.server.feed.segment(segment + 1)
			next.mu.Lock() // the stream cannot go on there
			messages := make(chan collected)
			go func() { messages <- w.collectOnce() }()
			for w.progress.sequence.Load() != segment { // it is at the end of the first segment
				runtime.Gosched()
			}
			fountain.pour(100)
			next.mu.Unlock()
			if got := [2]collected{<-messages, w.collectOnce()}; got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

// However many events a stream does not select, it looks at each of them, and finds the one that it does.
func TestWatchFindsOneEventAmongMany(t *testing.T) {
	fountain := newFountain(t, 8*maxScan)
	defer fountain.stop(t)
	w := newTestWatch(t, fountain, &pb.EventFilter{Names: []string{"rare"}, Kinds: []pb.EventKind{pb.EventKind_EVENT_KIND_TASK_REMOVED}})
	fountain.pour(3 * maxScan)
	snap, err := fountain.sup.Add(t.Context(), supervisor.Spec{Name: "rare", Task: supervisor.TaskFunc(func(context.Context) error { return nil })})
	if err == nil {
		_, err = fountain.sup.Wait(t.Context(), supervisor.ByUID(snap.UID))
	}
	if err != nil {
		t.Fatal(err)
	}
	fountain.pour(3 * maxScan)
	found := 0
	for last := uint64(0); w.cursor() < fountain.sup.Cursor().Sequence; last = w.cursor() {
		found += w.collectOnce().events
		if at := w.cursor(); at == last || at > last+maxScan+feedSegmentEvents {
			t.Fatalf("from %d to %d in one go", last, at)
		}
	}
	if found != 1 {
		t.Errorf("found %d events", found)
	}
}
