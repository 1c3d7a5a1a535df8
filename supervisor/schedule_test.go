package supervisor

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// starts returns when the attempts of a task started, counted from the beginning of the test.
func (r *rig) starts(name string) []time.Duration {
	var at []time.Duration
	for _, e := range r.events() {
		if e.Kind == TaskStarting && e.Task == name {
			at = append(at, e.Time.Sub(r.began))
		}
	}
	return at
}

// TestDay runs five schedules for 24 hours and compares every start, to the nanosecond, with what plain arithmetic says.
func TestDay(t *testing.T) {
	const day = 24 * time.Hour
	begin := time.Now()
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{EventBuffer: 1 << 18, RetainedAge: 2 * day})

		// Every 7 s after an end, with a body of 3 s.
		r.add(Periodic("periodic", 7*time.Second, plays(succeeds(3*time.Second))))
		// Failures without end: 1 s, 2 s, 4 s, 8 s, 16 s, then every 30 s; the body takes 250 ms.
		r.add(plain(Restartable("backoff", plays(fails(250*ms, "boom")))))
		// Runs 61 s before each failure, so that each is the first: the delay is always 1 s.
		r.add(plain(Restartable("healthy", plays(fails(61*time.Second, "boom")))))
		// Two failures, then a success, again and again: delays of 1 s, 2 s and the interval of 57 s.
		wave := plain(Periodic("wave", 57*time.Second, TaskFunc(func(ctx context.Context) error {
			if info, _ := Attempt(ctx); info.Attempt%3 != 0 {
				return problem("boom")
			}
			return nil
		})))
		r.add(wave)
		// At most 1,000 restarts in 10 h, of which the interval of 40 s needs 900: it lives. With 899 it would not, see below.
		enough := Periodic("enough", 40*time.Second, plays(succeeds(0)))
		enough.Restart.Limit = RestartLimit{900, 10 * time.Hour}
		r.add(enough)
		short := Periodic("short", 40*time.Second, plays(succeeds(0)))
		short.Restart.Limit = RestartLimit{899, 10 * time.Hour}
		shortSnap := r.add(short)

		r.sleepUntil(day + time.Millisecond)

		next := map[string]func(i int, last time.Duration) time.Duration{
			"periodic": func(_ int, last time.Duration) time.Duration { return last + 10*time.Second },
			"backoff": func(i int, last time.Duration) time.Duration {
				if i <= 5 {
					return last + 250*ms + time.Second<<(i-1)
				}
				return last + 250*ms + 30*time.Second
			},
			"healthy": func(_ int, last time.Duration) time.Duration { return last + 62*time.Second },
			"wave": func(i int, last time.Duration) time.Duration {
				return last + []time.Duration{57 * time.Second, time.Second, 2 * time.Second}[i%3]
			},
			"enough": func(_ int, last time.Duration) time.Duration { return last + 40*time.Second },
			"short":  func(_ int, last time.Duration) time.Duration { return last + 40*time.Second },
		}
		for name, next := range next {
			end := day
			if name == "short" {
				end = 899 * 40 * time.Second
			}
			mustStart(t, name, r.starts(name), end, next)
		}
		final := r.mustState(ByUID(shortSnap.UID), StateFinished)
		if lived := final.FinishTime.Sub(r.began); final.Outcome != OutcomeFailed || lived != 899*40*time.Second {
			t.Errorf("the limited task: %s after %s", final.Outcome, lived)
		}
		r.mustState(ByName("enough"), StateBackoff)
	})
	if took := time.Since(begin); took > time.Second && !raceEnabled {
		t.Errorf("a day took %s", took)
	}
}

// mustStart compares the starts of a task with a schedule that begins at 0 and ends at a moment, included.
func mustStart(t *testing.T, name string, got []time.Duration, end time.Duration, next func(i int, last time.Duration) time.Duration) {
	t.Helper()
	want := time.Duration(0)
	for i := 1; want <= end; i++ {
		if len(got) < i || got[i-1] != want {
			t.Errorf("%s: attempt %d of %d: %s", name, i, len(got), fmt.Sprintf("not at %s", want))
			return
		}
		want = next(i, want)
	}
	if last := got[len(got)-1]; last > end {
		t.Errorf("%s: an attempt at %s", name, last)
	}
}
