package supervisor

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Faults that a review has found, each with the test that showed it.

// "Everyone waiting on it is answered" when a body is stuck: Wait too.
func TestWaitIsAnsweredWhenTheBodyIsStuck(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		snap := r.addBody("t", hangs().ignoring(time.Hour, nil))
		synctest.Wait()
		go func() { _, _ = r.Remove(context.Background(), ByUID(snap.UID), time.Second) }()
		snap, err := r.Wait(context.Background(), ByUID(snap.UID))
		if waited := time.Since(r.began); !errors.Is(err, ErrTaskStuck) || snap.State != StateStuck || waited != time.Second {
			t.Errorf("Wait: %s, %v, after %s", snap.State, err, waited)
		}
	})
}

// The verdict of the shutdown names every body that is stuck then, one that a removal has reported before as well: who watches has to learn
// how it went, from whenever on.
func TestVerdictNamesAllThatAreStuck(t *testing.T) {
	l := lifecycle{
		steps: []step{hangs().ignoring(time.Minute, nil)},
		acts:  []act{remove(time.Second, time.Second), shutdownAt(5 * time.Second)},
	}
	mustLog(t, l.run(t), `
		0s: A D S1
		1s: Q(removed)
		2s: GRACE_EXCEEDED1(the body did not return within 1s of its cancellation)
		5s: SHUTDOWN(shutdown)
		15s: GRACE_EXCEEDED1(the body did not return within 10s of its cancellation)`)
}

// What has ended is found so, also by a caller whose context is done.
func TestWaitFindsTheEndWithADoneContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		snap := r.addBody("t", succeeds(0))
		r.end(ByUID(snap.UID))
		done, cancel := context.WithCancel(context.Background())
		cancel()
		failed := 0
		for range 100 {
			if _, err := r.Wait(done, ByUID(snap.UID)); err != nil {
				failed++
			}
		}
		if failed != 0 {
			t.Errorf("%d of 100 calls of Wait did not find the end", failed)
		}
	})
}

// A function that is nil is no body.
func TestNilFuncIsNoBody(t *testing.T) {
	spec := Once("t", TaskFunc(nil))
	mustViolate(t, spec.Validate(), "task")
}

// The state knows why the rules ended a life, not the events alone.
func TestReasonOfTheEndIsKept(t *testing.T) {
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	spec := Periodic("t", time.Microsecond, plays(succeeds(0)))
	spec.Restart.Limit = RestartLimit{1, time.Minute}
	err = s.Run(t.Context(), spec)
	const reason = "restart limit reached: 1 restarts within 1m0s"
	if end, ok := errors.AsType[*EndError](err); !ok || end.End.Reason != reason || !strings.HasSuffix(err.Error(), "ended FAILED: "+reason) {
		t.Errorf("Run: %v", err)
	}
}

// The shutdown of one supervisor is a failure like others for a task of another one.
func TestShutdownOfAnotherSupervisorIsAFailure(t *testing.T) {
	bubble(t, func(t *testing.T) {
		other := newRig(t, Config{})
		if err := other.Shutdown(context.Background()); err != nil {
			t.Fatal(err)
		}
		r := newRig(t, Config{})
		spec := Once("t", TaskFunc(func(ctx context.Context) error {
			_, err := other.Add(ctx, Once("child", plays(succeeds(0))))
			return err
		}))
		if end := r.end(ByUID(r.add(spec).UID)); end.Outcome != OutcomeFailed {
			t.Errorf("outcome %s", end.Outcome)
		}
	})
}
