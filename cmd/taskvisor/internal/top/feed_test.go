package top

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// taking takes news from a feed, in the background.
type taking struct {
	mu    sync.Mutex // guards what is below
	times []time.Time
	last  news
}

func take(ctx context.Context, f *feed) *taking {
	r := &taking{}
	go func() {
		for {
			n, ok := f.next(ctx)
			if !ok {
				return
			}
			r.mu.Lock()
			r.times, r.last = append(r.times, time.Now()), n
			r.mu.Unlock()
		}
	}()
	synctest.Wait()
	return r
}

// after returns when news were taken, and the last ones, once a time has passed.
func (r *taking) after(d time.Duration) (times []time.Time, last news) {
	time.Sleep(d)
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.times, r.last
}

// "At most ten frames a second are drawn because of what happens, whatever happens", the first of them at once.
func TestFeedGathers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFeed()
		r := take(t.Context(), f)
		start := time.Now()
		total := uint64(0)
		for range 3 {
			for range 50_000 {
				total++
				f.tell(0, func(n *news) { n.count(client.Change{Event: &pb.Event{Sequence: total}}) })
			}
			synctest.Wait()
		}
		times, first := r.after(0)
		if len(times) != 1 || times[0] != start {
			t.Fatalf("news were taken at %v, not once at %s", times, start)
		}
		times, last := r.after(10 * time.Second)
		if len(times) != 2 || times[1].Sub(start) != frameTime {
			t.Fatalf("news were taken at %v", times)
		}
		kept := uint64(len(last.entries))
		if kept < tailSize || kept > 2*tailSize || last.entries[kept-1].event.GetSequence() != total {
			t.Errorf("%d entries came, up to %d", kept, last.entries[kept-1].event.GetSequence())
		}
		if all := uint64(len(first.entries)) + first.skipped + kept + last.skipped; all != total {
			t.Errorf("%d entries came or were skipped, of %d", all, total)
		}
	})
}

func TestFeedAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFeed()
		r := take(t.Context(), f)
		start := time.Now()
		f.setAlarm(start.Add(time.Hour))
		f.setAlarm(start.Add(time.Minute))
		if times, _ := r.after(2 * time.Hour); len(times) != 1 || times[0].Sub(start) != time.Minute {
			t.Errorf("it returned at %v", times)
		}
		f.setAlarm(time.Now().Add(time.Minute))
		f.setAlarm(time.Time{})
		if times, _ := r.after(24 * time.Hour); len(times) != 1 {
			t.Errorf("it returned at %v, without an alarm", times)
		}
	})
}

func TestFeedOfAnotherFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFeed()
		f.tell(0, func(n *news) { n.err = errors.New("old") })
		f.reset(1)
		f.tell(0, func(n *news) { n.err = errors.New("late") })
		r := take(t.Context(), f)
		f.tell(1, func(n *news) { n.synced = true })
		if times, last := r.after(0); len(times) != 1 || last.follow != 1 || last.err != nil || !last.synced {
			t.Errorf("%d times, %+v", len(times), last)
		}
	})
}

// TestRestartsOfEndedTasksAreNotKept has a flood of tasks that end between two frames.
func TestRestartsOfEndedTasksAreNotKept(t *testing.T) {
	f := newFeed()
	for _, kind := range []pb.EventKind{pb.EventKind_EVENT_KIND_TASK_STARTING, pb.EventKind_EVENT_KIND_TASK_REMOVED} {
		f.tell(0, func(n *news) {
			n.count(client.Change{Event: &pb.Event{Kind: kind, Uid: "u", Attempt: 2, Outcome: pb.Outcome_OUTCOME_FAILED}})
		})
		if kept := len(f.news.runs); kept > 0 != (kind == pb.EventKind_EVENT_KIND_TASK_STARTING) {
			t.Errorf("after %s, %d are kept", kind, kept)
		}
	}
	if f.news.ended[pb.Outcome_OUTCOME_FAILED] != 1 {
		t.Errorf("ended: %v", f.news.ended)
	}
}

// BenchmarkFeed tells the feed of an event.
func BenchmarkFeed(b *testing.B) {
	f := newFeed()
	c := client.Change{Event: &pb.Event{Uid: "u", Attempt: 2, Kind: pb.EventKind_EVENT_KIND_TASK_STARTING}}
	b.ReportAllocs()
	for b.Loop() {
		f.tell(0, func(n *news) { n.count(c) })
	}
}
