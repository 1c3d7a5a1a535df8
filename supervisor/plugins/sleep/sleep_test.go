package sleep_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
	"github.com/taskvisor/taskvisor/supervisor/plugins/internal/bodytest"
	"github.com/taskvisor/taskvisor/supervisor/plugins/sleep"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func registry(t *testing.T) *plugin.Registry {
	t.Helper()
	return bodytest.Registry(t, sleep.New())
}

func build(t *testing.T, config map[string]any) supervisor.Task {
	t.Helper()
	return bodytest.Build(t, registry(t), "sleep", config)
}

// run runs a body outside a supervisor and tells how it ended and how long that took on the virtual clock.
func run(ctx context.Context, body supervisor.Task) (end string, took time.Duration) {
	begin := time.Now()
	defer func() {
		took = time.Since(begin)
		if p := recover(); p != nil {
			end = fmt.Sprint("panic: ", p)
		}
	}()
	err := body.Run(ctx)
	end = fmt.Sprint(err)
	if code, ok := supervisor.ExitCodeOf(err); ok {
		end += fmt.Sprintf(" (exit code %d)", code)
	}
	if supervisor.IsFatal(err) {
		end += " (fatal)"
	}
	return end, took
}

func TestOneAttempt(t *testing.T) {
	const own = "attempt 1 fails as configured"
	for name, test := range map[string]struct {
		config map[string]any
		end    string
		took   time.Duration
	}{
		"defaults":           {nil, "<nil>", time.Second},
		"duration":           {map[string]any{"duration": "90m"}, "<nil>", 90 * time.Minute},
		"no duration":        {map[string]any{"duration": "0s"}, "<nil>", 0},
		"success":            {map[string]any{"then": "success"}, "<nil>", time.Second},
		"failure":            {map[string]any{"then": "failure"}, own, time.Second},
		"failure, code":      {map[string]any{"then": "failure", "exit_code": 3}, own + " (exit code 3)", time.Second},
		"failure, reason":    {map[string]any{"then": "failure", "reason": "no database"}, "no database", time.Second},
		"failure, all":       {map[string]any{"then": "failure", "reason": "x", "exit_code": 255, "duration": "2s"}, "x (exit code 255)", 2 * time.Second},
		"fatal":              {map[string]any{"then": "fatal"}, own + " (fatal)", time.Second},
		"fatal, code":        {map[string]any{"then": "fatal", "exit_code": 1, "reason": "x"}, "x (exit code 1) (fatal)", time.Second},
		"panic":              {map[string]any{"then": "panic"}, "panic: " + own, time.Second},
		"panic, reason":      {map[string]any{"then": "panic", "reason": "x"}, "panic: x", time.Second},
		"failures":           {map[string]any{"failures": 1}, own, time.Second},
		"failures, fatal":    {map[string]any{"failures": 1, "then": "fatal"}, own, time.Second},
		"failures, panic":    {map[string]any{"failures": 1, "then": "panic", "exit_code": 7}, own + " (exit code 7)", time.Second},
		"ignores no cancel":  {map[string]any{"ignore_cancel": "1h"}, "<nil>", time.Second},
		"failures, none":     {map[string]any{"failures": 0}, "<nil>", time.Second},
		"exit code, default": {map[string]any{"failures": 1, "reason": "y"}, "y", time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			if end, took := run(t.Context(), build(t, test.config)); end != test.end || took != test.took {
				t.Errorf("%s: ended with %s after %s, want %s after %s", name, end, took, test.end, test.took)
			}
		})
	}
}

// An attempt that is canceled ends with the error of its context, whatever it was to end with: at once, or as long after as ignore_cancel says.
func TestCancellation(t *testing.T) {
	for name, test := range map[string]struct {
		config map[string]any
		took   time.Duration
	}{
		"at once":           {map[string]any{"duration": "1h"}, time.Minute},
		"failure":           {map[string]any{"duration": "1h", "then": "failure"}, time.Minute},
		"panic":             {map[string]any{"duration": "1h", "then": "panic"}, time.Minute},
		"ignored":           {map[string]any{"duration": "1h", "ignore_cancel": "30s"}, time.Minute + 30*time.Second},
		"ignored very long": {map[string]any{"duration": "1h", "ignore_cancel": "24h"}, 24*time.Hour + time.Minute},
		"failures, ignored": {map[string]any{"duration": "2m", "failures": 9, "ignore_cancel": "1s"}, time.Minute + time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if end, took := run(ctx, build(t, test.config)); end != context.DeadlineExceeded.Error() || took != test.took {
				t.Errorf("%s: ended with %s after %s, want the end of the context after %s", name, end, took, test.took)
			}
		})
	}
}

// life runs a task to its end, on the virtual clock, and returns the events of its attempts.
func life(t *testing.T, spec supervisor.Spec) (events []string, last supervisor.Snapshot) {
	t.Helper()
	sup, err := supervisor.New(supervisor.Config{})
	if err != nil {
		t.Fatal(err)
	}
	reader, err := sup.Read(sup.OldestCursor())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	snap, err := sup.Add(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if last, err = sup.Wait(t.Context(), supervisor.ByUID(snap.UID)); err != nil {
		t.Fatal(err)
	}
	if err := sup.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	for buf := make([]supervisor.Event, 100); ; {
		n, _, err := reader.Next(t.Context(), buf)
		if errors.Is(err, supervisor.ErrClosed) {
			return events, last
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range buf[:n] {
			if slices.Contains([]supervisor.Kind{supervisor.TaskStopped, supervisor.TaskFailed, supervisor.TimeoutHit, supervisor.ActorDead, supervisor.GraceExceeded}, e.Kind) {
				events = append(events, fmt.Sprint(e.Kind, " ", e.Attempt, " ", e.Duration, " ", e.Reason))
			}
		}
	}
}

// The plugin is there for rehearsing what the engine makes of how bodies end.
func TestLives(t *testing.T) {
	for name, test := range map[string]struct {
		config  map[string]any
		change  func(*supervisor.Spec)
		outcome supervisor.Outcome
		events  []string
	}{
		"succeeds": {
			config: nil, outcome: supervisor.OutcomeCompleted,
			events: []string{"TASK_STOPPED 1 1s "},
		},
		"recovers after two failures": {
			config: map[string]any{"failures": 2, "duration": "100ms"}, outcome: supervisor.OutcomeCompleted,
			events: []string{
				"TASK_FAILED 1 100ms attempt 1 fails as configured", "TASK_FAILED 2 100ms attempt 2 fails as configured", "TASK_STOPPED 3 100ms ",
			},
		},
		"recovers too late": {
			config: map[string]any{"failures": 2, "duration": "0s", "reason": "not yet", "exit_code": 4}, outcome: supervisor.OutcomeFailed,
			change: func(s *supervisor.Spec) { s.Restart.MaxRetries = 1 },
			events: []string{"TASK_FAILED 1 0s not yet", "TASK_FAILED 2 0s not yet"},
		},
		"recovers, then dies": {
			config: map[string]any{"failures": 1, "then": "fatal", "duration": "0s", "reason": "no"}, outcome: supervisor.OutcomeFatal,
			events: []string{"TASK_FAILED 1 0s no", "TASK_FAILED 2 0s no", "ACTOR_DEAD 2 0s no"},
		},
		"panics": {
			config: map[string]any{"then": "panic", "duration": "0s", "reason": "oh"}, outcome: supervisor.OutcomeFailed,
			change: func(s *supervisor.Spec) { s.Restart.Mode = supervisor.RestartNever },
			events: []string{"TASK_FAILED 1 0s panic: oh"},
		},
		"hits the timeout": {
			config: map[string]any{"duration": "1h"}, outcome: supervisor.OutcomeFailed,
			change: func(s *supervisor.Spec) { s.Timeout, s.Restart.Mode = time.Minute, supervisor.RestartNever },
			events: []string{"TIMEOUT_HIT 1 0s ", "TASK_FAILED 1 1m0s timeout after 1m0s"},
		},
		"ignores the timeout": {
			config: map[string]any{"duration": "1h", "ignore_cancel": "5s"}, outcome: supervisor.OutcomeFailed,
			change: func(s *supervisor.Spec) { s.Timeout, s.Restart.Mode = time.Minute, supervisor.RestartNever },
			events: []string{"TIMEOUT_HIT 1 0s ", "TASK_FAILED 1 1m5s timeout after 1m0s"},
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			spec := supervisor.Restartable("rehearsal", build(t, test.config))
			if test.change != nil {
				test.change(&spec)
			}
			events, last := life(t, spec)
			if !slices.Equal(events, test.events) || last.Outcome != test.outcome {
				t.Errorf("%s: outcome %s\n got %q\nwant %q", name, last.Outcome, events, test.events)
			}
		})
	}
}

// A removed and re-added task begins anew, even if it has the same body.
func TestANewLifeBeginsWithTheFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := build(t, map[string]any{"failures": 1, "duration": "0s"})
		for range 2 {
			events, _ := life(t, supervisor.Restartable("rehearsal", body))
			if want := []string{"TASK_FAILED 1 0s attempt 1 fails as configured", "TASK_STOPPED 2 0s "}; !slices.Equal(events, want) {
				t.Errorf("got %q, want %q", events, want)
			}
		}
	})
}

// A removal, like a shutdown, is what ignore_cancel is about.
func TestARemovalMayBeIgnoredForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sup, err := supervisor.New(supervisor.Config{})
		if err != nil {
			t.Fatal(err)
		}
		snap, err := sup.Add(t.Context(), supervisor.Once("stubborn", build(t, map[string]any{"duration": "1h", "ignore_cancel": "30s"})))
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		begin := time.Now()
		if _, err := sup.Remove(t.Context(), supervisor.ByUID(snap.UID), 10*time.Second); !errors.Is(err, supervisor.ErrTaskStuck) {
			t.Errorf("got %v, want that it is stuck", err)
		}
		last, err := sup.Remove(t.Context(), supervisor.ByUID(snap.UID), time.Minute)
		if err != nil || last.Outcome != supervisor.OutcomeCanceled || time.Since(begin) != 30*time.Second {
			t.Errorf("outcome %s after %s, %v", last.Outcome, time.Since(begin), err)
		}
		if err := sup.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

func TestWhatWouldHaveNoEffectIsRefused(t *testing.T) {
	r := registry(t)
	for name, test := range map[string]struct {
		config map[string]any
		want   []string
	}{
		"exit code": {
			map[string]any{"exit_code": 3},
			[]string{`exit_code: 3 is set, but no attempt fails; set then to "failure" or "fatal", set failures, or leave exit_code out`},
		},
		"exit code of a panic": {
			map[string]any{"exit_code": 3, "then": "panic"},
			[]string{`exit_code: 3 is set, but no attempt fails; set then to "failure" or "fatal", set failures, or leave exit_code out`},
		},
		"both": {
			map[string]any{"exit_code": 3, "reason": "x", "failures": 0},
			[]string{
				`exit_code: 3 is set, but no attempt fails; set then to "failure" or "fatal", set failures, or leave exit_code out`,
				`reason: "x" is set, but no attempt fails; set then or failures, or leave reason out`,
			},
		},
		"exit code of a success": {
			map[string]any{"exit_code": 0, "then": "failure"},
			[]string{"exit_code: 0 is out of range; give an integer from 1 to 255"},
		},
		"types": {
			map[string]any{"duration": 5, "then": "fail", "failures": -1, "exit_code": 256, "reason": 1, "ignore_cancel": "-1s"},
			[]string{
				`duration: 5 is a number; give a string such as "1.5s"`,
				`then: "fail" is not allowed; give one of "success", "failure", "fatal", "panic"`,
				"failures: -1 is out of range; give an integer from 0 to 4294967295",
				"exit_code: 256 is out of range; give an integer from 1 to 255",
				"reason: 1 is a number; give a string",
				`ignore_cancel: "-1s" is not a duration; give numbers with units, such as "1.5s", "250ms" or "1h30m"`,
			},
		},
		"unknown": {
			map[string]any{"delay": "1s"},
			[]string{`delay: there is no key "delay" here; the keys are duration, then, failures, exit_code, reason, ignore_cancel, heartbeat`},
		},
	} {
		_, err := r.Build("sleep", test.config)
		bodytest.WantRefused(t, name, err, test.want)
	}
}

func TestTheSchemaTellsDefaultsAndChoices(t *testing.T) {
	const want = `{"type":"object","properties":{` +
		`"duration":{"type":"string","description":"how long an attempt takes","default":"1s","examples":["1.5s"],"pattern":"^([0-9]+(\\.[0-9]+)?(ns|us|µs|μs|ms|s|m|h))+$"},` +
		`"then":{"type":"string","description":"how an attempt ends","default":"success","enum":["success","failure","fatal","panic"]},` +
		`"failures":{"type":"integer","description":"how many attempts of a life fail before the others end as then says","minimum":0,"maximum":4294967295},` +
		`"exit_code":{"type":"integer","description":"exit code that a failure reports; none by default","minimum":1,"maximum":255},` +
		`"reason":{"type":"string","description":"text of a failure or panic; says which attempt it was by default"},` +
		`"ignore_cancel":{"type":"string","description":"how long an attempt goes on after it was canceled","examples":["1.5s"],"pattern":"^([0-9]+(\\.[0-9]+)?(ns|us|µs|μs|ms|s|m|h))+$"},` +
		`"heartbeat":{"type":"string","description":"how often an attempt gives a sign of life, for a task with a heartbeat_timeout; never by default",` +
		`"examples":["1.5s"],"pattern":"^([0-9]+(\\.[0-9]+)?(ns|us|µs|μs|ms|s|m|h))+$"}},` +
		`"$schema":"https://json-schema.org/draft/2020-12/schema","additionalProperties":false}`
	info := registry(t).List()[0]
	if got := string(info.Schema); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if got, want := string(info.Example), `{"duration":"200ms","failures":2,"exit_code":3,"reason":"not ready yet"}`; got != want {
		t.Errorf("example %s, want %s", got, want)
	}
}
