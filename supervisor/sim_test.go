package supervisor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// The simulation plays random lives, removals and a shutdown in virtual time, and compares what each life logged, to the nanosecond, with a
// model of a life that is as plain as can be. Lives do not affect each other unless they share a name or permits; with permits, the model
// does not know when an attempt starts, and just the invariants are checked.
//
// Moments never coincide by chance: a life begins at a number of microseconds of its own, all that it does takes whole milliseconds, and what others
// do to it comes half a millisecond off.

// simLife is one life as it is planned, and as it went.
type simLife struct {
	spec  Spec
	body  *script
	added time.Duration

	canceled time.Duration // 0: never
	cause    error
	grace    time.Duration // of the removal
	closed   time.Duration // when the log was closed; what comes later is not logged

	uid UID
}

// simEvent is what the model says of an event.
func simEvent(at time.Duration, k Kind, attempt uint64, more ...any) string {
	text := fmt.Sprintf("%s %s %d", at, k, attempt)
	for _, m := range more {
		text += fmt.Sprint(" ", m)
	}
	return text
}

// told renders an event of the engine in the same way.
func told(e *Event, began time.Time) string {
	var more []any
	switch e.Kind {
	case BackoffScheduled:
		more = []any{e.Delay, e.Source}
	case ActorExhausted, ActorDead, TaskRemoved:
		more = []any{e.Outcome}
	case TimeoutHit:
		more = []any{e.Timeout}
	case TaskStopped, TaskFailed:
		more = []any{e.Duration}
	}
	return simEvent(e.Time.Sub(began), e.Kind, e.Attempt, more...)
}

// simModel is the reference: it follows one life from its plan.
type simModel struct {
	*simLife
	config   Config
	log      []string
	streak   uint32
	restarts []time.Duration
}

const never = time.Duration(1<<63 - 1)

// live returns when and how the life ends.
func (m *simModel) live() (end time.Duration, outcome Outcome) {
	m.say(m.added, TaskAddRequested, 0)
	m.say(m.added, TaskAdded, 0)
	cancel := never
	if m.canceled > 0 {
		cancel = m.canceled
	}
	now := m.added
	for attempt := uint64(1); ; attempt++ {
		begun := now
		m.say(begun, TaskStarting, attempt)
		s := m.body.steps[min(int(attempt), len(m.body.steps))-1]
		ended, timedOut := m.attempt(begun, attempt, s, cancel)
		how := m.verdict(s, ended, begun, timedOut)
		end := func(k Kind) { m.say(ended, k, attempt, ended-begun) }
		if how == succeeded || how == canceled {
			end(TaskStopped)
		} else {
			end(TaskFailed)
		}
		if cancel < ended {
			return m.removed(ended, OutcomeCanceled)
		}
		next, kind, outcome := m.decide(how, ended, ended-begun, timedOut, attempt)
		if outcome != 0 {
			if kind != 0 {
				m.say(ended, kind, attempt, outcome)
			}
			return m.removed(ended, outcome)
		}
		if cancel < next {
			m.request(cancel)
			return m.removed(cancel, OutcomeCanceled)
		}
		now = next
	}
}

func (m *simModel) say(at time.Duration, k Kind, attempt uint64, more ...any) {
	if m.closed == 0 || at <= m.closed {
		m.log = append(m.log, simEvent(at, k, attempt, more...))
	}
}

func (m *simModel) removed(at time.Duration, outcome Outcome) (time.Duration, Outcome) {
	m.say(at, TaskRemoved, 0, outcome)
	return at, outcome
}

func (m *simModel) request(at time.Duration) {
	if errors.Is(m.cause, ErrRemoved) {
		m.say(at, TaskRemoveRequested, 0)
	}
}

// attempt says what happens before the end of an attempt, and returns when that is.
func (m *simModel) attempt(begun time.Duration, attempt uint64, s step, cancel time.Duration) (ended time.Duration, timedOut bool) {
	natural := begun + s.work
	deadline := never
	if m.spec.Timeout > 0 {
		deadline = begun + m.spec.Timeout
	}
	if natural < deadline && natural < cancel {
		return natural, false
	}
	told := min(deadline, cancel) // the body learns of the first of them alone
	ended = told + s.deaf
	timedOut = deadline < cancel
	stuck := never
	if timedOut {
		m.say(deadline, TimeoutHit, attempt, m.spec.Timeout)
		stuck = deadline + m.config.Grace
	}
	if cancel < ended && errors.Is(m.cause, ErrRemoved) && cancel < stuck {
		stuck = cancel + m.grace
	}
	events := []struct {
		at  time.Duration
		say func()
	}{
		{cancel, func() { m.request(cancel) }},
		{stuck, func() { m.say(stuck, GraceExceeded, attempt) }},
	}
	if stuck < cancel {
		slices.Reverse(events)
	}
	for _, e := range events {
		if e.at < ended {
			e.say()
		}
	}
	return ended, timedOut
}

// verdict says how the attempt ended.
func (m *simModel) verdict(s step, ended, begun time.Duration, timedOut bool) verdict {
	switch {
	case timedOut:
		return failed
	case ended == begun+s.work && s.deaf == 0 && (m.canceled == 0 || ended < m.canceled), m.canceled == 0, ended < m.canceled:
		return simVerdict(s.end)
	case s.late != nil:
		return simVerdict(s.late)
	}
	return canceled
}

// simVerdict runs what a step does at its end and says what that means.
func simVerdict(end func(context.Context) error) (v verdict) {
	v = failed // a panic or Goexit
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = recover() }()
		switch err := end(context.Background()); {
		case err == nil:
			v = succeeded
		case IsFatal(err):
			v = fatal
		case errors.Is(err, context.Canceled):
			v = canceled
		}
	}()
	<-done
	return v
}

// decide says when the next attempt starts, or with which event and outcome the life ends.
func (m *simModel) decide(how verdict, now, ran time.Duration, timedOut bool, attempt uint64) (next time.Duration, kind Kind, outcome Outcome) {
	p := m.spec.Restart
	if how == failed && !timedOut && ran >= m.spec.Backoff.ResetAfter {
		m.streak = 0
	}
	var delay time.Duration
	source := BackoffAfterFailure
	switch how {
	case fatal:
		return 0, ActorDead, OutcomeFatal
	case canceled:
		return 0, 0, OutcomeCanceled
	case succeeded:
		if p.Mode != RestartAlways {
			return 0, ActorExhausted, OutcomeCompleted
		}
		m.streak = 0
		source = BackoffAfterSuccess
		if delay = p.Interval; delay == 0 {
			delay = max(0, time.Millisecond-ran)
		}
	case failed:
		if p.Mode == RestartNever || p.MaxRetries > 0 && m.streak >= p.MaxRetries {
			return 0, ActorExhausted, OutcomeFailed
		}
		delay = m.spec.Backoff.First
		for range m.streak {
			delay = min(2*delay, m.spec.Backoff.Max)
		}
		m.streak++
	}
	if p.Limit.Count > 0 {
		inside := 0
		for _, at := range m.restarts {
			if now-at < p.Limit.Window {
				inside++
			}
		}
		if inside >= int(p.Limit.Count) {
			return 0, ActorExhausted, OutcomeFailed
		}
		m.restarts = append(m.restarts, now)
	}
	m.say(now, BackoffScheduled, attempt, delay, source)
	return now + delay, 0, 0
}

// sim is one run with one seed.
type sim struct {
	*rig
	t      *testing.T
	random *rand.Rand
	config Config
	lives  []*simLife
	asked  sync.WaitGroup
	limit  atomic.Int32  // bodies that run
}

// pick returns one of the choices.
func pick[T any](r *rand.Rand, choices ...T) T { return choices[r.IntN(len(choices))] }

// step plans an attempt.
func (s *sim) step() step {
	r := s.random
	out := step{
		work: pick(r, 0, 2*ms, 20*ms, 200*ms, 2000*ms, 20_000*ms, forever),
		deaf: pick(r, 0, 0, 0, 4*ms, 400*ms, 40_000*ms),
		end: pick(r, returns(nil), returns(nil), returns(problem("boom")), returns(problem("boom")), returns(problem("boom")),
			returns(Fatal(problem("dead"))), panics(0, "panic").end, exits(0).end, returns(context.Canceled)),
		late: pick(r, nil, nil, returns(nil), returns(problem("late")), returns(Fatal(problem("late"))), panics(0, "late").end, exits(0).end),
	}
	return out
}

func (s *sim) spec(name string) (Spec, *script) {
	r := s.random
	body := &script{}
	for range 1 + r.IntN(6) {
		body.steps = append(body.steps, s.step())
	}
	spec := Spec{Name: name, Timeout: pick(r, 0, 0, 51*ms, 5001*ms)}
	spec.Restart.Mode = pick(r, RestartNever, RestartOnFailure, RestartOnFailure, RestartAlways, RestartAlways)
	if spec.Restart.Mode == RestartAlways {
		spec.Restart.Interval = pick(r, 0, 10*ms, 1000*ms)
	}
	if spec.Restart.Mode != RestartNever {
		spec.Restart.MaxRetries = pick[uint32](r, 0, 1, 2, 5)
		spec.Restart.Limit = pick(r, RestartLimit{}, RestartLimit{}, RestartLimit{3, time.Second}, RestartLimit{10, time.Minute})
	}
	spec.Backoff = BackoffPolicy{
		First: pick(r, 1*ms, 100*ms, 1000*ms), Max: pick(r, 1000*ms, 30_000*ms), Factor: 2, Jitter: JitterNone,
		ResetAfter: pick(r, 100*ms, 10_000*ms),
	}
	return spec, body
}

// Run counts the bodies that run, around the script of the life.
type simBody struct {
	sim  *sim
	body *script
}

func (b simBody) Run(ctx context.Context) error {
	if n := b.sim.limit.Add(1); b.sim.config.MaxConcurrent > 0 && int(n) > b.sim.config.MaxConcurrent {
		b.sim.t.Errorf("%d bodies run", n)
	}
	defer b.sim.limit.Add(-1)
	return b.body.Run(ctx)
}

// exact reports whether the model knows when attempts start.
func (s *sim) exact() bool { return s.config.MaxConcurrent == 0 }

// holder returns the life that has a name at a moment, according to the model.
func (s *sim) holder(name string, at time.Duration) *simLife {
	for _, l := range s.lives {
		if l.spec.Name != name {
			continue
		}
		m := simModel{simLife: l, config: s.config}
		if end, _ := m.live(); end > at {
			return l
		}
	}
	return nil
}

func (s *sim) now() time.Duration { return time.Since(s.began) }

// moment waits until a number of milliseconds have passed, and a fraction that is nobody else's.
func (s *sim) moment(d, fraction time.Duration) {
	s.sleepUntil((s.now()+d).Truncate(time.Millisecond) + time.Millisecond + fraction)
}

// run plays a seed: some adds and removals, then a shutdown.
func (s *sim) run() {
	names := []string{"a", "b", "c", "d"}
	for i := range 1 + s.random.IntN(25) {
		name := pick(s.random, names...)
		wait := pick(s.random, 0, time.Millisecond, 30*ms, 3000*ms, 300_000*ms)
		if s.random.IntN(3) == 0 {
			s.moment(wait, 500*time.Microsecond+time.Duration(i))
			s.remove(name)
		} else {
			s.moment(wait, time.Duration(i)*time.Microsecond)
			s.add(name)
		}
	}
	s.moment(pick(s.random, 0, 100*ms, 10_000*ms), 750*time.Microsecond)
	s.stop()
	s.asked.Wait()
	s.checkLives()
}

func (s *sim) add(name string) {
	spec, body := s.spec(name)
	spec.Task = simBody{s, body}
	l := &simLife{spec: spec, body: body, added: s.now()}
	holder := s.holder(name, l.added)
	snap, err := s.Add(context.Background(), spec)
	if s.exact() && (holder != nil) != errors.Is(err, ErrTaskExists) {
		s.t.Errorf("at %s: Add(%q): %v, holder %v", l.added, name, err, holder != nil)
	}
	if err != nil {
		return
	}
	l.uid = snap.UID
	s.lives = append(s.lives, l)
	s.asked.Go(func() {
		end, err := s.Wait(context.Background(), ByUID(l.uid))
		if end.Outcome == 0 || (end.Outcome == OutcomeAbandoned) != errors.Is(err, ErrTaskStuck) {
			s.t.Errorf("Wait(%q): %s, %v", name, end.Outcome, err)
		}
	})
}

func (s *sim) remove(name string) {
	grace := pick(s.random, 3*ms, 300*ms, 30_000*ms)
	now := s.now()
	l := s.holder(name, now)
	if s.exact() && l != nil && l.canceled == 0 {
		l.canceled, l.cause, l.grace = now, ErrRemoved, grace
	}
	s.asked.Go(func() {
		snap, err := s.Remove(context.Background(), ByName(name), grace)
		switch waited := s.now() - now; {
		case errors.Is(err, ErrTaskNotFound):
			if s.exact() && l != nil {
				s.t.Errorf("at %s: Remove(%q): %v", now, name, err)
			}
		case err == nil && snap.State == StateFinished && waited <= grace:
		case errors.Is(err, ErrTaskStuck) && (waited == grace || snap.Outcome == OutcomeAbandoned):
		default:
			s.t.Errorf("at %s: Remove(%q, %s) after %s: %s %s, %v", now, name, grace, waited, snap.State, snap.Outcome, err)
		}
	})
}

func (s *sim) stop() {
	now := s.now()
	for _, l := range s.lives {
		m := simModel{simLife: l, config: s.config}
		if end, _ := m.live(); end > now && l.canceled == 0 {
			l.canceled, l.cause = now, ErrShutdown
		}
	}
	err := s.Shutdown(context.Background())
	closed := s.now()
	if took := closed - now; took > s.config.Grace || errors.Is(err, ErrTaskStuck) && took != s.config.Grace {
		s.t.Errorf("the shutdown took %s: %v", took, err)
	}
	for _, l := range s.lives {
		l.closed = closed
	}
}

// checkLives compares the log of each life with the model.
func (s *sim) checkLives() {
	logs := map[UID][]string{}
	var verdict time.Duration
	for _, e := range s.events() {
		verdict = e.Time.Sub(s.began)
		if s.exact() && (e.Kind != GraceExceeded || verdict != s.lives0Closed()) {
			logs[e.UID] = append(logs[e.UID], told(&e, s.began))
		}
	}
	for _, l := range s.lives {
		if l.body.overlap.Load() {
			s.t.Errorf("two attempts of %q overlapped", l.spec.Name)
		}
		if !s.exact() {
			continue
		}
		m := simModel{simLife: l, config: s.config}
		_, outcome := m.live()
		if got, want := strings.Join(logs[l.uid], "\n"), strings.Join(m.log, "\n"); got != want {
			s.t.Errorf("life of %q, %+v\nsteps %+v\ncanceled %s (%v), log:\n%s\nwant:\n%s", l.spec.Name, l.spec.Restart, l.body.steps, l.canceled, l.cause, got, want)
		}
		snap, err := s.Get(ByUID(l.uid))
		if err != nil || snap.Outcome != outcome && snap.Outcome != OutcomeAbandoned {
			s.t.Errorf("%q: outcome %s, want %s; %v", l.spec.Name, snap.Outcome, outcome, err)
		}
	}
}

// lives0Closed returns when the log was closed. Reports of stuck bodies at that moment are the verdict, which the model leaves out.
func (s *sim) lives0Closed() time.Duration {
	if len(s.lives) == 0 {
		return 0
	}
	return s.lives[0].closed
}

// TestSimulation runs -sim.seeds seeds, or the one that -sim.seed gives.
func TestSimulation(t *testing.T) {
	first, n := rand.Uint64()>>1, *simSeeds
	if *simSeed != 0 {
		first, n = *simSeed, 1
	}
	var steps uint64
	for i := range uint64(n) {
		steps += simulate(t, first+i)
		if t.Failed() {
			t.Fatalf("repeat: go test ./supervisor -run TestSimulation -sim.seed %d", first+i)
		}
	}
	t.Logf("seeds %d to %d, %d events", first, first+uint64(n)-1, steps)
}

// simulate runs one seed and returns how many events there were.
func simulate(t *testing.T, seed uint64) (events uint64) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(seed, 0))
		config := Config{Grace: pick(random, 5*ms, 5000*ms, 500_000*ms), RetainedAge: forever, EventBuffer: 1 << 16}
		if random.IntN(3) == 0 {
			config.MaxConcurrent = 1 + random.IntN(3)
		}
		s := &sim{rig: newRig(t, config), t: t, random: random, config: config}
		s.run()
		events = s.Cursor().Sequence
		s.checkEmpty()
		if s.permits != nil && !s.permits.TryAcquire(int64(config.MaxConcurrent)) {
			t.Error("permits are lost")
		}
	})
	return events
}
