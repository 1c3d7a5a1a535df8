package server

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
)

// fountain is a supervisor whose log fills at will: with lines of output, numbered from 1.
type fountain struct {
	sup     *supervisor.Supervisor
	archive archive
	lines   chan int // how many more lines are to be written
	done    chan struct{}
}

func newFountain(t testing.TB, buffer int) *fountain {
	t.Helper()
	f := &fountain{lines: make(chan int), done: make(chan struct{})}
	f.sup = must(supervisor.New(supervisor.Config{EventBuffer: buffer, OutputRate: -1}))
	f.archive = archive{must(f.sup.Read(f.sup.Cursor())), map[uint64]*pb.Event{}}
	_, err := f.sup.Add(t.Context(), supervisor.Spec{Name: "fountain", CaptureOutput: true, Task: supervisor.TaskFunc(f.run)})
	if err != nil {
		t.Fatal(err)
	}
	f.pour(0) // it has begun
	return f
}

func (f *fountain) run(ctx context.Context) error {
	for line := 1; ; f.done <- struct{}{} {
		select {
		case n := <-f.lines:
			for range n {
				supervisor.OutputLine(ctx, supervisor.Stdout, fmt.Sprint("line ", line))
				line++
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// pour appends n events.
func (f *fountain) pour(n int) {
	f.lines <- n
	<-f.done
}

func (f *fountain) stop(t testing.TB) {
	t.Helper()
	if err := f.sup.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

// checkRun checks that the run has the events from sequence on, encoded as those of the log.
func checkRun(t testing.TB, r *run, sequence uint64, of map[uint64]*pb.Event) {
	t.Helper()
	var m pb.WatchEventsResponse
	if err := proto.Unmarshal(r.slice(0, r.len()), &m); err != nil {
		t.Fatal(err)
	}
	if len(m.GetEvents()) != r.len() || len(r.keys) != r.len() {
		t.Fatalf("%d events and %d keys in a run of %d", len(m.GetEvents()), len(r.keys), r.len())
	}
	for i, e := range m.GetEvents() {
		if want := of[sequence+uint64(i)]; !proto.Equal(e, want) {
			t.Fatalf("event %d is %v, want %v", sequence+uint64(i), e, want)
		}
		if key := r.keys[i]; key.task != e.GetTask() || key.uid.String() != e.GetUid() || toWire(wireKinds[:], key.kind) != e.GetKind() {
			t.Fatalf("key %+v of event %v", key, e)
		}
	}
}

// archive keeps what the log had, as it should be on the wire.
type archive struct {
	reader *supervisor.Reader
	events map[uint64]*pb.Event
}

// update reads what has happened since; no more than the log keeps.
func (a *archive) update() {
	var buf [32]supervisor.Event
	for {
		n, _ := a.reader.TryNext(buf[:])
		if n == 0 {
			return
		}
		for i := range buf[:n] {
			a.events[buf[i].Sequence] = eventToWire(&buf[i])
		}
	}
}

// Whatever the positions that streams ask for, and however the log turns over between: a stream gets what follows its position, as the log has it, or
// is told of a gap that ends where the log begins. Nothing is encoded twice that follows what was.
func TestFeedFollowsTheLog(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		buffer := rapid.SampledFrom([]int{1, 4, 64, 128, 512}).Draw(rt, "buffer")
		fountain := newFountain(t, buffer)
		defer fountain.stop(t)
		fountain.archive.update()
		f := newFeed(fountain.sup)
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			for left := rapid.IntRange(0, 2*buffer).Draw(rt, "events"); left > 0; {
				n := min(left, max(1, buffer/2))
				fountain.pour(n)
				fountain.archive.update()
				left -= n
			}
			latest, oldest := fountain.sup.Cursor().Sequence, fountain.sup.OldestCursor().Sequence+1
			after := uint64(rapid.IntRange(0, int(latest)).Draw(rt, "after"))
			r, gap := f.after(after)
			next := after + 1
			if !gap.IsZero() {
				if gap.First != next || gap.Last != oldest-1 {
					rt.Fatalf("gap %v after %d, the oldest is %d", gap, after, oldest)
				}
				next = gap.Last + 1
			}
			if (r.len() == 0) != (after == latest) {
				rt.Fatalf("%d events after %d of %d", r.len(), after, latest)
			}
			checkRun(t, &r, next, fountain.archive.events)
		}
	})
}

// Streams that come later, go back, or read at the same time find what others have encoded.
func TestFeedEncodesOnce(t *testing.T) {
	fountain := newFountain(t, 4096)
	defer fountain.stop(t)
	f := newFeed(fountain.sup)
	const events, readers = 3000, 8
	read := func() {
		for after := uint64(0); after < events; {
			r, gap := f.after(after)
			if !gap.IsZero() {
				t.Errorf("gap %v", gap)
			}
			after += uint64(r.len())
		}
	}
	var wg sync.WaitGroup
	for range readers {
		wg.Go(read)
	}
	for range events {
		fountain.pour(1)
	}
	wg.Wait()
	read()
	if got, latest := f.encoded.Load(), fountain.sup.Cursor().Sequence; got > latest || got < events {
		t.Errorf("%d of %d events were encoded %d times", events, latest, got)
	}
}

// A segment whose beginning the log has dropped goes on behind the gap, up to its own end and no further: what follows belongs to the next one, and is
// encoded there.
func TestFeedEncodesOnceBehindAGap(t *testing.T) {
	const ring, segment = 64, feedSegmentEvents
	fountain := newFountain(t, ring)
	defer fountain.stop(t)
	f := newFeed(fountain.sup)
	fountain.pour(segment + 20 - int(fountain.sup.Cursor().Sequence))
	if r, gap := f.after(segment); r.len() != 20 || !gap.IsZero() {
		t.Errorf("%d events, gap %v", r.len(), gap)
	}
	fountain.pour(segment + 10) // 30 of the next segment, and 34 of this one are kept
	if r, gap := f.after(segment + 20); r.len() != ring-30 || gap != (supervisor.Gap{First: segment + 21, Last: 2*segment + 30 - ring}) {
		t.Errorf("%d events, gap %v", r.len(), gap)
	}
	if r, gap := f.after(2 * segment); r.len() != 30 || !gap.IsZero() {
		t.Errorf("%d events, gap %v", r.len(), gap)
	}
	if got := f.encoded.Load(); got != 20+ring {
		t.Errorf("%d events were encoded, want %d", got, 20+ring)
	}
}

// Scratch pads keep nothing of events that the log has dropped.
func TestFeedForgetsWhatItHasEncoded(t *testing.T) {
	fountain := newFountain(t, 64)
	defer fountain.stop(t)
	f := newFeed(fountain.sup)
	f.after(0)
	buf, _ := f.buffers.Get().(*feedBuffer)
	for i := range buf {
		if e := &buf[i]; e.Task != "" || e.Line != "" || e.Labels != nil {
			t.Errorf("event %d is still %v", i, e)
		}
	}
}

// Readers that are fast and slow, while the log turns over under them all the time: each sequence comes once, in a run or in a gap.
func TestFeedUnderALogThatTurnsOver(t *testing.T) {
	for _, buffer := range []int{1, 64, 256} {
		fountain := newFountain(t, buffer)
		f := newFeed(fountain.sup)
		const events = 5_000
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() { followFeed(t, f, events, i) })
		}
		for range events / 10 {
			fountain.pour(10)
		}
		wg.Wait()
		fountain.stop(t)
	}
}

func followFeed(t *testing.T, f *feed, until uint64, slowness int) {
	for after := uint64(0); after < until; {
		r, gap := f.after(after)
		if !gap.IsZero() {
			if gap.First != after+1 || gap.Last < gap.First {
				t.Errorf("gap %v after %d", gap, after)
			}
			after = gap.Last
		}
		n := r.len()
		if n == 0 {
			continue
		}
		if n > 3*slowness { // a full message
			n -= slowness
		}
		for sequence, e := range decodeRun(t, &r, n) {
			if e.GetSequence() != after+1+uint64(sequence) {
				t.Errorf("event %v, want %d", e, after+1+uint64(sequence))
			}
		}
		after += uint64(n)
	}
}

func decodeRun(t *testing.T, r *run, n int) []*pb.Event {
	var m pb.WatchEventsResponse
	if err := proto.Unmarshal(r.slice(0, n), &m); err != nil {
		t.Error(err)
	}
	return m.GetEvents()
}

// What filters see must not depend on what the client is sent.
func TestFeedKeepsLabels(t *testing.T) {
	sup := must(supervisor.New(supervisor.Config{}))
	labels := map[string]string{"app": "web"}
	snap, err := sup.Add(t.Context(), supervisor.Spec{Name: "a", Labels: labels, Task: supervisor.TaskFunc(func(context.Context) error { return nil })})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sup.Wait(t.Context(), supervisor.ByUID(snap.UID)); err != nil {
		t.Fatal(err)
	}
	r, _ := newFeed(sup).after(0)
	for _, key := range r.keys {
		if key.labels["app"] != "web" {
			t.Errorf("key %+v", key)
		}
	}
}
