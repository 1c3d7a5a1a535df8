package supervisor

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// checkCounts checks that Stats tells the states that List does.
func (r *rig) checkCounts() {
	r.t.Helper()
	var want StateCounts
	for _, snap := range r.List(ListOptions{}) {
		want[snap.State]++
	}
	for state := range want {
		if got := r.counts.states[state].Load(); got != int64(want[state]) {
			r.t.Errorf("%d tasks count as %s, want %d", got, State(state), want[state])
		}
	}
}

// TestStatsFollowsTheStates has a task in each state of a live one, and counts them while they come and go.
func TestStatsFollowsTheStates(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{MaxConcurrent: 2, Grace: time.Second, EventBuffer: 100, MaxTasks: -1})
		r.addBody("stuck", hangs().ignoring(time.Minute, nil))
		synctest.Wait()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, _ = r.Remove(ctx, ByName("stuck"), 0) // asks, and does not wait
		r.sleepUntil(time.Second)
		r.addBody("backoff", fails(0, "boom"), succeeds(0))
		synctest.Wait()
		r.addBody("running", succeeds(time.Minute))
		synctest.Wait()
		r.addBody("waiting", succeeds(0))
		queued := Once("queued", plays(succeeds(0)))
		queued.Admission = Admission{Slot: "running"}
		r.add(queued)
		synctest.Wait()

		want := StateCounts{StateQueued: 1, StateWaiting: 1, StateRunning: 1, StateBackoff: 1, StateStuck: 1}
		got := r.Stats()
		r.checkCounts()
		if got.Tasks != want || got.Tasks.Live() != 5 {
			t.Errorf("tasks %v, want %v", got.Tasks, want)
		}
		if got.Permits != 2 || got.MaxConcurrent != 2 || got.MaxTasks != 0 {
			t.Errorf("%d of %d permits held, at most %d tasks", got.Permits, got.MaxConcurrent, got.MaxTasks)
		}
		if got.Published != r.Cursor().Sequence || got.EventBuffer != 128 {
			t.Errorf("%d events published, %d kept", got.Published, got.EventBuffer)
		}
		_ = r.Shutdown(context.Background())
		r.checkEmpty()
		synctest.Wait()
		r.checkCounts()
		if got = r.Stats(); got.Tasks != (StateCounts{}) || got.Permits != 0 {
			t.Errorf("after the end: tasks %v, %d permits held", got.Tasks, got.Permits)
		}
	})
}

// Stats takes the same time whatever the number of tasks: it allocates nothing, and takes no lock.
func TestStatsTakesNoLock(t *testing.T) {
	r := newRig(t, Config{})
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := testing.AllocsPerRun(100, func() { _ = r.Stats() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
