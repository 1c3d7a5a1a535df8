package supervisor

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// What the simulation found wrong in the engine, each as a test of its own.

// The permit was given back before the end of its attempt was on record. Then the next start overtook it, and log and List showed more
// running attempts than MaxConcurrent allows.
func TestNeverMoreRunningThanPermits(t *testing.T) {
	for range 200 {
		bubble(t, func(t *testing.T) {
			r := newRig(t, Config{MaxConcurrent: 1})
			for i := range 20 {
				r.addBody(fmt.Sprint("t", i), succeeds(0))
			}
			synctest.Wait()
			run := simRun{rig: r, events: r.events()}
			run.checkOrder()
		})
	}
}

// Tasks were canceled one after the other, so that the permit of the first let one start that had not been canceled yet. So did a
// backoff that ended meanwhile.
func TestNoAttemptStartsAfterShutdownWasRequested(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{MaxConcurrent: 1})
		for _, name := range []string{"a", "c", "b"} { // "a" runs, the others wait in this order
			r.addBody(name, hangs())
			synctest.Wait()
		}
		b := r.byName["b"]
		b.mu.Lock() // holds the shutdown up when it comes to "b"
		var shutdown sync.WaitGroup
		shutdown.Go(func() { _ = r.Shutdown(context.Background()) })
		for range 10_000 {
			runtime.Gosched() // "a" returns, if it was canceled, and "c" starts, if it can
		}
		b.mu.Unlock()
		shutdown.Wait()
		run := simRun{rig: r, events: r.events()}
		run.checkOrder()
	})
}

// A body that returned after the shutdown had given it up, but before the log was closed, was logged as CANCELED and kept as ABANDONED.
func TestAbandonedTaskIsRemovedAsAbandoned(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		snap := r.addBody("t", hangs().ignoring(2*time.Second, nil))
		synctest.Wait()
		r.cancel(r.byUID.get(snap.UID), demand{cause: ErrShutdown})
		r.byUID.get(snap.UID).abandon(time.Second, "")
		r.sleepUntil(2 * time.Second)
		final := r.mustState(ByUID(snap.UID), StateFinished)
		events := r.events()
		if last := events[len(events)-1]; last.Kind != TaskRemoved || last.Outcome != OutcomeAbandoned || final.Outcome != OutcomeAbandoned {
			t.Errorf("outcome %s, last event %s", final.Outcome, word(&last))
		}
	})
}
