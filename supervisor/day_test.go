package supervisor

import (
	"context"
	"strings"
	"testing"
	"time"
)

const day = 24 * time.Hour

// timetable is a task that runs for a day, and when plain arithmetic says that its attempts start: the first at 0, each other one some
// time after the one before. The engine must do so to the nanosecond.
type timetable struct {
	name  string
	spec  Spec
	gap   func(i int) time.Duration // from the start of attempt i to that of the next
	until time.Duration             // when the restart limit ends it; 0: not on this day
}

func same(d time.Duration) func(int) time.Duration { return func(int) time.Duration { return d } }

// doubling is 1 s, 2 s, 4 s, 8 s, 16 s, then 30 s again and again, each after a body of a given length.
func doubling(body time.Duration) func(int) time.Duration {
	return func(i int) time.Duration { return body + min(time.Second<<min(i-1, 10), 30*time.Second) }
}

// limited gives a spec a restart limit.
func limited(s Spec, count uint32, window time.Duration) Spec {
	s.Restart.Limit = RestartLimit{count, window}
	return s
}

// wave fails twice, then succeeds, again and again.
func wave(ctx context.Context) error {
	if info, _ := Attempt(ctx); info.Attempt%3 != 0 {
		return problem("boom")
	}
	return nil
}

// timetables are a day of periodic tasks, backoff, reset_after and restart limits, each of them on both sides of its edge. Backoff is 1 s, 2 s, … 30 s
// without jitter, reset_after the default, 60 s.
func timetables() []timetable {
	const edge = DefaultResetAfter
	failing := func(body time.Duration) Spec { return plain(Restartable("", plays(fails(body, "boom")))) }
	ticking := func() Spec { return Periodic("", 40*time.Second, plays(succeeds(0))) }
	timingOut := failing(0)
	timingOut.Task, timingOut.Timeout = plays(hangs()), edge
	return []timetable{
		{name: "interval from end to start", spec: Periodic("", 7*time.Second, plays(succeeds(3*time.Second))), gap: same(10 * time.Second)},
		{name: "floor from start to start", spec: Periodic("", 0, plays(succeeds(59*time.Second))), gap: same(59 * time.Second)},
		{name: "backoff", spec: failing(250 * ms), gap: doubling(250 * ms)},
		{name: "failures after less than reset_after", spec: failing(edge - ms), gap: doubling(edge - ms)},
		{name: "failures after reset_after", spec: failing(edge), gap: same(edge + time.Second)},
		{name: "timeouts after reset_after", spec: timingOut, gap: doubling(edge)},
		{name: "success resets", spec: plain(Periodic("", 57*time.Second, TaskFunc(wave))), gap: func(i int) time.Duration {
			return []time.Duration{57 * time.Second, time.Second, 2 * time.Second}[i%3]
		}},
		// 10 h have 900 restarts: the one at their beginning is no longer inside the window when the one at their end is due.
		{name: "restarts within the limit", spec: limited(ticking(), 900, 10*time.Hour), gap: same(40 * time.Second)},
		{name: "one restart too many", spec: limited(ticking(), 899, 10*time.Hour), gap: same(40 * time.Second), until: 899 * 40 * time.Second},
		{name: "window a millisecond too long", spec: limited(ticking(), 900, 10*time.Hour+ms), gap: same(40 * time.Second), until: 900 * 40 * time.Second},
		// Attempts 1 to 5 start at 0, 1, 3, 7 and 15 s; a fifth restart at 15 s would be one too many in 20 s.
		{name: "failures reach the limit", spec: limited(failing(0), 4, 20*time.Second), gap: doubling(0), until: 15 * time.Second},
	}
}

// TestDay runs the timetables for 24 hours of virtual time, side by side.
func TestDay(t *testing.T) {
	begin := time.Now()
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{EventBuffer: 1 << 18, RetainedAge: 2 * day})
		table := timetables()
		uids := make([]UID, len(table))
		for i := range table {
			table[i].spec.Name = strings.ReplaceAll(table[i].name, " ", "-")
			uids[i] = r.add(table[i].spec).UID
		}
		r.sleepUntil(day)
		starts := map[UID][]time.Duration{}
		for _, e := range r.events() {
			if e.Kind == TaskStarting {
				starts[e.UID] = append(starts[e.UID], e.Time.Sub(r.began))
			}
		}
		for i := range table {
			snap, err := r.Get(ByUID(uids[i]))
			if err != nil {
				t.Fatal(err)
			}
			table[i].check(t, starts[uids[i]], &snap, r.began)
		}
	})
	t.Logf("the day took %s", time.Since(begin))
}

// check compares the starts of the day, and how it ended, with the arithmetic.
func (s *timetable) check(t *testing.T, got []time.Duration, final *Snapshot, began time.Time) {
	end := day
	if s.until > 0 {
		end = s.until
	}
	want := time.Duration(0)
	for i := 1; want <= end; i++ {
		if i > len(got) || got[i-1] != want {
			t.Errorf("%s: attempt %d of %d does not start at %s but at %s", s.name, i, len(got), want, got[min(i, len(got))-1])
			return
		}
		want += s.gap(i)
	}
	if last := got[len(got)-1]; last > end {
		t.Errorf("%s: an attempt starts at %s", s.name, last)
	}
	switch over := final.State == StateFinished; {
	case over != (s.until > 0):
		t.Errorf("%s: at the end of the day it is %s", s.name, final.State)
	case over && (final.Outcome != OutcomeFailed || final.FinishTime.Sub(began) != s.until):
		t.Errorf("%s: it ended %s at %s", s.name, final.Outcome, final.FinishTime.Sub(began))
	}
}
