package supervisor

import (
	"fmt"
	"time"
)

// simNext is what follows an attempt: a delay before the next one, or the outcome of the life.
type simNext struct {
	kind    Kind // 0: nothing is said
	delay   time.Duration
	source  BackoffSource
	outcome Outcome
	reason  string // where the attempt gives none
}

// simRules is the restart policy, DESIGN §4, for jitter NONE. It counts in l what it has to remember.
func simRules(l *simLife, how verdict, now, hint time.Duration) simNext {
	n := simRun1(l, how, now, hint)
	if n.kind == ActorExhausted {
		if at, again := l.nextRun(now); again {
			l.earlier = l.streak
			n = simNext{kind: BackoffScheduled, delay: at - now, source: BackoffUntilSchedule}
		}
	}
	if n.kind == BackoffScheduled {
		n = simLimit(l, now, n)
	}
	return n
}

// nextRun returns when the next run of a schedule begins, if there is a schedule and it has one more.
func (l *simLife) nextRun(now time.Duration) (at time.Duration, again bool) {
	if l.Restart.Schedule == nil {
		return 0, false
	}
	next := l.Restart.Schedule.Next(bubbleBegan.Add(now))
	return next.Sub(bubbleBegan), !next.IsZero()
}

// simSchedule is a schedule of n times, period apart, the first of them that long after the beginning of the bubble.
type simSchedule struct {
	first, period time.Duration
	n             int
}

func (s simSchedule) Next(t time.Time) time.Time {
	k := 0
	if since := t.Sub(bubbleBegan) - s.first; since >= 0 {
		k = int(since/s.period) + 1
	}
	if k >= s.n {
		return time.Time{}
	}
	return bubbleBegan.Add(s.first + time.Duration(k)*s.period)
}

// simRun1 is what follows an attempt of a life without a schedule, or of one run of a schedule.
func simRun1(l *simLife, how verdict, now, hint time.Duration) simNext {
	p := &l.Restart
	ran := now - l.started
	switch how {
	case canceled: // nobody asked for it: the body canceled itself
		return simNext{outcome: OutcomeCanceled}
	case fatal:
		l.streak++
		return simNext{kind: ActorDead, outcome: OutcomeFatal}
	case succeeded:
		l.streak, l.earlier = 0, 0
		if p.Mode != RestartAlways || p.Schedule != nil {
			return simNext{kind: ActorExhausted, outcome: OutcomeCompleted}
		}
		delay := max(p.Interval, 0)
		if delay == 0 {
			delay = max(0, time.Millisecond-ran)
		}
		return simNext{kind: BackoffScheduled, delay: delay, source: BackoffAfterSuccess}
	case failed:
	}
	if l.Backoff.ResetAfter > 0 && ran >= l.Backoff.ResetAfter && !l.timedOut {
		l.streak, l.earlier = 0, 0
	}
	l.streak++
	streak := l.streak - l.earlier
	if p.Mode == RestartNever || p.MaxRetries > 0 && streak > p.MaxRetries {
		return simNext{kind: ActorExhausted, outcome: OutcomeFailed}
	}
	delay := max(l.Backoff.First, 0)
	for range streak - 1 {
		delay = min(l.Backoff.Max, delay*time.Duration(l.Backoff.Factor))
	}
	if hint > 0 {
		delay = hint
	}
	return simNext{kind: BackoffScheduled, delay: delay, source: BackoffAfterFailure}
}

// simLimit turns a restart too many into the end.
func simLimit(l *simLife, now time.Duration, next simNext) simNext {
	limit := l.Restart.Limit
	if limit.Count == 0 {
		return next
	}
	inside := 0
	for _, at := range l.restarts {
		if now-at < limit.Window {
			inside++
		}
	}
	if inside >= int(limit.Count) {
		return simNext{
			kind: ActorExhausted, outcome: OutcomeFailed,
			reason: fmt.Sprintf("%d restarts within %s", limit.Count, limit.Window),
		}
	}
	l.restarts = append(l.restarts, now)
	return next
}
