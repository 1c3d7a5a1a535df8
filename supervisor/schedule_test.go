package supervisor

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// hourly is a schedule whose times are full hours.
type hourly struct{}

func (hourly) Next(t time.Time) time.Time { return t.Truncate(time.Hour).Add(time.Hour) }

// times is a schedule that ends: these moments after began, which are sorted. It cannot be compared, which schedules need not be.
type times struct {
	began time.Time
	at    []time.Duration
}

func (s times) Next(t time.Time) time.Time {
	for _, d := range s.at {
		if next := s.began.Add(d); next.After(t) {
			return next
		}
	}
	return time.Time{}
}

// bubbleBegan is when time begins in a synctest bubble.
var bubbleBegan = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// at is a schedule of these minutes of the bubble.
func at(minutes ...int) times {
	s := times{began: bubbleBegan}
	for _, m := range minutes {
		s.at = append(s.at, time.Duration(m)*time.Minute)
	}
	return s
}

// on gives a spec a schedule.
func on(s Schedule) func(*Spec) { return func(spec *Spec) { spec.Restart.Schedule = s } }

func TestLifecycleOnASchedule(t *testing.T) {
	runLifecycles(t, []lifecycle{{
		name: "success; no time is left", spec: on(at(10, 20)), steps: []step{succeeds(5 * ms)},
		log: `
			0s: A D BACKOFF(10m0s, SCHEDULE)
			10m0s: S1
			10m0.005s: STOPPED1(5ms) BACKOFF1(9m59.995s, SCHEDULE)
			20m0s: S2
			20m0.005s: STOPPED2(5ms) X2(COMPLETED) R(COMPLETED)`,
	}, {
		name: "no time is left at once", spec: on(at()),
		log: `0s: A D X(COMPLETED) R(COMPLETED)`,
	}, {
		name: "times that come while an attempt runs are missed", spec: on(at(10, 11, 12, 13, 14, 20)), steps: []step{succeeds(210 * time.Second), succeeds(0)},
		log: `
			0s: A D BACKOFF(10m0s, SCHEDULE)
			10m0s: S1
			13m30s: STOPPED1(3m30s) BACKOFF1(30s, SCHEDULE)
			14m0s: S2 STOPPED2(0s) BACKOFF2(6m0s, SCHEDULE)
			20m0s: S3 STOPPED3(0s) X3(COMPLETED) R(COMPLETED)`,
	}, {
		name: "a time that comes at the very end of an attempt is missed", spec: on(at(10, 11, 12)), steps: []step{succeeds(time.Minute), succeeds(0)},
		log: `
			0s: A D BACKOFF(10m0s, SCHEDULE)
			10m0s: S1
			11m0s: STOPPED1(1m0s) BACKOFF1(1m0s, SCHEDULE)
			12m0s: S2 STOPPED2(0s) X2(COMPLETED) R(COMPLETED)`,
	}, {
		name: "failures are retried; times that come meanwhile are missed", spec: all(on(at(1, 2)), func(s *Spec) { s.Backoff.First = 90 * time.Second; s.Backoff.Max = time.Hour }),
		steps: []step{fails(0, "boom"), succeeds(0)},
		log: `
			0s: A D BACKOFF(1m0s, SCHEDULE)
			1m0s: S1 FAILED1(0s, boom) BACKOFF1(1m30s, FAILURE, boom)
			2m30s: S2 STOPPED2(0s) X2(COMPLETED) R(COMPLETED)`,
	}, {
		name: "NEVER: no retries", spec: all(never, on(at(10, 20))), steps: []step{fails(0, "one"), fails(0, "two")},
		log: `
			0s: A D BACKOFF(10m0s, SCHEDULE)
			10m0s: S1 FAILED1(0s, one) BACKOFF1(10m0s, SCHEDULE, one)
			20m0s: S2 FAILED2(0s, two) X2(FAILED, two) R(FAILED, two)`,
	}, {
		name: "max_retries are for each run", spec: all(withRetries(1), on(at(10, 20, 30))), steps: []step{fails(0, "boom")},
		log: `
			0s: A D BACKOFF(10m0s, SCHEDULE)
			10m0s: S1 FAILED1(0s, boom) BACKOFF1(1s, FAILURE, boom)
			10m1s: S2 FAILED2(0s, boom) BACKOFF2(9m59s, SCHEDULE, max_retries 1 used up: boom)
			20m0s: S3 FAILED3(0s, boom) BACKOFF3(1s, FAILURE, boom)
			20m1s: S4 FAILED4(0s, boom) BACKOFF4(9m59s, SCHEDULE, max_retries 1 used up: boom)
			30m0s: S5 FAILED5(0s, boom) BACKOFF5(1s, FAILURE, boom)
			30m1s: S6 FAILED6(0s, boom) X6(FAILED, max_retries 1 used up: boom) R(FAILED, max_retries 1 used up: boom)`,
	}, {
		name: "ALWAYS is ON_FAILURE", spec: all(every(0), on(at(1, 2))), steps: []step{succeeds(0)},
		log: `
			0s: A D BACKOFF(1m0s, SCHEDULE)
			1m0s: S1 STOPPED1(0s) BACKOFF1(1m0s, SCHEDULE)
			2m0s: S2 STOPPED2(0s) X2(COMPLETED) R(COMPLETED)`,
	}, {
		name: "fatal ends the life", spec: on(at(1, 2)), steps: []step{ends(0, returns(Fatal(problem("boom"))))},
		log: `
			0s: A D BACKOFF(1m0s, SCHEDULE)
			1m0s: S1 FAILED1(0s, boom) DEAD1(FATAL, boom) R(FATAL, boom)`,
	}, {
		name: "so does the limit of restarts; the first run is none", spec: all(withLimit(1, time.Hour), on(at(1, 2, 3))), steps: []step{succeeds(0)},
		log: `
			0s: A D BACKOFF(1m0s, SCHEDULE)
			1m0s: S1 STOPPED1(0s) BACKOFF1(1m0s, SCHEDULE)
			2m0s: S2 STOPPED2(0s) X2(FAILED, restart limit reached: 1 restarts within 1h0m0s) R(FAILED, restart limit reached: 1 restarts within 1h0m0s)`,
	}, {
		name: "Goexit", spec: all(never, on(at(1, 30))), steps: []step{exits(0), succeeds(0)},
		log: `
			0s: A D BACKOFF(1m0s, SCHEDULE)
			1m0s: S1 FAILED1(0s, goexit) BACKOFF1(29m0s, SCHEDULE, goexit)
			30m0s: S2 STOPPED2(0s) X2(COMPLETED) R(COMPLETED)`,
	}, {
		name: "timeout", spec: all(never, withTimeout(time.Second), on(at(1, 2))), steps: []step{hangs(), succeeds(0)},
		log: `
			0s: A D BACKOFF(1m0s, SCHEDULE)
			1m0s: S1
			1m1s: TIMEOUT1(1s) FAILED1(1s, timeout after 1s) BACKOFF1(59s, SCHEDULE, timeout after 1s)
			2m0s: S2 STOPPED2(0s) X2(COMPLETED) R(COMPLETED)`,
	}, {
		name: "removed before the first time", spec: on(at(10)), acts: []act{remove(90*time.Second, 0)},
		log: `
			0s: A D BACKOFF(10m0s, SCHEDULE)
			1m30s: Q(removed) R(CANCELED, removed)`,
	}, {
		name: "removed between two times", spec: on(at(10, 20)), steps: []step{succeeds(0)}, acts: []act{remove(15*time.Minute, 0)},
		log: `
			0s: A D BACKOFF(10m0s, SCHEDULE)
			10m0s: S1 STOPPED1(0s) BACKOFF1(10m0s, SCHEDULE)
			15m0s: Q(removed) R(CANCELED, removed)`,
	}, {
		name: "shutdown", spec: on(at(10)), acts: []act{shutdownAt(5 * time.Minute)},
		log: `
			0s: A D BACKOFF(10m0s, SCHEDULE)
			5m0s: SHUTDOWN(shutdown) R(CANCELED, shutdown) ALL_STOPPED`,
	}})
}

// While a task waits for a time of its schedule it owns its slot and is in backoff, also in the answer to Add; no permit is held.
func TestWhatOthersSeeOfASchedule(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{MaxConcurrent: 1})
		spec := plain(Scheduled("t", at(10, 20), plays(succeeds(time.Second))))
		spec.Admission.Slot = "s"
		if state, err := r.Rehearse(spec); state != StateBackoff || err != nil {
			t.Errorf("rehearsal: %s, %v", state, err)
		}
		added := r.add(spec)
		if added.State != StateBackoff || !added.NextAttempt.Equal(bubbleBegan.Add(10*time.Minute)) || added.Attempt != 0 {
			t.Errorf("added: %s, next attempt %s", added.State, added.NextAttempt)
		}
		second := plain(Scheduled("second", at(10, 15), plays(succeeds(time.Second))))
		second.Admission.Slot = "s"
		if queued := r.add(second); queued.State != StateQueued || !queued.NextAttempt.IsZero() {
			t.Errorf("queued: %s, next attempt %s", queued.State, queued.NextAttempt)
		}
		r.addBody("other", succeeds(9*time.Minute))
		r.sleepUntil(8 * time.Minute)
		r.mustState(ByName("other"), StateRunning)
		r.sleepUntil(10 * time.Minute)
		r.mustState(ByName("t"), StateRunning)
		r.sleepUntil(12 * time.Minute)
		if snap := r.mustState(ByName("t"), StateBackoff); !snap.NextAttempt.Equal(bubbleBegan.Add(20 * time.Minute)) {
			t.Errorf("next attempt %s", snap.NextAttempt)
		}
		if _, err := r.Remove(context.Background(), ByName("t"), 0); err != nil {
			t.Error(err)
		}
		if snap := r.mustState(ByName("second"), StateBackoff); !snap.NextAttempt.Equal(bubbleBegan.Add(15 * time.Minute)) {
			t.Errorf("next attempt of the next owner: %s", snap.NextAttempt)
		}
		if snap := r.end(ByName("second")); snap.Outcome != OutcomeCompleted || snap.Attempt != 1 {
			t.Errorf("the next owner ended %s after %d attempts", snap.Outcome, snap.Attempt)
		}
	})
}

// The last time of the schedule came while the task waited for its slot.
func TestATimeThatComesInAQueueIsMissed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		owner := Once("a", plays(succeeds(time.Hour)))
		late := Scheduled("b", at(30), plays(succeeds(0)))
		owner.Admission.Slot, late.Admission.Slot = "s", "s"
		r.add(owner)
		if snap := r.add(late); snap.State != StateQueued {
			t.Fatalf("it is %s", snap.State)
		}
		if snap := r.end(ByName("b")); snap.Outcome != OutcomeCompleted || snap.Attempt != 0 || time.Since(r.began) != time.Hour {
			t.Errorf("it ended %s after %d attempts, at %s", snap.Outcome, snap.Attempt, time.Since(r.began))
		}
	})
}

func TestReplaceByASchedule(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		r.add(Scheduled("t", at(10), plays(succeeds(0))))
		replaced, err := r.Replace(context.Background(), Scheduled("t", at(5), plays(succeeds(0))))
		if err != nil || replaced.State != StateBackoff || !replaced.NextAttempt.Equal(bubbleBegan.Add(5*time.Minute)) {
			t.Errorf("%s, next attempt %s, %v", replaced.State, replaced.NextAttempt, err)
		}
		if snap := r.end(ByUID(replaced.UID)); snap.Attempt != 1 || time.Since(r.began) != 5*time.Minute {
			t.Errorf("%d attempts until %s", snap.Attempt, time.Since(r.began))
		}
	})
}

// counted is a schedule that counts how often it is asked.
type counted struct {
	mu sync.Mutex
	n  int
}

func (c *counted) Next(t time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return hourly{}.Next(t)
}

// A task that waits looks at the clock once a minute.
func TestTheClockIsLookedAtOnceAMinute(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		var asked counted
		r.add(Scheduled("t", &asked, plays(succeeds(0))))
		r.sleepUntil(time.Hour - 1)
		asked.mu.Lock()
		defer asked.mu.Unlock()
		if asked.n < 59 || asked.n > 62 {
			t.Errorf("it was asked %d times in an hour", asked.n)
		}
	})
}

// TestTheClockIsSet puts the clock forward and back in front of the pure functions: time in a bubble does not jump.
func TestTheClockIsSet(t *testing.T) {
	ten := time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name      string
		came, now time.Time
		want      time.Time
	}{
		{"nothing has come yet", time.Time{}, ten, ten.Add(time.Hour)},
		{"one has come", ten, ten.Add(time.Minute), ten.Add(time.Hour)},
		{"just now", ten, ten, ten.Add(time.Hour)},
		{"put back by a second", ten, ten.Add(-time.Second), ten.Add(time.Hour)},
		{"put back by as much as is allowed", ten, ten.Add(-maxSetBack), ten.Add(time.Hour)},
		{"put back by more", ten, ten.Add(-maxSetBack - 1), ten.Add(-maxSetBack)},
		{"put forward", ten, ten.Add(150 * time.Minute), ten.Add(3 * time.Hour)},
	} {
		if got := nextTime(hourly{}, c.came, c.now); !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	for _, c := range []struct {
		name string
		now  time.Time
		due  time.Time
		left time.Duration
	}{
		{"all is well", ten.Add(30 * time.Minute), ten.Add(time.Hour), 30 * time.Minute},
		{"it is time", ten.Add(time.Hour), ten.Add(time.Hour), 0},
		{"put forward past the time", ten.Add(48 * time.Hour), ten.Add(time.Hour), 0},
		{"put back a little", ten.Add(-time.Minute), ten.Add(time.Hour), 61 * time.Minute},
		{"put back a lot", ten.Add(-48*time.Hour - time.Minute), ten.Add(-48 * time.Hour), time.Minute},
	} {
		waits := task{spec: taskSpec{policies: &policies{Restart: RestartPolicy{Schedule: hourly{}}}}, due: ten.Add(time.Hour)}
		waits.history = history{runs: &runTimes{due: waits.due, came: ten}}
		if left := waits.leftLocked(c.now); left != c.left || !waits.due.Equal(c.due) || !waits.history.runs.due.Equal(c.due) {
			t.Errorf("%s: %s left until %s, want %s until %s", c.name, left, waits.due, c.left, c.due)
		}
	}
}

// past is a schedule that breaks its promise.
type past struct{}

func (past) Next(t time.Time) time.Time { return t.Add(-time.Hour) }

func TestAScheduleThatStaysInThePastDoesNotSpin(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		r.add(Scheduled("t", past{}, plays(succeeds(0))))
		r.sleepUntil(100 * ms)
		synctest.Wait()
		if snap, err := r.Get(ByName("t")); err != nil || snap.Attempt != 100 {
			t.Errorf("%d attempts in 100 ms, %v", snap.Attempt, err)
		}
	})
}
