package supervisor

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
)

func withHeartbeat(d time.Duration) func(*Spec) { return func(s *Spec) { s.HeartbeatTimeout = d } }

// beats ends an attempt like ends, after n heartbeats that come every d.
func beats(n int, d time.Duration, then step) step {
	return ends(0, func(ctx context.Context) error {
		for range n {
			time.Sleep(d)
			Heartbeat(ctx)
		}
		return then.play(ctx)
	})
}

func TestLifecycleHeartbeats(t *testing.T) {
	runLifecycles(t, []lifecycle{{
		name: "silent from the beginning", spec: all(withHeartbeat(2*time.Second), never),
		steps: []step{hangs()},
		log: `
			0s: A D S1
			2s: TIMEOUT1(2s) FAILED1(2s, no heartbeat for 2s) X1(FAILED, no heartbeat for 2s) R(FAILED, no heartbeat for 2s)`,
	}, {
		name: "silent after a while", spec: withHeartbeat(2 * time.Second),
		steps: []step{beats(3, 1900*ms, hangs()), beats(1, 1900*ms, succeeds(1900*ms))},
		log: `
			0s: A D S1
			7.7s: TIMEOUT1(2s) FAILED1(7.7s, no heartbeat for 2s) BACKOFF1(1s, FAILURE, no heartbeat for 2s)
			8.7s: S2
			12.5s: STOPPED2(3.8s) X2(COMPLETED) R(COMPLETED)`,
	}, {
		name: "never late", spec: withHeartbeat(2 * time.Second),
		steps: []step{beats(100, 1900*ms, succeeds(0))},
		log: `
			0s: A D S1
			3m10s: STOPPED1(3m10s) X1(COMPLETED) R(COMPLETED)`,
	}, {
		name: "the timeout comes first, and once", spec: all(withHeartbeat(3*time.Second), withTimeout(2*time.Second), never),
		steps: []step{hangs().ignoring(5*time.Second, nil)},
		log: `
			0s: A D S1
			2s: TIMEOUT1(2s)
			7s: FAILED1(7s, timeout after 2s) X1(FAILED, timeout after 2s) R(FAILED, timeout after 2s)`,
	}, {
		name: "the heartbeat is missed first, and once", spec: all(withHeartbeat(2*time.Second), withTimeout(3*time.Second), never),
		steps: []step{hangs().ignoring(5*time.Second, problem("late"))},
		log: `
			0s: A D S1
			2s: TIMEOUT1(2s)
			7s: FAILED1(7s, no heartbeat for 2s: late) X1(FAILED, no heartbeat for 2s: late) R(FAILED, no heartbeat for 2s: late)`,
	}, {
		name: "a heartbeat that comes too late does not help", spec: all(withHeartbeat(2*time.Second), never),
		steps: []step{beats(1, 3*time.Second, succeeds(0))},
		log: `
			0s: A D S1
			2s: TIMEOUT1(2s)
			3s: FAILED1(3s, no heartbeat for 2s) X1(FAILED, no heartbeat for 2s) R(FAILED, no heartbeat for 2s)`,
	}, {
		name: "none is needed once the task is removed", spec: withHeartbeat(2 * time.Second),
		steps: []step{hangs().ignoring(5*time.Second, nil)},
		acts:  []act{remove(time.Second, time.Minute)},
		log: `
			0s: A D S1
			1s: Q(removed)
			6s: STOPPED1(6s) R(CANCELED, removed)`,
	}, {
		name: "none is needed by default", spec: withHeartbeat(None),
		steps: []step{succeeds(time.Hour)},
		log: `
			0s: A D S1
			1h0m0s: STOPPED1(1h0m0s) X1(COMPLETED) R(COMPLETED)`,
	}})
}

// A missed heartbeat is a timeout to the body and to who reads the error.
func TestAMissedHeartbeatIsATimeout(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		var cause error
		spec := Once("a", TaskFunc(func(ctx context.Context) error {
			<-ctx.Done()
			cause = context.Cause(ctx)
			return ctx.Err()
		}))
		spec.HeartbeatTimeout = time.Second
		snap := r.end(ByUID(r.add(spec).UID))
		if !errors.Is(cause, ErrTimeout) || !errors.Is(snap.LastError.Err, ErrTimeout) {
			t.Errorf("cause %v, error %v; want ErrTimeout", cause, snap.LastError.Err)
		}
	})
}

func TestProgress(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		var kept context.Context
		body := TaskFunc(func(ctx context.Context) error {
			info, _ := Attempt(ctx)
			time.Sleep(time.Second)
			if info.Attempt == 1 {
				kept = ctx
				Progress(ctx, "half")
				time.Sleep(1500 * ms)
				Progress(ctx, strings.Repeat("ä", MaxProgress))
				time.Sleep(1500 * ms)
				return problem("no")
			}
			time.Sleep(time.Hour)
			return nil
		})
		spec := plain(Restartable("a", body))
		spec.HeartbeatTimeout = 2 * time.Second
		ref := ByUID(r.add(spec).UID)
		for _, look := range []struct {
			at   time.Duration
			want string
		}{
			{500 * ms, ""},
			{1500 * ms, "half"},
			{3 * time.Second, strings.Repeat("ä", (MaxProgress-len("…"))/2) + "…"}, // it was a heartbeat too, or this would not have come
			{4500 * ms, strings.Repeat("ä", (MaxProgress-len("…"))/2) + "…"},       // in backoff
			{5500 * ms, ""}, // of the next attempt
		} {
			r.sleepUntil(look.at)
			Progress(context.Background(), "nobody")
			if look.at > 4*time.Second {
				Progress(kept, "of an attempt that is over")
				Heartbeat(kept)
			}
			if snap, err := r.Get(ref); err != nil || snap.Progress != look.want {
				t.Errorf("at %s: progress %q, %v; want %q", look.at, snap.Progress, err, look.want)
			}
		}
		mustLog(t, r.log(), `
			0s: A D S1
			4s: FAILED1(4s, no) BACKOFF1(1s, FAILURE, no)
			5s: S2`)
	})
}

// Heartbeats may come from any goroutine, at the same time, and around the end of an attempt.
func TestHeartbeatsFromManyGoroutines(t *testing.T) {
	r := newRig(t, Config{})
	var beating sync.WaitGroup
	spec := Once("a", TaskFunc(func(ctx context.Context) error {
		for range 8 {
			beating.Go(func() {
				for range 1000 {
					Heartbeat(ctx)
					Progress(ctx, "on")
				}
			})
		}
		return nil
	}))
	spec.HeartbeatTimeout = time.Hour
	snap := r.end(ByUID(r.add(spec).UID))
	beating.Wait()
	if snap.Outcome != OutcomeCompleted {
		t.Errorf("outcome %s", snap.Outcome)
	}
}
