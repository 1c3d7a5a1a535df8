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
	p := &l.Restart
	ran := now - l.started
	switch how {
	case canceled: // nobody asked for it: the body canceled itself
		return simNext{outcome: OutcomeCanceled}
	case fatal:
		l.streak++
		return simNext{kind: ActorDead, outcome: OutcomeFatal}
	case succeeded:
		l.streak = 0
		if p.Mode != RestartAlways {
			return simNext{kind: ActorExhausted, outcome: OutcomeCompleted}
		}
		delay := max(p.Interval, 0)
		if delay == 0 {
			delay = max(0, time.Millisecond-ran)
		}
		return simLimit(l, now, simNext{kind: BackoffScheduled, delay: delay, source: BackoffAfterSuccess})
	case failed:
	}
	if l.Backoff.ResetAfter > 0 && ran >= l.Backoff.ResetAfter && !l.timedOut {
		l.streak = 0
	}
	l.streak++
	if p.Mode == RestartNever || p.MaxRetries > 0 && l.streak > p.MaxRetries {
		return simNext{kind: ActorExhausted, outcome: OutcomeFailed}
	}
	delay := max(l.Backoff.First, 0)
	for range l.streak - 1 {
		delay = min(l.Backoff.Max, delay*time.Duration(l.Backoff.Factor))
	}
	if hint > 0 {
		delay = hint
	}
	return simLimit(l, now, simNext{kind: BackoffScheduled, delay: delay, source: BackoffAfterFailure})
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
