package top

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// taking takes news from a feed, in the background.
type taking struct {
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
			r.times, r.last = append(r.times, time.Now()), n
		}
	}()
	synctest.Wait()
	return r
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
		if len(r.times) != 1 || r.times[0] != start {
			t.Fatalf("news were taken at %v, not once at %s", r.times, start)
		}
		time.Sleep(10 * time.Second)
		if len(r.times) != 2 || r.times[1].Sub(start) != frameTime {
			t.Fatalf("news were taken at %v", r.times)
		}
		kept := len(r.last.entries)
		if kept < tailSize || kept > 2*tailSize || r.last.entries[kept-1].event.GetSequence() != total {
			t.Errorf("%d entries came, up to %d", kept, r.last.entries[kept-1].event.GetSequence())
		}
		if first := r.last.entries[0].event.GetSequence(); first != r.last.skipped+50_001 && first <= r.last.skipped {
			t.Errorf("%d were skipped, and the first one is %d", r.last.skipped, first)
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
		time.Sleep(2 * time.Hour)
		if len(r.times) != 1 || r.times[0].Sub(start) != time.Minute {
			t.Errorf("it returned at %v", r.times)
		}
		f.setAlarm(time.Now().Add(time.Minute))
		f.setAlarm(time.Time{})
		time.Sleep(24 * time.Hour)
		if len(r.times) != 1 {
			t.Errorf("it returned at %v, without an alarm", r.times)
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
		synctest.Wait()
		if len(r.times) != 1 || r.last.follow != 1 || r.last.err != nil || !r.last.synced {
			t.Errorf("%d times, %+v", len(r.times), r.last)
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
