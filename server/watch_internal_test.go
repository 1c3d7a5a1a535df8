package server

import (
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

// The log may turn over once more while a stream looks at events that it does not select: each of the two gaps is told.
func TestWatchTellsOfTwoGapsWithNothingBetween(t *testing.T) {
	fountain := newFountain(t, 64)
	defer fountain.stop(t)
	w := newTestWatch(t, fountain, &pb.EventFilter{Names: []string{"nobody"}})
	const segment = feedSegmentEvents
	fountain.pour(segment + 20 - int(fountain.sup.Cursor().Sequence))
	second := w.server.feed.segment(segment + 1)
	second.mu.Lock() // the stream cannot go on there
	type collected struct {
		events int
		gap    supervisor.Gap
	}
	messages := make(chan collected)
	collect := func() {
		m, _ := w.collect(new(batch))
		if m == nil {
			m = new(frame)
		}
		messages <- collected{m.events, m.gap}
	}
	go collect()
	for w.progress.sequence.Load() != segment { // it is at the end of the first segment
		runtime.Gosched()
	}
	fountain.pour(100)
	second.mu.Unlock()
	if got, want := <-messages, (collected{0, supervisor.Gap{First: 1, Last: segment + 20 - 64}}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	go collect()
	if got, want := <-messages, (collected{0, supervisor.Gap{First: segment + 1, Last: segment + 120 - 64}}); got != want {
		t.Errorf("then %+v, want %+v", got, want)
	}
}
