package supervisor

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// closing is a body that is closed by do.
type closing struct {
	Task
	do     func() error
	closed atomic.Int32
}

func (c *closing) Close() error {
	c.closed.Add(1)
	if n, ok := c.Task.(*script); ok && n.running.Load() > 0 {
		panic("closed while it runs")
	}
	return c.do()
}

// wrapping is a body that says what it wraps.
type wrapping struct{ Task }

func (w wrapping) Unwrap() Task { return w.Task }

// closes makes the body of a spec one that is closed by do.
func closes(do func() error) func(*Spec) {
	return func(s *Spec) { s.Task = wrapping{&closing{Task: s.Task, do: do}} }
}

// closesAfter makes the body of a spec one whose Close takes that long.
func closesAfter(d time.Duration) func(*Spec) {
	return closes(func() error {
		time.Sleep(d)
		return nil
	})
}

func TestLifecycleClose(t *testing.T) {
	second := closesAfter(time.Second)
	runLifecycles(t, []lifecycle{{
		name: "after the last attempt", spec: second,
		steps: []step{fails(ms, "boom"), succeeds(ms)},
		log: `
			0s: A D S1
			1ms: FAILED1(1ms, boom) BACKOFF1(1s, FAILURE, boom)
			1.001s: S2
			1.002s: STOPPED2(1ms) X2(COMPLETED)
			2.002s: R(COMPLETED)`,
	}, {
		name: "after a fatal error, whose exit code stays", spec: second,
		steps: []step{ends(0, returns(Fatal(ExitCode(problem("boom"), 3))))},
		log: `
			0s: A D S1 FAILED1(0s, exit 3, boom) DEAD1(FATAL, exit 3, boom)
			1s: R(FATAL, exit 3, boom)`,
	}, {
		name: "after runtime.Goexit", spec: all(second, never),
		steps: []step{exits(ms)},
		log: `
			0s: A D S1
			1ms: FAILED1(1ms, goexit) X1(FAILED, goexit)
			1.001s: R(FAILED, goexit)`,
	}, {
		name: "after a removal", spec: second,
		steps: []step{hangs()},
		acts:  []act{remove(5*time.Second, 0)},
		log: `
			0s: A D S1
			5s: Q(removed) STOPPED1(5s)
			6s: R(CANCELED, removed)`,
	}, {
		name: "after a removal in backoff", spec: second,
		steps: []step{fails(0, "boom")},
		acts:  []act{remove(500*ms, 0)},
		log: `
			0s: A D S1 FAILED1(0s, boom) BACKOFF1(1s, FAILURE, boom)
			500ms: Q(removed)
			1.5s: R(CANCELED, removed)`,
	}, {
		name: "a removal while it closes joins the end", spec: second,
		steps: []step{succeeds(ms)},
		acts:  []act{remove(500*ms, 0)},
		log: `
			0s: A D S1
			1ms: STOPPED1(1ms) X1(COMPLETED)
			1.001s: R(COMPLETED)`,
	}, {
		name: "an error does not change the outcome", spec: closes(returnsError("no space")),
		steps: []step{succeeds(ms)},
		log: `
			0s: A D S1
			1ms: STOPPED1(1ms) X1(COMPLETED) R(COMPLETED, closing the body failed: no space)`,
	}, {
		name: "an error comes after the reason", spec: all(never, closes(returnsError("no space"))),
		steps: []step{fails(ms, "boom")},
		log: `
			0s: A D S1
			1ms: FAILED1(1ms, boom) X1(FAILED, boom) R(FAILED, boom; closing the body failed: no space)`,
	}, {
		name: "a panic", spec: closes(func() error { panic("ouch") }),
		steps: []step{succeeds(ms)},
		log: `
			0s: A D S1
			1ms: STOPPED1(1ms) X1(COMPLETED) R(COMPLETED, closing the body failed: panic: ouch)`,
	}, {
		name: "runtime.Goexit", spec: closes(func() error { runtime.Goexit(); return nil }),
		steps: []step{succeeds(ms)},
		log: `
			0s: A D S1
			1ms: STOPPED1(1ms) X1(COMPLETED) R(COMPLETED, closing the body failed: Close called runtime.Goexit instead of returning)`,
	}, {
		name: "stuck", spec: closesAfter(30 * time.Second),
		steps: []step{succeeds(ms)},
		log: `
			0s: A D S1
			1ms: STOPPED1(1ms) X1(COMPLETED)
			10.001s: GRACE_EXCEEDED1(Close of the body did not return within 10s)
			30.001s: R(COMPLETED)`,
	}, {
		name: "stuck for whoever removes it", spec: closesAfter(30 * time.Second),
		steps: []step{hangs().ignoring(time.Second, nil)},
		acts:  []act{remove(time.Second, 3*time.Second)},
		log: `
			0s: A D S1
			1s: Q(removed)
			2s: STOPPED1(2s)
			4s: GRACE_EXCEEDED1(Close of the body did not return within 3s)
			32s: R(CANCELED, removed)`,
	}, {
		name: "stuck after a body that was stuck is reported once", spec: closesAfter(30 * time.Second),
		steps: []step{hangs().ignoring(15*time.Second, nil)},
		acts:  []act{remove(0, 0)},
		log: `
			0s: A D S1 Q(removed)
			10s: GRACE_EXCEEDED1(the body did not return within 10s of its cancellation)
			15s: STOPPED1(15s)
			45s: R(CANCELED, removed)`,
	}, {
		name: "within the grace of the shutdown", spec: closesAfter(5 * time.Second),
		steps: []step{hangs().ignoring(4*time.Second, nil)},
		acts:  []act{shutdownAt(0)},
		log: `
			0s: A D S1 SHUTDOWN(shutdown)
			4s: STOPPED1(4s)
			9s: R(CANCELED, shutdown) ALL_STOPPED`,
	}, {
		name: "abandoned by the shutdown", spec: closesAfter(7 * time.Second),
		steps: []step{hangs().ignoring(4*time.Second, nil)},
		acts:  []act{shutdownAt(0)},
		log: `
			0s: A D S1 SHUTDOWN(shutdown)
			4s: STOPPED1(4s)
			10s: GRACE_EXCEEDED1(Close of the body did not return within 10s)`,
	}})
}

func returnsError(text string) func() error { return func() error { return problem(text) } }

// A name, a slot and a permit are free only when the body is closed.
func TestNobodyGetsWhatABodyThatClosesHas(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{MaxConcurrent: 1})
		spec := Once("a", plays(succeeds(0)))
		closesAfter(2 * time.Second)(&spec)
		spec.Admission.Slot = "s"
		r.add(spec)
		queued := Once("b", plays(succeeds(0)))
		queued.Admission.Slot = "s"
		r.add(queued)
		synctest.Wait()
		r.addBody("c", hangs())
		r.sleepUntil(time.Second)
		r.mustState(ByName("a"), StateStopping)
		r.mustState(ByName("b"), StateQueued)
		r.mustState(ByName("c"), StateWaiting)
		if _, err := r.Add(t.Context(), spec); !errors.Is(err, ErrTaskExists) {
			t.Errorf("Add while the body is closed: %v", err)
		}
		spec.Task = plays(hangs())
		snap, err := r.Replace(t.Context(), spec)
		if at := time.Since(r.began); err != nil || at != 2*time.Second {
			t.Errorf("replaced at %s, %v; want 2s", at, err)
		}
		_, _ = r.Remove(t.Context(), ByUID(snap.UID), 0)
	})
}

// A Close that does not return is where its stack says, and its task is stuck for those who wait.
func TestGraceExceededSaysWhereCloseIs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		release := make(chan struct{})
		spec := Once("a", plays(succeeds(0)))
		closes(func() error { waitsDeaf(release); return nil })(&spec)
		ref := ByUID(r.add(spec).UID)
		if snap, err := r.Wait(t.Context(), ref); !errors.Is(err, ErrTaskStuck) || snap.State != StateStuck {
			t.Errorf("Wait: %s, %v", snap.State, err)
		}
		events := r.events()
		want := "Close of the body did not return within 10s; it is at supervisor.waitsDeaf (stack_test.go:"
		if last := events[len(events)-1]; !strings.HasPrefix(last.Reason, want) {
			t.Errorf("reason %q does not begin with %q", last.Reason, want)
		}
		close(release)
		if end := r.end(ref); end.Outcome != OutcomeCompleted || end.Reason != "" {
			t.Errorf("outcome %s, reason %q", end.Outcome, end.Reason)
		}
	})
}

// unused adds tasks whose bodies never run, each in another way, and ends them.
func unused(t *testing.T, r *rig, spec func(name string) Spec) {
	t.Helper()
	ctx := t.Context()
	owner := r.add(slotted(Once("owner", plays(hangs())), AdmitQueue))
	r.add(slotted(spec("removed"), AdmitQueue))
	if _, err := r.Remove(ctx, ByName("removed"), 0); err != nil {
		t.Error(err)
	}
	r.add(slotted(spec("replaced"), AdmitQueue))
	if _, err := r.Replace(ctx, slotted(spec("replaced"), AdmitQueue)); err != nil {
		t.Error(err)
	}
	r.PurgeSlot("s")
	r.add(slotted(spec("superseded"), AdmitReplace))
	r.add(slotted(spec("closes with the supervisor"), AdmitReplace))
	_, _ = r.Remove(ctx, ByUID(owner.UID), 0)
}

func slotted(s Spec, policy AdmissionPolicy) Spec {
	s.Name = strings.ReplaceAll(s.Name, " ", "-")
	s.Admission = Admission{Slot: "s", Policy: policy}
	return s
}

func TestABodyThatNeverRanIsClosedOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var log bytes.Buffer
		r := newRig(t, Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		var bodies []*closing
		spec := func(name string) Spec {
			body := &closing{Task: plays(hangs()), do: func() error { return nil }}
			bodies = append(bodies, body)
			return Once(name, body)
		}
		unused(t, r, spec)
		if err := r.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		for i, b := range bodies {
			if n := b.closed.Load(); n != 1 {
				t.Errorf("body %d was closed %d times", i, n)
			}
		}
		if log.Len() > 0 {
			t.Error(log.String())
		}
	})
}

// What goes wrong is logged, since the life is over.
func TestABodyThatNeverRanCannotBeClosed(t *testing.T) {
	for want, do := range map[string]func() error{
		"no space":    returnsError("no space"),
		"panic: ouch": func() error { panic("ouch") },
		"Goexit":      func() error { runtime.Goexit(); return nil },
	} {
		bubble(t, func(t *testing.T) {
			var log bytes.Buffer
			r := newRig(t, Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
			r.add(slotted(Once("owner", plays(hangs())), AdmitQueue))
			r.add(slotted(Once("queued", &closing{Task: plays(hangs()), do: do}), AdmitQueue))
			r.PurgeSlot("s")
			synctest.Wait()
			for _, part := range []string{want, "task=queued", "uid=", "level=ERROR"} {
				if !strings.Contains(log.String(), part) {
					t.Errorf("the log does not say %q: %s", part, log.String())
				}
			}
		})
	}
}

// Who gets an error keeps the body; but not who leaves a Replace alone.
func TestWhoHasTheBodyAfterAnError(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{SlotQueue: 1})
		body := func() *closing { return &closing{Task: plays(hangs()), do: func() error { return nil }} }
		deaf := slotted(Once("a", plays(hangs().ignoring(time.Hour, nil))), AdmitQueue)
		r.add(deaf)
		r.add(slotted(Once("b", plays(hangs())), AdmitQueue))
		synctest.Wait()
		for name, act := range map[string]func(Spec) error{
			"exists": func(s Spec) error { _, err := r.Add(t.Context(), slotted(s, AdmitQueue)); return err },
			"full": func(s Spec) error {
				s.Name = "c"
				_, err := r.Add(t.Context(), slotted(s, AdmitQueue))
				return err
			},
			"batch": func(s Spec) error { return r.Start(t.Context(), s) },
			"stuck": func(s Spec) error { _, err := r.Replace(t.Context(), s); return err },
		} {
			b := body()
			if err := act(Once("a", b)); err == nil {
				t.Errorf("%s: no error", name)
			}
			synctest.Wait()
			if n := b.closed.Load(); n != 0 {
				t.Errorf("%s: closed %d times", name, n)
			}
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for range 2 { // first while it waits, then when the context is done already
			b := body()
			if _, err := r.Replace(ctx, Once("a", b)); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			time.Sleep(r.config.Grace)
			synctest.Wait()
			if n := b.closed.Load(); n != 1 {
				t.Errorf("closed %d times after its caller has left", n)
			}
		}
	})
}

func TestDiscard(t *testing.T) {
	bubble(t, func(*testing.T) {
		b := &closing{Task: plays(hangs()), do: func() error { return nil }}
		Discard(wrapping{b})
		Discard(plays(hangs()))
		Discard(nil)
		synctest.Wait()
		if n := b.closed.Load(); n != 1 {
			t.Errorf("closed %d times", n)
		}
	})
}

// However lives are removed, replaced and shut down, each body is closed once, and never while it runs.
func TestEachBodyIsClosedOnce(t *testing.T) {
	for range 50 {
		bubble(t, func(t *testing.T) {
			r := newRig(t, Config{MaxConcurrent: 2})
			var bodies []*closing
			for i := range 20 {
				b := &closing{Task: plays(ends(time.Duration(i%3)*ms, returns(nil)), fails(ms, "boom")), do: func() error { return nil }}
				bodies = append(bodies, b)
				spec := Once(string(rune('a'+i)), b)
				if i%2 == 0 {
					spec.Admission.Slot = "s"
				}
				r.add(spec)
			}
			go func() { _, _ = r.Remove(context.Background(), ByName("c"), 0) }()
			go func() { _, _ = r.Remove(context.Background(), ByName("d"), 0) }()
			time.Sleep(3 * ms)
			_ = r.Shutdown(context.Background())
			synctest.Wait()
			for i, b := range bodies {
				if n := b.closed.Load(); n != 1 {
					t.Errorf("body %d was closed %d times", i, n)
				}
			}
		})
	}
}
