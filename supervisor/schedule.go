package supervisor

import "time"

// Schedule gives the times at which a task runs: see RestartPolicy.Schedule. Package cron has one that is made from a cron expression.
//
// Next returns the first of them that is later than t, or the zero time when there is none. It must give the same answer for every t between two
// times, for it is asked again while the task waits. It is called with locks of the engine held, so it must be quick and must not call the
// supervisor; it may be called by several goroutines at once.
type Schedule interface {
	Next(t time.Time) time.Time
}

// What a schedule follows is the clock on the wall, and that can be set while a task waits for it to show a time; timers do not notice, nor do
// they run while the machine sleeps.
const (
	// maxNap is how long a task waits at most for a time of its schedule without a look at the clock. So a start is at most that much late when the
	// clock was put forward, or the machine slept.
	maxNap = time.Minute
	// maxSetBack is how far the clock can be put back without that a time which has come once comes again. One that was put back further was
	// wrong before, and would keep a task waiting for as long as it was. (Vixie cron has the same rule, and the same 3 hours.)
	maxSetBack = 3 * time.Hour
)

// runTimes are times of a schedule. They are apart from history because few tasks have a schedule.
type runTimes struct {
	due  time.Time // that the task waits for, or that came last
	came time.Time // the one before that; zero for none
}

// nextTime returns the time of the schedule that follows now and came, which is the last one that has come.
func nextTime(s Schedule, came, now time.Time) time.Time {
	now = now.Round(0) // without the reading of the clock that nobody can set
	if ahead := came.Sub(now); ahead > 0 && ahead <= maxSetBack {
		now = came
	}
	next := s.Next(now)
	if !next.IsZero() && !next.After(now) {
		return now.Add(minSpacing) // it breaks its promise, and must not spin a core
	}
	return next
}

// untilNextTime is what follows the end of a run: the wait for the next one or, when the schedule has no more times, end, which is how a life
// without a schedule would have ended.
func (p *rules) untilNextTime(h *history, end decision, now time.Time) decision {
	if h.runs == nil {
		h.runs = new(runTimes)
	}
	next := nextTime(p.restart.Schedule, h.runs.due, now)
	if next.IsZero() {
		return end
	}
	*h.runs = runTimes{due: next, came: h.runs.due}
	h.earlier, h.lastDelay = h.streak, 0
	return decision{kind: BackoffScheduled, delay: until(next, now), source: BackoffUntilSchedule, reason: end.reason}
}

// until returns how long it is until a moment of the clock on the wall.
func until(moment, now time.Time) time.Duration { return max(0, moment.Sub(now.Round(0))) }

// awaitRunLocked has a task that is about to be registered wait for the first time of its schedule, and returns the event to tell of it. It
// returns nil where there is nothing to wait for: no schedule, or none of its times is left.
func (t *task) awaitRunLocked(now time.Time) *Event {
	if t.spec.Restart.Schedule == nil {
		return nil
	}
	rules := t.spec.rules(&t.sup.config)
	next := rules.untilNextTime(&t.history, decision{}, now)
	if next.kind != BackoffScheduled {
		return nil
	}
	t.enterLocked(StateBackoff)
	t.due, t.wake = t.history.runs.due, make(chan struct{}, 1)
	return &Event{Kind: BackoffScheduled, Time: now, Delay: next.delay, Source: next.source}
}

// started reports whether a task that was just registered needs an actor: it has its slot. The life of one that was refused is over.
func (s *Snapshot) started() bool { return s.State == StateWaiting || s.State == StateBackoff }

// firstState returns the state in which the task would be registered now if its slot was idle.
func (t *task) firstState() State {
	if s := t.spec.Restart.Schedule; s == nil || nextTime(s, time.Time{}, time.Now()).IsZero() {
		return StateWaiting
	}
	return StateBackoff
}

// awaitRun waits for the first time of the schedule, if the task has one. It reports whether an attempt follows; else it has ended the life, for
// which no time is left.
//
//go:noinline
func (t *task) awaitRun() (timer *time.Timer, follows bool) {
	if t.spec.Restart.Schedule == nil {
		return nil, true
	}
	delay, over := t.firstDelay()
	if over {
		t.sup.mu.finish(t, &ending{rules: decision{kind: ActorExhausted, outcome: OutcomeCompleted}})
		t.discard()
		return nil, false
	}
	return t.pause(nil, delay), true
}

func (t *task) firstDelay() (delay time.Duration, over bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.canceled != nil || t.attempts > 0 {
		return 0, false
	}
	t.ending = t.history.runs.due.IsZero()
	return t.leftLocked(time.Now()), t.ending
}

// left returns how long the task still has to wait.
func (t *task) left() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.leftLocked(time.Now())
}

// leftLocked returns how long the task still has to wait. If it waits for a time of its schedule, and the clock was put back by so much that another
// one is to come before that, it waits for that.
func (t *task) leftLocked(now time.Time) time.Duration {
	runs := t.history.runs
	if !t.due.Equal(runs.due) {
		return t.due.Sub(now) // a backoff: this has the reading of the clock that nobody can set
	}
	if next := nextTime(t.spec.Restart.Schedule, runs.came, now); next.Before(t.due) && now.Before(t.due) && !next.IsZero() {
		t.due, runs.due = next, next
	}
	return until(t.due, now)
}
