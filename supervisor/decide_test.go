package supervisor

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestDecide is the restart policy as a table. What is not named is zero; the policy has delays of 1 s, 2 s, 4 s … 30 s.
func TestDecide(t *testing.T) {
	t0 := time.Unix(1_000_000, 0)
	ok := result{verdict: succeeded}
	bad := result{verdict: failed, reason: "boom"}
	ran := func(r result, d time.Duration) result { r.ran = d; return r }
	hinted := func(r result, d time.Duration) result { r.retryAfter, r.hasHint = d, true; return r }
	timedOut := func(r result) result { r.timedOut = true; return r }
	backoff := func(d time.Duration) decision {
		return decision{kind: BackoffScheduled, delay: d, source: BackoffAfterFailure, reason: "boom"}
	}
	pause := func(d time.Duration) decision {
		return decision{kind: BackoffScheduled, delay: d, source: BackoffAfterSuccess}
	}
	exhausted := func(reason string) decision {
		return decision{kind: ActorExhausted, outcome: OutcomeFailed, reason: reason}
	}
	completed := decision{kind: ActorExhausted, outcome: OutcomeCompleted}
	never, onFailure, always := RestartPolicy{Mode: RestartNever}, RestartPolicy{Mode: RestartOnFailure}, RestartPolicy{Mode: RestartAlways}
	with := func(p RestartPolicy, f func(*RestartPolicy)) RestartPolicy { f(&p); return p }
	limited := with(onFailure, func(p *RestartPolicy) { p.Limit = RestartLimit{2, time.Minute} })
	on := func(p RestartPolicy) RestartPolicy { p.Schedule = hourly{}; return p } // the next hour begins 800 s after t0
	wait := func(reason string) decision {
		return decision{kind: BackoffScheduled, delay: 800 * time.Second, source: BackoffUntilSchedule, reason: reason}
	}
	twice := on(with(onFailure, func(p *RestartPolicy) { p.MaxRetries = 2 }))

	for _, c := range []struct {
		name    string
		restart RestartPolicy
		before  history
		result  result
		want    decision
		streak  uint32        // afterwards
		last    time.Duration // lastDelay afterwards
	}{
		{"NEVER, success", never, history{}, ok, completed, 0, 0},
		{"NEVER, failure", never, history{}, bad, exhausted("boom"), 1, 0},
		{"ON_FAILURE, success", onFailure, history{}, ok, completed, 0, 0},
		{"ON_FAILURE, success after failures", onFailure, history{streak: 3, lastDelay: 4 * time.Second}, ok, completed, 0, 0},
		{"ON_FAILURE, first failure", onFailure, history{}, bad, backoff(time.Second), 1, time.Second},
		{"ON_FAILURE, second failure", onFailure, history{streak: 1}, bad, backoff(2 * time.Second), 2, 2 * time.Second},
		{"ON_FAILURE, millionth failure", onFailure, history{streak: 999_999}, bad, backoff(30 * time.Second), 1_000_000, 30 * time.Second},
		{"ALWAYS, failure", with(always, func(p *RestartPolicy) { p.Interval = time.Hour }), history{streak: 1}, bad, backoff(2 * time.Second), 2, 2 * time.Second},
		{"ALWAYS, success, interval", with(always, func(p *RestartPolicy) { p.Interval = time.Hour }), history{streak: 4}, ran(ok, time.Minute), pause(time.Hour), 0, 0},
		{"ALWAYS, success, no interval, at once", always, history{}, ok, pause(ms), 0, 0},
		{"ALWAYS, success, no interval, 400 µs", always, history{}, ran(ok, 400*time.Microsecond), pause(600 * time.Microsecond), 0, 0},
		{"ALWAYS, success, no interval, 1 ms", always, history{}, ran(ok, ms), pause(0), 0, 0},
		{"ALWAYS, success, no interval, 1 h", always, history{}, ran(ok, time.Hour), pause(0), 0, 0},
		{"fatal", always, history{streak: 1}, result{verdict: fatal, reason: "dead"}, decision{kind: ActorDead, outcome: OutcomeFatal, reason: "dead"}, 2, 0},
		{"self-cancel", always, history{streak: 1}, result{verdict: canceled, reason: "enough"}, decision{outcome: OutcomeCanceled, reason: "the body canceled itself: enough"}, 1, 0},

		{"max_retries 2, failure 2", with(onFailure, func(p *RestartPolicy) { p.MaxRetries = 2 }), history{streak: 1}, bad, backoff(2 * time.Second), 2, 2 * time.Second},
		{"max_retries 2, failure 3", with(onFailure, func(p *RestartPolicy) { p.MaxRetries = 2 }), history{streak: 2}, bad, exhausted("max_retries 2 used up: boom"), 3, 0},
		{"max_retries 2, failure 3, healthy before", with(onFailure, func(p *RestartPolicy) { p.MaxRetries = 2 }), history{streak: 2}, ran(bad, time.Minute), backoff(time.Second), 1, time.Second},
		{"max_retries, hint", with(onFailure, func(p *RestartPolicy) { p.MaxRetries = 2 }), history{streak: 2}, hinted(bad, 0), exhausted("max_retries 2 used up: boom"), 3, 0},

		{"reset_after reached", onFailure, history{streak: 9, lastDelay: 9}, ran(bad, time.Minute), backoff(time.Second), 1, time.Second},
		{"reset_after missed by 1 ns", onFailure, history{streak: 1}, ran(bad, time.Minute-1), backoff(2 * time.Second), 2, 2 * time.Second},
		{"reset_after reached, but by a timeout", onFailure, history{streak: 1}, timedOut(ran(bad, time.Hour)), backoff(2 * time.Second), 2, 2 * time.Second},

		{"hint", onFailure, history{streak: 1}, hinted(bad, time.Hour), backoff(time.Hour), 2, 2 * time.Second},
		{"hint of 0", onFailure, history{streak: 1}, hinted(bad, 0), backoff(0), 2, 2 * time.Second},

		{"schedule, NEVER, failure", on(never), history{streak: 1, earlier: 1}, bad, wait("boom"), 2, 0},
		{"schedule, success", on(onFailure), history{streak: 5, earlier: 3, lastDelay: 2}, ok, wait(""), 0, 0},
		{"schedule, ALWAYS, failure", on(always), history{streak: 1}, bad, backoff(2 * time.Second), 2, 2 * time.Second},
		{"schedule, first failure of a run", twice, history{streak: 3, earlier: 3}, bad, backoff(time.Second), 4, time.Second},
		{"schedule, second failure of a run", twice, history{streak: 4, earlier: 3}, bad, backoff(2 * time.Second), 5, 2 * time.Second},
		{"schedule, third failure of a run", twice, history{streak: 5, earlier: 3}, bad, wait("max_retries 2 used up: boom"), 6, 0},
		{"schedule, third failure of a run, healthy before", twice, history{streak: 5, earlier: 3}, ran(bad, time.Minute), backoff(time.Second), 1, time.Second},
		{"schedule, hint", twice, history{streak: 3, earlier: 3}, hinted(bad, time.Minute), backoff(time.Minute), 4, time.Second},
		{"schedule, fatal", on(always), history{}, result{verdict: fatal, reason: "dead"}, decision{kind: ActorDead, outcome: OutcomeFatal, reason: "dead"}, 1, 0},
		{"schedule, limit 2, third restart", on(limited), history{restarts: []time.Time{t0.Add(-2), t0.Add(-1)}}, ok, exhausted("restart limit reached: 2 restarts within 1m0s"), 0, 0},

		{"limit 2, first restart", limited, history{}, bad, backoff(time.Second), 1, time.Second},
		{"limit 2, third restart", limited, history{restarts: []time.Time{t0.Add(-2), t0.Add(-1)}}, bad, exhausted("restart limit reached: 2 restarts within 1m0s: boom"), 1, time.Second},
		{"limit 2, the first is out of the window", limited, history{restarts: []time.Time{t0.Add(-time.Minute), t0.Add(-1)}}, bad, backoff(time.Second), 1, time.Second},
		{"limit 2, the first is still in the window", limited, history{restarts: []time.Time{t0.Add(-time.Minute + 1), t0.Add(-1)}}, bad, exhausted("restart limit reached: 2 restarts within 1m0s: boom"), 1, time.Second},
		{"limit 2 does not concern success", limited, history{restarts: []time.Time{t0, t0}}, ok, completed, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := policies{Restart: c.restart}
			restart := all.rules(&Config{}).restart
			p := rules{restart: restart, backoff: BackoffPolicy{First: time.Second, Max: 30 * time.Second, Factor: 2, Jitter: JitterNone, ResetAfter: time.Minute}}
			h := c.before
			h.restarts = slices.Clone(h.restarts)
			got := p.decide(&h, &c.result, t0, rand.Uint64)
			if got != c.want {
				t.Errorf("decision %+v, want %+v", got, c.want)
			}
			if h.streak != c.streak || h.lastDelay != c.last {
				t.Errorf("streak %d, last delay %s; want %d, %s", h.streak, h.lastDelay, c.streak, c.last)
			}
			if len(h.restarts) > int(c.restart.Limit.Count) {
				t.Errorf("%d restarts are remembered", len(h.restarts))
			}
		})
	}
}

// The sliding window of the restart limit against a model that remembers everything.
func TestRestartLimitSlides(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := RestartLimit{Count: uint32(rapid.IntRange(1, 5).Draw(t, "count")), Window: time.Duration(rapid.IntRange(1, 100).Draw(t, "window"))}
		p := rules{restart: RestartPolicy{Mode: RestartOnFailure, Limit: limit}}
		var h history
		var all []time.Time
		now := time.Unix(0, 0)
		for range 50 {
			now = now.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "step")))
			inside := 0
			for _, at := range all {
				if now.Sub(at) < limit.Window {
					inside++
				}
			}
			d := p.decide(&h, &result{verdict: failed}, now, rand.Uint64)
			if allowed := d.kind == BackoffScheduled; allowed != (inside < int(limit.Count)) {
				t.Fatalf("%d restarts inside the window, limit %d: allowed %v", inside, limit.Count, allowed)
			} else if allowed {
				all = append(all, now)
			}
			if len(h.restarts) > int(limit.Count) || cap(h.restarts) > 4*int(limit.Count)+8 {
				t.Fatalf("%d restarts are remembered, capacity %d", len(h.restarts), cap(h.restarts))
			}
		}
	})
}

func TestBackoffBase(t *testing.T) {
	const most = time.Duration(math.MaxInt64)
	for _, c := range []struct {
		policy BackoffPolicy
		streak uint32
		want   time.Duration
	}{
		{BackoffPolicy{First: 0, Max: time.Hour, Factor: 2}, 1000, 0},
		{BackoffPolicy{First: time.Second, Max: time.Hour, Factor: 1}, 4_000_000_000, time.Second},
		{BackoffPolicy{First: time.Second, Max: time.Hour, Factor: 2}, 0, time.Second},
		{BackoffPolicy{First: time.Second, Max: time.Hour, Factor: 2}, 11, 2048 * time.Second},
		{BackoffPolicy{First: time.Second, Max: time.Hour, Factor: 2}, 12, time.Hour},
		{BackoffPolicy{First: time.Second, Max: time.Hour, Factor: 2}, math.MaxUint32, time.Hour},
		{BackoffPolicy{First: 1, Max: most, Factor: 2}, 62, 1 << 62},
		{BackoffPolicy{First: 1, Max: most, Factor: 2}, 63, most},
		{BackoffPolicy{First: 1, Max: most, Factor: math.MaxFloat64}, 1, most},
		{BackoffPolicy{First: most, Max: most, Factor: math.MaxFloat64}, math.MaxUint32, most},
		{BackoffPolicy{First: time.Second, Max: time.Second, Factor: 10}, 3, time.Second},
		{BackoffPolicy{First: 100 * ms, Max: time.Hour, Factor: 1.5}, 3, 337_500 * time.Microsecond},
		{BackoffPolicy{First: time.Second, Max: ms, Factor: 2}, 0, ms}, // a default of first above a given max
	} {
		if got := c.policy.base(c.streak); got != c.want {
			t.Errorf("%+v: base(%d) = %s, want %s", c.policy, c.streak, got, c.want)
		}
	}
}

func drawPolicy(t *rapid.T) BackoffPolicy {
	p := BackoffPolicy{
		First:  time.Duration(rapid.Int64Range(0, math.MaxInt64).Draw(t, "first")),
		Factor: rapid.Float64Range(1, math.MaxFloat64).Draw(t, "factor"),
	}
	p.Max = time.Duration(rapid.Int64Range(int64(p.First), math.MaxInt64).Draw(t, "max"))
	return p
}

func TestBackoffBaseGrowsUpToMax(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPolicy(t)
		last := time.Duration(0)
		for streak := range uint32(rapid.IntRange(1, 200).Draw(t, "failures")) {
			base := p.base(streak)
			if base < last || base < 0 || base > p.Max {
				t.Fatalf("base(%d) = %d after %d, max %d", streak, base, last, p.Max)
			}
			last = base
		}
	})
}

// randomBits returns a repeatable source for the jitter.
func randomBits(t *rapid.T) func() uint64 {
	return rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)).Uint64
}

func TestJitterStaysInRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, random := drawPolicy(t), randomBits(t)
		streak := rapid.Uint32().Draw(t, "streak")
		previous := time.Duration(rapid.Int64Range(0, math.MaxInt64).Draw(t, "previous"))
		base := p.base(streak)
		for jitter, limits := range map[Jitter][2]time.Duration{
			JitterNone:         {base, base},
			JitterFull:         {0, base},
			JitterEqual:        {base / 2, base},
			JitterDecorrelated: {p.First, min(p.Max, max(p.First, saturatingTriple(previous)))},
		} {
			p.Jitter = jitter
			if d := p.delay(streak, previous, random); d < limits[0] || d > limits[1] {
				t.Fatalf("%s: delay %d is not in %d", jitter, d, limits)
			}
		}
	})
}

// Each jitter is uniform over its range, ends included.
func TestJitterIsUniform(t *testing.T) {
	const first, draws, cells = 10 * time.Second, 100_000, 10
	for jitter, limits := range map[Jitter][2]time.Duration{
		JitterFull:         {0, first},
		JitterEqual:        {first / 2, first},
		JitterDecorrelated: {first, 3 * first},
	} {
		p := BackoffPolicy{First: first, Max: time.Hour, Factor: 2, Jitter: jitter}
		random := rand.New(rand.NewPCG(1, 2)).Uint64
		var count [cells]float64
		for range draws {
			d := p.delay(0, first, random)
			count[min(cells-1, int(cells*(d-limits[0])/(limits[1]-limits[0])))]++
		}
		chi := 0.0
		for _, n := range count {
			chi += (n - draws/cells) * (n - draws/cells) / (draws / cells)
		}
		if chi > 27.9 { // 9 degrees of freedom, p = 0.001; the seed is fixed
			t.Errorf("%s: χ² = %.1f over %v", jitter, chi, count)
		}
	}
	for lo := range time.Duration(3) { // a small range has both its ends
		seen := map[time.Duration]bool{}
		for range 100 {
			seen[between(lo, lo+2, rand.Uint64)] = true
		}
		if !seen[lo] || !seen[lo+1] || !seen[lo+2] || len(seen) != 3 {
			t.Errorf("between(%d, %d) gave %v", lo, lo+2, seen)
		}
	}
	if d := between(0, math.MaxInt64, func() uint64 { return math.MaxUint64 }); d != math.MaxInt64 {
		t.Errorf("the largest of the largest range is %d", d)
	}
}

// Decorrelated jitter remembers the delay before, not the base; a new streak begins anew.
func TestJitterDecorrelatedHasMemory(t *testing.T) {
	p := rules{restart: RestartPolicy{Mode: RestartOnFailure}, backoff: BackoffPolicy{
		First: time.Second, Max: time.Minute, Factor: 100, Jitter: JitterDecorrelated, ResetAfter: time.Hour,
	}}
	most := func() uint64 { return math.MaxUint64 }
	var h history
	var got []time.Duration
	for _, r := range []result{
		{verdict: failed}, {verdict: failed}, {verdict: failed, hasHint: true, retryAfter: 1}, {verdict: failed}, {verdict: failed},
		{verdict: failed, ran: time.Hour}, {verdict: failed},
	} {
		got = append(got, p.decide(&h, &r, time.Unix(0, 0), most).delay)
	}
	s := time.Second
	if want := []time.Duration{s, 3 * s, 1, 27 * s, 60 * s, s, 3 * s}; !slices.Equal(got, want) {
		t.Errorf("delays %s, want %s", got, want)
	}
}

// A zero rule stands for the default, of the config or of the package; None for none.
func TestDefaults(t *testing.T) {
	config := Config{
		Timeout: time.Minute, RestartMode: RestartAlways,
		Backoff: BackoffPolicy{First: 3, Max: 30, Factor: 4, Jitter: JitterFull, ResetAfter: 7},
	}
	none := Config{Timeout: None, Backoff: BackoffPolicy{First: None, ResetAfter: None}}
	std := BackoffPolicy{First: DefaultBackoffFirst, Max: DefaultBackoffMax, Factor: DefaultBackoffFactor, Jitter: JitterEqual, ResetAfter: DefaultResetAfter}
	stdWith := func(f func(*BackoffPolicy)) BackoffPolicy { p := std; f(&p); return p }
	for _, c := range []struct {
		name   string
		spec   Spec
		config Config
		want   Spec
	}{
		{"of the package", Spec{}, Config{}, Spec{Restart: RestartPolicy{Mode: RestartOnFailure}, Backoff: std}},
		{"of the config", Spec{}, config, Spec{Timeout: time.Minute, Restart: RestartPolicy{Mode: RestartAlways}, Backoff: config.Backoff}},
		{
			"None of the config", Spec{}, none,
			Spec{Restart: RestartPolicy{Mode: RestartOnFailure}, Backoff: stdWith(func(p *BackoffPolicy) { p.First, p.ResetAfter = 0, 0 })},
		},
		{
			"None beats the config",
			Spec{Timeout: None, Restart: RestartPolicy{Mode: RestartAlways, Interval: None}, Backoff: BackoffPolicy{First: None, ResetAfter: None}}, config,
			Spec{Restart: RestartPolicy{Mode: RestartAlways}, Backoff: BackoffPolicy{Max: 30, Factor: 4, Jitter: JitterFull}},
		},
		{
			"the spec beats the config",
			Spec{Timeout: 1, Restart: RestartPolicy{Mode: RestartNever}, Backoff: BackoffPolicy{First: 1, Max: 2, Factor: 3, Jitter: JitterNone, ResetAfter: 4}}, config,
			Spec{Timeout: 1, Restart: RestartPolicy{Mode: RestartNever}, Backoff: BackoffPolicy{First: 1, Max: 2, Factor: 3, Jitter: JitterNone, ResetAfter: 4}},
		},
		{
			"a large first lifts the default of max",
			Spec{Backoff: BackoffPolicy{First: time.Hour}}, Config{},
			Spec{Restart: RestartPolicy{Mode: RestartOnFailure}, Backoff: stdWith(func(p *BackoffPolicy) { p.First, p.Max = time.Hour, time.Hour })},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := rules{restart: c.want.Restart, backoff: c.want.Backoff, timeout: c.want.Timeout}
			p := policiesOf(&c.spec)
			if got := p.rules(&c.config); got != want {
				t.Errorf("%+v\nwant %+v", got, want)
			}
		})
	}
}

func TestSpecValidate(t *testing.T) {
	body := plays(succeeds(0))
	good := func(f func(*Spec)) Spec {
		s := Spec{Name: "t", Task: body}
		f(&s)
		return s
	}
	for _, c := range []struct {
		name string
		spec Spec
		want string // fields that are wrong
	}{
		{"least", good(func(*Spec) {}), ""},
		{"all None", good(func(s *Spec) {
			s.Timeout, s.Backoff.First, s.Backoff.ResetAfter = None, None, None
			s.Restart = RestartPolicy{Mode: RestartAlways, Interval: None}
		}), ""},
		{"largest", good(func(s *Spec) {
			s.Restart = RestartPolicy{Mode: RestartAlways, Interval: math.MaxInt64, MaxRetries: math.MaxUint32, Limit: RestartLimit{MaxRestartCount, math.MaxInt64}}
			s.Backoff = BackoffPolicy{math.MaxInt64, math.MaxInt64, math.MaxFloat64, JitterDecorrelated, math.MaxInt64}
		}), ""},
		{"empty", Spec{}, "name task"},
		{"negative", good(func(s *Spec) { s.Timeout, s.Backoff.First, s.Backoff.Max, s.Backoff.ResetAfter = -1, -1, -1, -1 }), "timeout backoff.first backoff.max backoff.reset_after"},
		{"max below first", good(func(s *Spec) { s.Backoff.First, s.Backoff.Max = 2, 1 }), "backoff.max"},
		{"factor below 1", good(func(s *Spec) { s.Backoff.Factor = 0.999 }), "backoff.factor"},
		{"factor NaN", good(func(s *Spec) { s.Backoff.Factor = math.NaN() }), "backoff.factor"},
		{"factor infinite", good(func(s *Spec) { s.Backoff.Factor = math.Inf(1) }), "backoff.factor"},
		{"enums", good(func(s *Spec) { s.Backoff.Jitter, s.Restart.Mode = 5, 4 }), "restart.mode backoff.jitter"},
		{"interval without ALWAYS", good(func(s *Spec) { s.Restart.Interval = 1 }), "restart.interval"},
		{"negative interval", good(func(s *Spec) { s.Restart = RestartPolicy{Mode: RestartAlways, Interval: -1} }), "restart.interval"},
		{"NEVER with what it does not have", good(func(s *Spec) { s.Restart = RestartPolicy{Mode: RestartNever, MaxRetries: 1, Limit: RestartLimit{1, 1}} }), "restart.max_retries restart.limit"},
		{"schedule", good(func(s *Spec) { s.Restart = RestartPolicy{Schedule: hourly{}} }), ""},
		{"schedule, NEVER", good(func(s *Spec) { s.Restart = RestartPolicy{Mode: RestartNever, Schedule: hourly{}} }), ""},
		{"schedule and an explicit lack of an interval", good(func(s *Spec) { s.Restart = RestartPolicy{Mode: RestartAlways, Interval: None, Schedule: hourly{}} }), ""},
		{"schedule and interval", good(func(s *Spec) { s.Restart = RestartPolicy{Mode: RestartAlways, Interval: 1, Schedule: hourly{}} }), "restart.interval"},
		{"limit without a window", good(func(s *Spec) { s.Restart.Limit.Count = 1 }), "restart.limit.window"},
		{"limit without a count", good(func(s *Spec) { s.Restart.Limit.Window = 1 }), "restart.limit.count"},
		{"limit too large", good(func(s *Spec) { s.Restart.Limit = RestartLimit{MaxRestartCount + 1, -1} }), "restart.limit.count restart.limit.window"},
		{"name too long", good(func(s *Spec) { s.Name = strings.Repeat("n", MaxNameLength+1) }), "name"},
		{"longest name", good(func(s *Spec) { s.Name = strings.Repeat("n", MaxNameLength) }), ""},
		{"name with space", good(func(s *Spec) { s.Name = "a b" }), "name"},
	} {
		t.Run(c.name, func(t *testing.T) { mustViolate(t, c.spec.Validate(), c.want) })
	}
}

func TestConfigValidate(t *testing.T) {
	for _, c := range []struct {
		name   string
		config Config
		want   string
	}{
		{"zero", Config{}, ""},
		{"no limits", Config{MaxTasks: -1, RetainedTasks: -1}, ""},
		{"all wrong", Config{
			Grace: -1, EventBuffer: -1, MaxConcurrent: -1, RetainedAge: -1, Timeout: -1, RestartMode: 9, Backoff: BackoffPolicy{Factor: -1},
		}, "grace event_buffer max_concurrent retained_age timeout restart.mode backoff.factor"},
		{"buffer too large", Config{EventBuffer: 1<<26 + 1}, "event_buffer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := New(c.config)
			mustViolate(t, err, c.want)
		})
	}
}

func TestValidName(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "Z": true, "0": true, "a/b.c_d-e": true, "a//b": true, strings.Repeat("x", MaxNameLength): true,
		"": false, "-a": false, "a-": false, "/a": false, "a.": false, "a b": false, "ä": false, "a\x00b": false, "a:b": false,
		strings.Repeat("x", MaxNameLength+1): false,
	} {
		if ValidName(name) != want {
			t.Errorf("ValidName(%q) = %v", name, !want)
		}
	}
}
