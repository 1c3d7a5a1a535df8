package supervisor

import (
	"fmt"
	"time"
)

// minSpacing is the least time from start to start of attempts that succeed at once, so that a trivial body cannot spin a core.
const minSpacing = time.Millisecond

// rules are the policies of a spec with all defaults filled in.
type rules struct {
	restart RestartPolicy
	backoff BackoffPolicy
	timeout time.Duration
}

// history is what the rules remember of the attempts of a life.
type history struct {
	streak    uint32        // failures in a row
	earlier   uint32        // of these, what belongs to earlier runs of the schedule, and is no concern of the present one
	lastDelay time.Duration // the backoff before the last attempt; 0 at the start of a streak
	restarts  []time.Time   // the last restarts, oldest first; empty without a restart limit, else at most its count
	runs      *runTimes     // nil without a schedule
}

// decision is what follows an attempt.
type decision struct {
	kind    Kind // BackoffScheduled, ActorExhausted, ActorDead, or 0: nothing to be said before TaskRemoved
	source  BackoffSource
	outcome Outcome // of the life, where the decision ends it
	delay   time.Duration
	reason  string
}

// decide says what follows an attempt that ended with r at the time now, and records it in h. It is the whole of the restart
// policy, and takes no account of anybody who wants the task canceled.
func (p *rules) decide(h *history, r *result, now time.Time, random func() uint64) (next decision) {
	switch r.verdict { // the first two for a life without a schedule, or for one run of a schedule
	case succeeded:
		next = p.afterSuccess(h, r)
	case failed:
		next = p.afterFailure(h, r, random)
	case fatal:
		h.streak++
		return decision{kind: ActorDead, outcome: OutcomeFatal, reason: r.reason}
	case canceled:
		return decision{outcome: OutcomeCanceled, reason: "the body canceled itself: " + r.reason}
	}
	if next.kind == ActorExhausted && p.restart.Schedule != nil {
		next = p.untilNextTime(h, next, now)
	}
	if next.kind == BackoffScheduled && p.restart.Limit.Count > 0 {
		next = p.withinLimit(h, next, now)
	}
	return next
}

func (p *rules) afterSuccess(h *history, r *result) decision {
	h.streak, h.earlier, h.lastDelay = 0, 0, 0
	if p.restart.Mode != RestartAlways {
		return decision{kind: ActorExhausted, outcome: OutcomeCompleted}
	}
	delay := p.restart.Interval
	if delay == 0 {
		delay = max(0, minSpacing-r.ran)
	}
	return decision{kind: BackoffScheduled, delay: delay, source: BackoffAfterSuccess}
}

func (p *rules) afterFailure(h *history, r *result, random func() uint64) decision {
	if p.backoff.ResetAfter > 0 && r.ran >= p.backoff.ResetAfter && !r.timedOut {
		h.streak, h.earlier, h.lastDelay = 0, 0, 0
	}
	before := h.streak - h.earlier
	h.streak++
	switch {
	case p.restart.Mode == RestartNever:
		return decision{kind: ActorExhausted, outcome: OutcomeFailed, reason: r.reason}
	case p.restart.MaxRetries > 0 && before >= p.restart.MaxRetries:
		reason := fmt.Sprintf("max_retries %d used up: %s", p.restart.MaxRetries, r.reason)
		return decision{kind: ActorExhausted, outcome: OutcomeFailed, reason: cutReason(reason)}
	}
	h.lastDelay = p.backoff.delay(before, h.lastDelay, random)
	delay := h.lastDelay
	if r.hasHint {
		delay = r.retryAfter
	}
	return decision{kind: BackoffScheduled, delay: delay, source: BackoffAfterFailure, reason: r.reason}
}

// withinLimit returns next, unless the restart that it schedules would exceed the limit of restarts, which there is.
func (p *rules) withinLimit(h *history, next decision, now time.Time) decision {
	limit := p.restart.Limit
	for len(h.restarts) > 0 && now.Sub(h.restarts[0]) >= limit.Window {
		h.restarts = h.restarts[1:]
	}
	if len(h.restarts) >= int(limit.Count) {
		reason := fmt.Sprintf("restart limit reached: %d restarts within %s", limit.Count, limit.Window)
		if next.reason != "" {
			reason += ": " + next.reason
		}
		return decision{kind: ActorExhausted, outcome: OutcomeFailed, reason: cutReason(reason)}
	}
	h.restarts = append(h.restarts, now)
	return next
}
