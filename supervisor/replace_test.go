package supervisor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// replacing is a Replace that waits, or has its answer.
type replacing struct {
	r    *rig
	snap Snapshot
	err  error
	at   time.Duration // of the answer
	done chan struct{}
}

// replacing calls Replace, and returns when that waits or is answered.
func (r *rig) replacing(ctx context.Context, spec Spec) *replacing {
	c := &replacing{r: r, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		c.snap, c.err = r.Replace(ctx, spec)
		c.at = time.Since(r.began)
	}()
	synctest.Wait()
	return c
}

// answered waits for the answer, which must be this error.
func (c *replacing) answered(want error) Snapshot {
	c.r.t.Helper()
	<-c.done
	if !errors.Is(c.err, want) {
		c.r.t.Errorf("Replace: %v, want %v", c.err, want)
	}
	return c.snap
}

func TestReplaceLogs(t *testing.T) {
	a := func(steps ...step) Spec { return plain(Restartable("a", plays(steps...))) }
	deaf := hangs().ignoring(2*time.Second, nil)
	background := context.Background()
	tests := []struct {
		name string
		run  func(r *rig)
		want string
	}{
		{"nothing to replace", func(r *rig) {
			r.replacing(background, a(succeeds(time.Second))).answered(nil)
		}, `
			0s: A D S1
			1s: STOPPED1(1s) X1(COMPLETED) R(COMPLETED)`},
		{"a body that returns at once", func(r *rig) {
			r.put(a(hangs()))
			r.sleepUntil(time.Second)
			r.replacing(background, a(succeeds(time.Second))).answered(nil)
		}, `
			0s: A D S1
			1s: Q(to be replaced by a later task "a") STOPPED1(1s) R(CANCELED, to be replaced by a later task "a") A D S1
			2s: STOPPED1(1s) X1(COMPLETED) R(COMPLETED)`},
		{"a body that takes its time", func(r *rig) {
			r.put(a(deaf))
			r.sleepUntil(time.Second)
			r.replacing(background, a(succeeds(time.Second))).answered(nil)
		}, `
			0s: A D S1
			1s: Q(to be replaced by a later task "a")
			3s: STOPPED1(3s) R(CANCELED, to be replaced by a later task "a") A D S1
			4s: STOPPED1(1s) X1(COMPLETED) R(COMPLETED)`},
		{"in backoff", func(r *rig) {
			r.put(a(fails(0, "boom"), hangs()))
			r.replacing(background, a(succeeds(time.Second))).answered(nil)
		}, `
			0s: A D S1 FAILED1(0s, boom) BACKOFF1(1s, FAILURE, boom) Q(to be replaced by a later task "a") R(CANCELED, to be replaced by a later task "a") A D S1
			1s: STOPPED1(1s) X1(COMPLETED) R(COMPLETED)`},
		{"a body that is stuck: the new task is not started, also not later", func(r *rig) {
			r.put(a(hangs().ignoring(20*time.Second, nil)))
			r.sleepUntil(time.Second)
			r.replacing(background, a(succeeds(time.Second))).answered(ErrTaskStuck)
			r.mustState(ByName("a"), StateStuck)
		}, `
			0s: A D S1
			1s: Q(to be replaced by a later task "a")
			11s: GRACE_EXCEEDED1(the body did not return within 10s of its cancellation)
			21s: STOPPED1(21s) R(CANCELED, to be replaced by a later task "a")`},
		{"a body that returns while it is stuck, to a second request", func(r *rig) {
			r.put(a(hangs().ignoring(15*time.Second, nil)))
			r.replacing(background, a(succeeds(time.Second))).answered(ErrTaskStuck)
			r.replacing(background, a(succeeds(2*time.Second))).answered(nil)
		}, `
			0s: A D S1 Q(to be replaced by a later task "a")
			10s: GRACE_EXCEEDED1(the body did not return within 10s of its cancellation)
			15s: STOPPED1(15s) R(CANCELED, to be replaced by a later task "a") A D S1
			17s: STOPPED1(2s) X1(COMPLETED) R(COMPLETED)`},
		{"the last request counts", func(r *rig) {
			r.put(a(deaf))
			first := r.replacing(background, a(succeeds(time.Second)))
			r.sleepUntil(time.Second)
			second := r.replacing(background, a(succeeds(4*time.Second)))
			first.answered(ErrSuperseded)
			second.answered(nil)
			if first.at != time.Second || second.at != 2*time.Second {
				r.t.Errorf("answers at %s and %s", first.at, second.at)
			}
		}, `
			0s: A D S1 Q(to be replaced by a later task "a")
			2s: STOPPED1(2s) R(CANCELED, to be replaced by a later task "a") A D S1
			6s: STOPPED1(4s) X1(COMPLETED) R(COMPLETED)`},
		{"a removal by name ends the wait", func(r *rig) {
			r.put(a(deaf))
			waits := r.replacing(background, a(succeeds(time.Second)))
			r.sleepUntil(time.Second)
			if snap, err := r.Remove(background, ByName("a"), 0); err != nil || snap.State != StateFinished {
				r.t.Error(snap.State, err)
			}
			waits.answered(ErrSuperseded)
			if waits.at != time.Second {
				r.t.Errorf("answered at %s", waits.at)
			}
		}, `
			0s: A D S1 Q(to be replaced by a later task "a")
			2s: STOPPED1(2s) R(CANCELED, to be replaced by a later task "a")`},
		{"a removal by uid is about the old life", func(r *rig) {
			old := r.add(a(deaf))
			synctest.Wait()
			waits := r.replacing(background, a(succeeds(time.Second)))
			if snap, err := r.Remove(background, ByUID(old.UID), 0); err != nil || snap.UID != old.UID {
				r.t.Error(snap.UID, err)
			}
			waits.answered(nil)
		}, `
			0s: A D S1 Q(to be replaced by a later task "a")
			2s: STOPPED1(2s) R(CANCELED, to be replaced by a later task "a") A D S1
			3s: STOPPED1(1s) X1(COMPLETED) R(COMPLETED)`},
		{"of a task that is being removed", func(r *rig) {
			old := r.add(a(deaf))
			synctest.Wait()
			go func() { _, _ = r.Remove(background, ByUID(old.UID), 0) }()
			synctest.Wait()
			r.replacing(background, a(succeeds(time.Second))).answered(nil)
		}, `
			0s: A D S1 Q(removed)
			2s: STOPPED1(2s) R(CANCELED, removed) A D S1
			3s: STOPPED1(1s) X1(COMPLETED) R(COMPLETED)`},
		{"the context ends: the replacement goes on", func(r *rig) {
			r.put(a(deaf))
			ctx, cancel := context.WithTimeout(background, time.Second)
			defer cancel()
			waits := r.replacing(ctx, a(succeeds(time.Second)))
			waits.answered(context.DeadlineExceeded)
			if waits.at != time.Second {
				r.t.Errorf("answered at %s", waits.at)
			}
		}, `
			0s: A D S1 Q(to be replaced by a later task "a")
			2s: STOPPED1(2s) R(CANCELED, to be replaced by a later task "a") A D S1
			3s: STOPPED1(1s) X1(COMPLETED) R(COMPLETED)`},
		{"an attempt that timed out", func(r *rig) {
			spec := a(hangs().ignoring(3*time.Second, nil))
			spec.Timeout = time.Second
			r.put(spec)
			r.sleepUntil(2 * time.Second)
			r.replacing(background, a(succeeds(time.Second))).answered(nil)
		}, `
			0s: A D S1
			1s: TIMEOUT1(1s)
			2s: Q(to be replaced by a later task "a")
			4s: FAILED1(4s, timeout after 1s) R(CANCELED, to be replaced by a later task "a") A D S1
			5s: STOPPED1(1s) X1(COMPLETED) R(COMPLETED)`},
		{"a named slot stays with the name", func(r *rig) {
			r.put(in("db", 0, a(deaf)))
			r.put(in("db", 0, Once("b", plays(succeeds(time.Second)))))
			r.replacing(background, in("db", DropIfRunning, a(succeeds(time.Second)))).answered(nil)
		}, `
			0s: a.A a.SLOT(db, IDLE→OWNED, depth 0) a.D(db) a.S1 b.A b.SUBMITTED(db, depth 1) a.Q(to be replaced by a later task "a") a.SLOT(db, OWNED→STOPPING, depth 1)
			2s: a.STOPPED1(2s) a.R(CANCELED, to be replaced by a later task "a") a.A a.SLOT(db, STOPPING→OWNED, depth 1) a.D(db) a.S1
			3s: a.STOPPED1(1s) a.X1(COMPLETED) a.R(COMPLETED) b.SLOT(db, OWNED→OWNED, depth 0) b.D(db) b.S1
			4s: b.STOPPED1(1s) b.X1(COMPLETED) b.SLOT(db, OWNED→IDLE, depth 0) b.R(COMPLETED)`},
		{"another slot", func(r *rig) {
			r.put(in("db", 0, a(deaf)))
			r.replacing(background, in("web", 0, a(succeeds(time.Second)))).answered(nil)
		}, `
			0s: A SLOT(db, IDLE→OWNED, depth 0) D(db) S1 Q(to be replaced by a later task "a") SLOT(db, OWNED→STOPPING, depth 0)
			2s: STOPPED1(2s) SLOT(db, STOPPING→IDLE, depth 0) R(CANCELED, to be replaced by a later task "a") A SLOT(web, IDLE→OWNED, depth 0) D(web) S1
			3s: STOPPED1(1s) X1(COMPLETED) SLOT(web, OWNED→IDLE, depth 0) R(COMPLETED)`},
		{"a queued task: no wait, and the same place in the queue", func(r *rig) {
			r.put(in("db", 0, Once("o", plays(succeeds(time.Second)))))
			r.put(in("db", 0, a(deaf)))
			r.put(in("db", 0, Once("b", plays(succeeds(0)))))
			c := r.replacing(background, in("db", AdmitReplace, a(succeeds(0))))
			if snap := c.answered(nil); c.at != 0 || snap.State != StateQueued {
				r.t.Errorf("%s at %s", snap.State, c.at)
			}
		}, `
			0s: o.A o.SLOT(db, IDLE→OWNED, depth 0) o.D(db) o.S1 a.A a.SUBMITTED(db, depth 1) b.A b.SUBMITTED(db, depth 2) a.Q(to be replaced by a later task "a") a.R(CANCELED, to be replaced by a later task "a") a.A a.SUBMITTED(db, depth 2)
			1s: o.STOPPED1(1s) o.X1(COMPLETED) o.R(COMPLETED) a.SLOT(db, OWNED→OWNED, depth 1) a.D(db) a.S1 a.STOPPED1(0s) a.X1(COMPLETED) a.R(COMPLETED) b.SLOT(db, OWNED→OWNED, depth 0) b.D(db) b.S1 b.STOPPED1(0s) b.X1(COMPLETED) b.SLOT(db, OWNED→IDLE, depth 0) b.R(COMPLETED)`},
		{"another slot that refuses it: nothing has changed", func(r *rig) {
			r.put(in("db", 0, Once("o", plays(succeeds(time.Second)))))
			r.put(a(succeeds(2 * time.Second)))
			r.replacing(background, in("db", DropIfRunning, a(succeeds(0)))).answered(ErrSlotBusy)
		}, `
			0s: o.A o.SLOT(db, IDLE→OWNED, depth 0) o.D(db) o.S1 a.A a.D a.S1
			1s: o.STOPPED1(1s) o.X1(COMPLETED) o.SLOT(db, OWNED→IDLE, depth 0) o.R(COMPLETED)
			2s: a.STOPPED1(2s) a.X1(COMPLETED) a.R(COMPLETED)`},
		{"another slot that is taken during the wait: the refusal is on record", func(r *rig) {
			r.put(a(deaf))
			waits := r.replacing(background, in("db", DropIfRunning, a(succeeds(0))))
			r.put(in("db", 0, Once("o", plays(succeeds(3*time.Second)))))
			if snap := waits.answered(ErrSlotBusy); snap.Outcome != OutcomeRejected || snap.Generation != 2 {
				r.t.Errorf("%s, generation %d", snap.Outcome, snap.Generation)
			}
		}, `
			0s: a.A a.D a.S1 a.Q(to be replaced by a later task "a") o.A o.SLOT(db, IDLE→OWNED, depth 0) o.D(db) o.S1
			2s: a.STOPPED1(2s) a.R(CANCELED, to be replaced by a later task "a") a.A a.REJECTED(db, SLOT_BUSY) a.R(REJECTED)
			3s: o.STOPPED1(3s) o.X1(COMPLETED) o.SLOT(db, OWNED→IDLE, depth 0) o.R(COMPLETED)`},
		{"a bad spec: nothing has changed", func(r *rig) {
			r.put(a(succeeds(time.Second)))
			bad := a(hangs())
			bad.Backoff.Factor = 0.5
			r.replacing(background, bad).answered(ErrInvalidSpec)
		}, `
			0s: A D S1
			1s: STOPPED1(1s) X1(COMPLETED) R(COMPLETED)`},
		{"a context that is done: nothing has changed", func(r *rig) {
			r.put(a(succeeds(time.Second)))
			ctx, cancel := context.WithCancel(background)
			cancel()
			r.replacing(ctx, a(hangs())).answered(context.Canceled)
		}, `
			0s: A D S1
			1s: STOPPED1(1s) X1(COMPLETED) R(COMPLETED)`},
		{"the shutdown ends the wait", func(r *rig) {
			r.put(a(deaf))
			waits := r.replacing(background, a(hangs()))
			r.sleepUntil(time.Second)
			go func() { _ = r.Shutdown(background) }()
			waits.answered(ErrShutdown)
			if waits.at != time.Second {
				r.t.Errorf("answered at %s", waits.at)
			}
			r.replacing(background, a(hangs())).answered(ErrShutdown)
		}, `
			0s: A D S1 Q(to be replaced by a later task "a")
			1s: SHUTDOWN(shutdown)
			2s: STOPPED1(2s) R(CANCELED, to be replaced by a later task "a") ALL_STOPPED`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, Config{})
				test.run(r)
				r.sleepUntil(time.Minute)
				mustLog(t, r.log(), test.want)
				if len(r.replacements) != 0 {
					t.Errorf("%d replacements wait", len(r.replacements))
				}
			})
		})
	}
}

// While a replacement waits, the old task has the name.
func TestReplaceKeepsTheName(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{MaxTasks: 1})
		old := r.addBody("a", hangs().ignoring(time.Second, nil))
		synctest.Wait()
		waits := r.replacing(context.Background(), Restartable("a", plays(hangs())))
		var taken *TaskError
		if _, err := r.Add(context.Background(), Restartable("a", plays(hangs()))); !errors.Is(err, ErrTaskExists) || !errors.As(err, &taken) || taken.UID != old.UID {
			t.Errorf("Add: %v", err)
		}
		if got := r.mustState(ByName("a"), StateStopping); got.UID != old.UID || !got.Canceled || got.Generation != 1 {
			t.Errorf("the name is that of %+v", got)
		}
		if listed := r.List(ListOptions{}); len(listed) != 1 || listed[0].UID != old.UID {
			t.Errorf("listed: %v", listed)
		}
		next := waits.answered(nil)
		if next.UID == old.UID || next.Generation != 2 || next.Canceled || !next.CreateTime.Equal(r.began.Add(time.Second)) {
			t.Errorf("the new task is %+v", next)
		}
		if third := r.replacing(context.Background(), Restartable("a", plays(hangs()))).answered(nil); third.Generation != 3 {
			t.Errorf("generation %d", third.Generation)
		}
	})
}

// A name is never free between the old task and the new one, whoever tries to get it, and never of two at a time.
func TestReplaceAgainstEverybody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		r.addBody("a", hangs())
		var callers sync.WaitGroup
		for range 8 {
			callers.Go(func() {
				for range 20 {
					if _, err := r.Add(context.Background(), Restartable("a", plays(hangs()))); !errors.Is(err, ErrTaskExists) {
						t.Errorf("Add: %v", err)
					}
				}
			})
			callers.Go(func() {
				for range 20 {
					_, err := r.Replace(context.Background(), Restartable("a", plays(hangs())))
					if err != nil && !errors.Is(err, ErrSuperseded) {
						t.Errorf("Replace: %v", err)
					}
				}
			})
		}
		callers.Wait()
		if listed := r.List(ListOptions{}); len(listed) != 1 || len(r.replacements) != 0 {
			t.Errorf("%d tasks, %d replacements", len(listed), len(r.replacements))
		}
	})
}

// A crowd that replaces, removes and shuts down leaves nothing behind, and each caller gets an answer.
func TestReplaceRacesWithShutdown(t *testing.T) {
	for range 20 {
		bubble(t, func(t *testing.T) {
			r := newRig(t, Config{MaxConcurrent: 2, Grace: time.Second})
			var callers sync.WaitGroup
			for i := range 8 {
				spec := in("s", AdmissionPolicy(i%4), Restartable(fmt.Sprint("t", i%3), plays(hangs())))
				callers.Go(func() { _, _ = r.Replace(context.Background(), spec) })
				callers.Go(func() { _, _ = r.Remove(context.Background(), ByName(spec.Name), 0) })
			}
			callers.Go(func() { _ = r.Shutdown(context.Background()) })
			callers.Wait()
			if len(r.replacements) != 0 || len(r.byName) != 0 || len(r.slots) != 0 {
				t.Errorf("%d replacements, %d tasks, %d slots are left", len(r.replacements), len(r.byName), len(r.slots))
			}
		})
	}
}

// A rehearsal says what Replace would answer, and changes nothing.
func TestRehearseReplace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{MaxTasks: 3})
		r.add(in("db", 0, Restartable("owner", plays(hangs()))))
		r.add(in("db", 0, Restartable("queued", plays(hangs()))))
		r.addBody("own", hangs())
		synctest.Wait()
		before := r.Cursor()
		body := plays(hangs())
		for _, c := range []struct {
			name string
			spec Spec
			want State
			err  error
		}{
			{"the owner", in("db", DropIfRunning, Once("owner", body)), StateWaiting, nil},
			{"one in the queue", in("db", AdmitReplace, Once("queued", body)), StateQueued, nil},
			{"one with a slot of its own", Once("own", body), StateWaiting, nil},
			{"one that goes to a slot that is owned", in("db", 0, Once("own", body)), StateQueued, nil},
			{"one that goes to an idle slot", in("web", 0, Once("own", body)), StateWaiting, nil},
			{"one whose other slot is busy", in("db", DropIfRunning, Once("own", body)), 0, ErrSlotBusy},
			{"nobody, at the limit", Once("new", body), 0, ErrTaskLimit},
			{"a bad spec", Once("-", body), 0, ErrInvalidSpec},
		} {
			if got, err := r.RehearseReplace(c.spec); got != c.want || !errors.Is(err, c.err) {
				t.Errorf("%s: %s, %v; want %s, %v", c.name, got, err, c.want, c.err)
			}
		}
		if r.Cursor() != before || len(r.List(ListOptions{})) != 3 {
			t.Error("a rehearsal changed something")
		}
		_ = r.Shutdown(context.Background())
		if _, err := r.RehearseReplace(Once("own", body)); !errors.Is(err, ErrShutdown) {
			t.Errorf("after the shutdown: %v", err)
		}
	})
}
