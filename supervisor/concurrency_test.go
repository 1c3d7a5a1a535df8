package supervisor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// crowd runs functions at once and waits for all of them.
type crowd struct {
	gate chan struct{}
	wg   sync.WaitGroup
}

func newCrowd() *crowd { return &crowd{gate: make(chan struct{})} }

func (c *crowd) add(n int, f func(i int)) {
	for i := range n {
		c.wg.Go(func() {
			<-c.gate
			f(i)
		})
	}
}

func (c *crowd) run() {
	close(c.gate)
	c.wg.Wait()
}

// answers collects how a crowd was answered.
type answers struct {
	mu    sync.Mutex
	count map[string]int
}

func (a *answers) add(snap Snapshot, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count == nil {
		a.count = map[string]int{}
	}
	text := fmt.Sprintf("%s %s %s", snap.UID, snap.State, snap.Outcome)
	if err != nil {
		text = err.Error()
	}
	a.count[text]++
}

// mustAgree demands one answer for all.
func (a *answers) mustAgree(t *testing.T, n int) {
	t.Helper()
	if len(a.count) != 1 {
		t.Errorf("answers differ: %v", a.count)
	}
	total := 0
	for _, c := range a.count {
		total += c
	}
	if total != n {
		t.Errorf("%d of %d were answered", total, n)
	}
}

// One of finish and removal wins; whichever, all who wait get the same end, and the log has it too.
func TestRemovalRacesTheEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		outcomes := map[Outcome]int{}
		for range 20 {
			end := make(chan struct{})
			snap := r.add(Once("t", TaskFunc(func(ctx context.Context) error {
				select {
				case <-end:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})))
			var got answers
			c := newCrowd()
			c.add(1, func(int) { close(end) })
			c.add(4, func(int) { got.add(r.Remove(context.Background(), ByUID(snap.UID), 0)) })
			c.add(4, func(int) { got.add(r.Wait(context.Background(), ByUID(snap.UID))) })
			c.run()
			got.mustAgree(t, 8)
			final := r.mustState(ByUID(snap.UID), StateFinished)
			outcomes[final.Outcome]++
			last := r.events()[r.Cursor().Sequence-1]
			if last.Kind != TaskRemoved || last.Outcome != final.Outcome || last.Sequence != final.Sequence {
				t.Errorf("the registry has %s, the log %s %s", final.Outcome, last.Kind, last.Outcome)
			}
		}
		if n := outcomes[OutcomeCompleted] + outcomes[OutcomeCanceled]; n != 20 {
			t.Errorf("outcomes %v", outcomes)
		}
	})
}

// Of many who add one name, one wins, and all others are told who.
func TestAddersOfOneName(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		var winners atomic.Int32
		var holders sync.Map
		c := newCrowd()
		c.add(100, func(int) {
			snap, err := r.Add(context.Background(), Once("t", plays(hangs())))
			var taken *TaskError
			switch {
			case err == nil:
				winners.Add(1)
				holders.Store(snap.UID, true)
			case errors.Is(err, ErrTaskExists) && errors.As(err, &taken) && taken.Name == "t":
				holders.Store(taken.UID, true)
			default:
				t.Error(err)
			}
		})
		c.run()
		n := 0
		holders.Range(func(any, any) bool { n++; return true })
		if winners.Load() != 1 || n != 1 {
			t.Errorf("%d winners, %d holders", winners.Load(), n)
		}
	})
}

// Once Remove or Wait has answered, or TASK_REMOVED was read, the name is free.
func TestNameIsFreeAtTheEnd(t *testing.T) {
	spec := func() Spec { return Once("t", plays(hangs())) }
	t.Run("Remove", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := newRig(t, Config{})
			for range 50 {
				r.add(spec())
				if _, err := r.Remove(context.Background(), ByName("t"), 0); err != nil {
					t.Error(err)
				}
			}
		})
	})
	t.Run("Wait", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := newRig(t, Config{})
			for range 50 {
				r.end(ByUID(r.add(Once("t", plays(succeeds(0)))).UID))
			}
		})
	})
	t.Run("TASK_REMOVED", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := newRig(t, Config{})
			reader, err := r.Read(r.Cursor())
			if err != nil {
				t.Fatal(err)
			}
			r.add(Once("t", plays(succeeds(0))))
			for ends := 0; ends < 50; {
				buf := make([]Event, 16)
				n, _, err := reader.Next(context.Background(), buf)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range buf[:n] {
					if e.Kind != TaskRemoved {
						continue
					}
					if snap := r.mustState(ByUID(e.UID), StateFinished); snap.Outcome != e.Outcome {
						t.Errorf("outcome %s, in the event %s", snap.Outcome, e.Outcome)
					}
					r.add(Once("t", plays(succeeds(0))))
					ends++
				}
			}
		})
	})
}

// Waiters that come before, during and after the end get the same answer.
func TestWaitRacesTheEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		snap := r.add(Once("t", plays(succeeds(5*time.Millisecond))))
		var got answers
		c := newCrowd()
		c.add(50, func(i int) {
			time.Sleep(time.Duration(i) * time.Millisecond / 5)
			got.add(r.Wait(context.Background(), ByUID(snap.UID)))
		})
		c.run()
		got.mustAgree(t, 50)
	})
}

func TestWaitersOfRetainedAndForgottenLives(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{RetainedTasks: 2, RetainedAge: time.Hour})
		var lives []UID
		for i := range 3 {
			snap := r.add(Once(fmt.Sprint("t", i), plays(succeeds(time.Second))))
			lives = append(lives, snap.UID)
			if end := r.end(ByUID(snap.UID)); end.Outcome != OutcomeCompleted || end.FinishTime.Sub(end.StartTime) != time.Second {
				t.Errorf("end %+v", end)
			}
		}
		if _, err := r.Wait(context.Background(), ByUID(lives[0])); !errors.Is(err, ErrTaskNotFound) {
			t.Errorf("the oldest of three: %v", err)
		}
		r.end(ByUID(lives[1]))
		if got := len(r.List(ListOptions{Finished: true})); got != 2 {
			t.Errorf("%d finished tasks are listed", got)
		}
		if _, err := r.Get(ByName("t2")); !errors.Is(err, ErrTaskNotFound) {
			t.Errorf("a finished task by name: %v", err)
		}
		time.Sleep(time.Hour)
		if _, err := r.Get(ByUID(lives[2])); err != nil {
			t.Errorf("after an hour: %v", err)
		}
		time.Sleep(time.Nanosecond)
		if _, err := r.Remove(context.Background(), ByUID(lives[2]), 0); !errors.Is(err, ErrTaskNotFound) {
			t.Errorf("after more than an hour: %v", err)
		}
	})
}

func TestNothingIsRetained(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{RetainedTasks: -1})
		snap := r.add(Once("t", plays(succeeds(time.Second))))
		r.end(ByUID(snap.UID)) // a wait that began before the end
		if _, err := r.Get(ByUID(snap.UID)); !errors.Is(err, ErrTaskNotFound) {
			t.Errorf("Get: %v", err)
		}
		if len(r.byUID) != 0 {
			t.Errorf("%d lives are kept", len(r.byUID))
		}
	})
}

// Shutdown is one operation with one result, whoever asks, bodies included.
func TestShutdownIsShared(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{Grace: time.Second})
		var inside atomic.Value
		r.add(Once("inside", TaskFunc(func(ctx context.Context) error {
			time.Sleep(time.Second)
			err := r.Shutdown(ctx)
			inside.Store(err)
			return err
		})))
		stuck := r.addBody("stuck", hangs().ignoring(time.Minute, nil))
		r.addBody("good", hangs())
		r.sleepUntil(time.Second)
		var mu sync.Mutex
		results := map[error]int{}
		c := newCrowd()
		c.add(20, func(int) {
			err := r.Shutdown(context.Background())
			mu.Lock()
			defer mu.Unlock()
			results[err]++
		})
		c.run()
		if len(results) != 1 || time.Since(r.began) != 2*time.Second {
			t.Errorf("results %v after %s", results, time.Since(r.began))
		}
		for err := range results {
			var stuckErr *StuckError
			if !errors.As(err, &stuckErr) || !errors.Is(err, ErrTaskStuck) || len(stuckErr.Tasks) != 1 || stuckErr.Tasks[0].UID != stuck.UID {
				t.Fatalf("Shutdown: %v", err)
			}
			if want := `1 task did not stop within the grace period: "stuck"`; err.Error() != want {
				t.Errorf("%q, want %q", err, want)
			}
			if snap := stuckErr.Tasks[0]; snap.State != StateStuck || snap.Outcome != OutcomeAbandoned {
				t.Errorf("the stuck task is %s, %s", snap.State, snap.Outcome)
			}
		}
		if err := inside.Load(); !errors.Is(err.(error), context.Canceled) {
			t.Errorf("Shutdown inside a body: %v", err)
		}
		snap, err := r.Wait(context.Background(), ByUID(stuck.UID))
		if !errors.Is(err, ErrTaskStuck) || snap.Outcome != OutcomeAbandoned {
			t.Errorf("Wait: %s, %v", snap.Outcome, err)
		}
		if _, err := r.Remove(context.Background(), ByName("stuck"), 0); !errors.Is(err, ErrTaskStuck) {
			t.Errorf("Remove: %v", err)
		}
		r.sleepUntil(2 * time.Minute) // the late return: out of the registry, and its outcome stays
		if late := r.mustState(ByUID(stuck.UID), StateFinished); late.Outcome != OutcomeAbandoned {
			t.Errorf("outcome %s after the late return", late.Outcome)
		}
		if _, err := r.Get(ByName("stuck")); !errors.Is(err, ErrTaskNotFound) {
			t.Errorf("the name: %v", err)
		}
	})
}

// A shutdown that a body waits for cannot end before the body does: it is stuck, and nothing hangs.
func TestShutdownAwaitedByABody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{Grace: time.Second})
		got := make(chan error, 1)
		r.add(Once("t", TaskFunc(func(context.Context) error {
			err := r.Shutdown(context.Background())
			got <- err
			return err
		})))
		if err := <-got; !errors.Is(err, ErrTaskStuck) {
			t.Errorf("Shutdown: %v", err)
		}
	})
}

func TestShutdownContextEndsTheWaitAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		r.addBody("t", hangs().ignoring(5*time.Second, nil))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := r.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		if err := r.Shutdown(context.Background()); err != nil || time.Since(r.began) != 5*time.Second {
			t.Errorf("Shutdown: %v after %s", err, time.Since(r.began))
		}
	})
}

// Each Add during a shutdown is refused, or its task is canceled with the others. The grammar of the log sees that none comes after the request.
func TestAddDuringShutdown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		var added, refused atomic.Int32
		c := newCrowd()
		c.add(8, func(i int) {
			for j := 0; ; j++ {
				if j == 100 {
					_ = r.Shutdown(context.Background())
				}
				snap, err := r.Add(context.Background(), Once(fmt.Sprintf("t%d.%d", i, j), plays(hangs())))
				if errors.Is(err, ErrShutdown) {
					refused.Add(1)
					return
				}
				added.Add(1)
				c.wg.Go(func() {
					if end := r.end(ByUID(snap.UID)); end.Outcome != OutcomeCanceled {
						t.Errorf("outcome %s", end.Outcome)
					}
				})
			}
		})
		c.add(1, func(int) {
			if err := r.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		})
		c.run()
		if refused.Load() != 8 {
			t.Errorf("%d added, %d refused", added.Load(), refused.Load())
		}
	})
}

func TestRunIsAllOrNone(t *testing.T) {
	good := func(name string) Spec { return Once(name, plays(succeeds(time.Second))) }
	done, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		name  string
		ctx   context.Context
		specs []Spec
		is    error
	}{
		{"a name of a live task", context.Background(), []Spec{good("a"), good("live")}, ErrTaskExists},
		{"a name twice", context.Background(), []Spec{good("a"), good("b"), good("a")}, ErrTaskExists},
		{"a bad spec", context.Background(), []Spec{good("a"), {Name: "b"}}, ErrInvalidSpec},
		{"too many", context.Background(), []Spec{good("a"), good("b"), good("c")}, ErrTaskLimit},
		{"context done", done, []Spec{good("a")}, context.Canceled},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, Config{MaxTasks: 3})
				live := r.add(Once("live", plays(hangs())))
				synctest.Wait()
				before := r.Cursor()
				if err := r.Run(c.ctx, c.specs...); !errors.Is(err, c.is) {
					t.Errorf("Run: %v", err)
				}
				if r.Cursor() != before {
					t.Errorf("log:\n%s", r.log())
				}
				r.mustState(ByUID(live.UID), StateRunning)
			})
		})
	}
}

func TestRun(t *testing.T) {
	t.Run("until all have ended", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := newRig(t, Config{})
			err := r.Run(context.Background(),
				Once("good", plays(succeeds(time.Second))), Once("bad", plays(fails(time.Hour, "boom"))),
				Once("worse", plays(ends(0, returns(Fatal(problem("dead")))))))
			if !errors.Is(err, problem("boom")) || !errors.Is(err, problem("dead")) || errors.Is(err, ErrTaskStuck) || strings.Contains(err.Error(), "good") {
				t.Errorf("Run: %v", err)
			}
			if time.Since(r.began) != time.Hour {
				t.Errorf("after %s", time.Since(r.began))
			}
			if _, err := r.Add(context.Background(), Once("late", plays(succeeds(0)))); !errors.Is(err, ErrShutdown) {
				t.Errorf("Add: %v", err)
			}
		})
	})
	t.Run("until the context ends", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := newRig(t, Config{})
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			err := r.Run(ctx, Periodic("t", time.Second, plays(succeeds(0))), Once("other", plays(hangs().ignoring(time.Second, nil))))
			if err != nil || time.Since(r.began) != 61*time.Second {
				t.Errorf("Run: %v after %s", err, time.Since(r.began))
			}
		})
	})
	t.Run("with a stuck body", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := newRig(t, Config{Grace: time.Second})
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if err := r.Run(ctx, Once("t", plays(hangs().ignoring(time.Hour, nil)))); !errors.Is(err, ErrTaskStuck) {
				t.Errorf("Run: %v", err)
			}
		})
	})
	t.Run("a shutdown from elsewhere ends it", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := newRig(t, Config{})
			time.AfterFunc(time.Minute, func() { _ = r.Shutdown(context.Background()) })
			if err := r.Run(context.Background(), Once("t", plays(hangs()))); err != nil || time.Since(r.began) != time.Minute {
				t.Errorf("Run: %v after %s", err, time.Since(r.began))
			}
		})
	})
	t.Run("without tasks, and again", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := newRig(t, Config{})
			if err := r.Run(context.Background()); err != nil {
				t.Errorf("Run: %v", err)
			}
			if err := r.Run(context.Background(), Once("t", plays(succeeds(0)))); !errors.Is(err, ErrShutdown) {
				t.Errorf("Run: %v", err)
			}
		})
	})
}

// Permits go to those who wait in the order in which they came, and one who gives up does not hold up the others.
func TestPermitsAreFIFO(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{MaxConcurrent: 2})
		for i := range 8 {
			r.add(Once(fmt.Sprint("t", i), plays(succeeds(time.Second))))
			synctest.Wait()
		}
		if _, err := r.Remove(context.Background(), ByName("t3"), 0); err != nil {
			t.Error(err)
		}
		r.sleepUntil(time.Minute)
		var order []string
		for _, e := range r.events() {
			if e.Kind == TaskStarting {
				order = append(order, fmt.Sprintf("%s@%s", e.Task, e.Time.Sub(r.began)))
			}
		}
		if got, want := strings.Join(order, " "), "t0@0s t1@0s t2@1s t4@1s t5@2s t6@2s t7@3s"; got != want && got != "t0@0s t1@0s t4@1s t2@1s t6@2s t5@2s t7@3s" {
			// Two that start at the same moment publish in either order.
			if order[0][:2] != "t0" || !strings.HasSuffix(got, "t7@3s") || strings.Count(got, "@1s") != 2 || strings.Count(got, "@2s") != 2 {
				t.Errorf("order %s, want %s", got, want)
			}
		}
	})
}

// A permit is not held in backoff.
func TestPermitIsFreeInBackoff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{MaxConcurrent: 1})
		r.addBody("a", fails(0, "boom"), succeeds(0))
		synctest.Wait()
		r.mustState(ByName("a"), StateBackoff)
		b := r.addBody("b", succeeds(5*time.Second))
		r.sleepUntil(2 * time.Second)
		r.mustState(ByUID(b.UID), StateRunning)
		r.mustState(ByName("a"), StateWaiting)
		r.end(ByName("a"))
		if time.Since(r.began) != 5*time.Second {
			t.Errorf("a ended after %s", time.Since(r.began))
		}
	})
}

// Whatever bodies and removals do, never more bodies run than there are permits, and all permits are back at the end.
func TestPermitsAreNotLeaked(t *testing.T) {
	const permits = 3
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{MaxConcurrent: permits, Grace: time.Second, Timeout: 50 * time.Millisecond, Backoff: BackoffPolicy{First: ms}})
		var running, most atomic.Int32
		counted := func(s step) Task {
			return TaskFunc(func(ctx context.Context) error {
				n := running.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				defer running.Add(-1)
				return s.play(ctx)
			})
		}
		kinds := []step{succeeds(ms), fails(ms, "boom"), panics(ms, "boom"), exits(ms), hangs(), hangs().ignoring(100*ms, nil), ends(ms, returns(Fatal(problem("x"))))}
		c := newCrowd()
		c.add(30, func(i int) {
			spec := Restartable(fmt.Sprint("t", i), counted(kinds[i%len(kinds)]))
			spec.Restart.MaxRetries = 3
			snap := r.add(spec)
			if i%2 == 0 {
				time.Sleep(time.Duration(rand.IntN(100)) * ms)
				_, _ = r.Remove(context.Background(), ByUID(snap.UID), 0)
			}
			r.end(ByUID(snap.UID))
		})
		c.run()
		if most.Load() > permits {
			t.Errorf("%d bodies ran at once", most.Load())
		}
		synctest.Wait() // they are given back after the ends are on record
		if !r.permits.TryAcquire(permits) {
			t.Error("permits are lost")
		}
	})
}

// An uncooperative body keeps its name and its permit until it returns; everyone else is answered and served.
func TestUncooperativeBody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{MaxConcurrent: 2})
		stuck := r.addBody("t", hangs().ignoring(time.Hour, problem("late")))
		synctest.Wait()
		r.addBody("other", hangs())
		waiting := r.addBody("waiting", succeeds(0))
		synctest.Wait()
		snap, err := r.Remove(context.Background(), ByName("t"), time.Second)
		if !errors.Is(err, ErrTaskStuck) || snap.State != StateStuck || snap.Outcome != 0 || time.Since(r.began) != time.Second {
			t.Errorf("Remove: %s, %v, after %s", snap.State, err, time.Since(r.began))
		}
		if _, err := r.Remove(context.Background(), ByUID(stuck.UID), time.Second); !errors.Is(err, ErrTaskStuck) || time.Since(r.began) != 2*time.Second {
			t.Errorf("second Remove: %v after %s", err, time.Since(r.began))
		}
		if _, err := r.Add(context.Background(), Once("t", plays(succeeds(0)))); !errors.Is(err, ErrTaskExists) {
			t.Errorf("Add: %v", err)
		}
		if _, err := r.Remove(context.Background(), ByName("other"), 0); err != nil {
			t.Errorf("Remove of another task: %v", err)
		}
		r.end(ByUID(waiting.UID)) // it got the other permit
		if r.permits.TryAcquire(2) {
			t.Error("the stuck body does not hold its permit")
		}
		end := r.end(ByUID(stuck.UID))
		if end.Outcome != OutcomeCanceled || end.LastError == nil || end.LastError.Reason != "late" || time.Since(r.began) != time.Hour {
			t.Errorf("end %s, %+v, after %s", end.Outcome, end.LastError, time.Since(r.began))
		}
		r.add(Once("t", plays(succeeds(0))))
		synctest.Wait()
		if !r.permits.TryAcquire(2) {
			t.Error("the permit is not back")
		}
	})
}

// A removal whose context ends goes on.
func TestRemoveContextEndsTheWaitAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		t1 := r.addBody("t", hangs().ignoring(time.Minute, nil))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if snap, err := r.Remove(ctx, ByName("t"), time.Hour); !errors.Is(err, context.DeadlineExceeded) || snap.State != StateStopping {
			t.Errorf("Remove: %s, %v", snap.State, err)
		}
		if end := r.end(ByUID(t1.UID)); end.Outcome != OutcomeCanceled {
			t.Errorf("outcome %s", end.Outcome)
		}
		if snap, err := r.Remove(context.Background(), ByUID(t1.UID), 0); err != nil || snap.Outcome != OutcomeCanceled {
			t.Errorf("removal of a finished life: %s, %v", snap.Outcome, err)
		}
	})
}

// A body can remove its own task: its context ends at once.
func TestBodyRemovesItself(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		end := r.end(ByUID(r.add(Once("t", TaskFunc(func(ctx context.Context) error {
			_, err := r.Remove(ctx, ByName("t"), 0)
			return err
		}))).UID))
		if end.Outcome != OutcomeCanceled || time.Since(r.began) != 0 {
			t.Errorf("outcome %s after %s", end.Outcome, time.Since(r.began))
		}
	})
}

// Never two attempts of one name, whatever removals, adds and restarts do at the same time.
func TestAttemptsOfOneNameNeverOverlap(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{MaxConcurrent: 4, Backoff: BackoffPolicy{First: None}, Timeout: 3 * ms})
		body := plays(fails(ms, "one"), panics(0, "two"), exits(ms), hangs().ignoring(ms, nil), fails(0, "five"), hangs())
		c := newCrowd()
		for i := range 6 {
			c.add(1, func(int) {
				for range 20 {
					_, err := r.Add(context.Background(), Restartable("t", body))
					if err != nil && !errors.Is(err, ErrTaskExists) {
						t.Error(err)
					}
					time.Sleep(time.Duration(i) * ms)
					if _, err := r.Remove(context.Background(), ByName("t"), 0); err != nil && !errors.Is(err, ErrTaskNotFound) {
						t.Error(err)
					}
				}
			})
		}
		c.run()
		if body.overlap.Load() {
			t.Error("two attempts overlapped")
		}
	})
}

func TestMaxTasks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{MaxTasks: 2})
		r.addBody("a", hangs())
		r.addBody("b", hangs())
		if _, err := r.Add(context.Background(), Once("c", plays(hangs()))); !errors.Is(err, ErrTaskLimit) {
			t.Errorf("Add: %v", err)
		}
		if _, err := r.Remove(context.Background(), ByName("a"), 0); err != nil {
			t.Error(err)
		}
		r.addBody("c", hangs())
	})
}
