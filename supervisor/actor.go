package supervisor

import (
	"context"
	"time"
)

// live is the actor: it runs attempts, one after the other, until the rules or a cancellation end the life.
func (t *task) live() {
	var running *attempt
	// A body that calls runtime.Goexit takes the actor's goroutine with it; the life goes on in another one.
	defer func() {
		if running != nil {
			go t.liveAfter(running, result{verdict: failed, err: errGoexit, reason: errGoexit.Error()})
		}
	}()
	var timer *time.Timer
	for {
		running = t.acquire()
		if running == nil {
			t.finish(ending{})
			return
		}
		r := running.call()
		a := running
		running = nil
		delay, end := t.conclude(a, r)
		if end != nil {
			t.finish(*end)
			return
		}
		timer = t.pause(timer, delay)
	}
}

// liveAfter goes on with a life whose last attempt ended with r.
func (t *task) liveAfter(a *attempt, r result) {
	delay, end := t.conclude(a, r)
	if end != nil {
		t.finish(*end)
		return
	}
	t.pause(nil, delay)
	t.live()
}

// ending is how a life ends: its last attempt, and what the rules say about that. The zero value: it was canceled between attempts.
type ending struct {
	attempt uint64
	result  result
	rules   decision // zero when the life was canceled
}

// acquire waits for a permit and starts the next attempt. It returns nil when the life is to end instead.
func (t *task) acquire() *attempt {
	permits := t.sup.permits
	a := t.prepare(permits != nil)
	if a == nil {
		return nil
	}
	if permits != nil && permits.Acquire(a, 1) != nil {
		return nil // canceled while it waited
	}
	if !t.start(a) {
		t.release()
		return nil
	}
	return a
}

func (t *task) release() {
	if t.sup.permits != nil {
		t.sup.permits.Release(1)
	}
}

// prepare makes the next attempt, which can be canceled from then on.
func (t *task) prepare(mustWait bool) *attempt {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.canceled != nil {
		return nil
	}
	if mustWait && t.state != StateWaiting {
		t.enterLocked(StateWaiting)
	}
	t.next = time.Time{}
	t.current = newAttempt(t, t.attempts+1)
	return t.current
}

// start lets the attempt, which holds its permit, begin.
func (t *task) start(a *attempt) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.canceled != nil {
		return false
	}
	t.enterLocked(StateRunning)
	a.begun = true
	t.attempts = a.number
	t.started = time.Now()
	t.publishLocked(Event{Kind: TaskStarting, Attempt: a.number})
	if a.timeout = resolve(t.spec.Timeout, t.sup.config.Timeout); a.timeout > 0 {
		a.timer = time.AfterFunc(a.timeout, func() { t.timeOut(a) })
	}
	return true
}

// timeOut cancels an attempt that has reached its timeout.
func (t *task) timeOut(a *attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current != a || t.canceled != nil {
		return // the body returned, or the life is to end anyway
	}
	a.timedOut = true
	t.enterLocked(StateStopping)
	t.publishLocked(Event{Kind: TimeoutHit, Attempt: a.number, Timeout: a.timeout})
	a.cancel(ErrTimeout)
	t.armGraceLocked(a, t.sup.config.Grace)
}

// conclude records how the attempt ended. It returns the delay after which another one follows, or how the life ends; that is
// published by finish, together with the end of the attempt.
func (t *task) conclude(a *attempt, r result) (delay time.Duration, end *ending) {
	defer func() {
		if end == nil {
			t.release() // not before the end is on record: state and log never show more attempts than there are permits
		}
	}()
	a.cancel(context.Canceled) // frees what the body derived from it
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	r.ran = now.Sub(t.started)
	t.current = nil
	stopTimer(a.timer)
	stopTimer(t.grace)
	if a.timedOut {
		r = r.asTimeout(a.timeout)
	}
	if r.verdict == failed || r.verdict == fatal {
		t.lastError = &LastError{Err: r.err, Reason: r.reason, Time: now}
	}
	if t.canceled != nil {
		return 0, &ending{attempt: a.number, result: r}
	}
	rules := t.rules()
	next := rules.decide(&t.history, &r, now, t.sup.config.Random)
	if next.kind != BackoffScheduled {
		t.ending = true
		return 0, &ending{attempt: a.number, result: r, rules: next}
	}
	t.enterLocked(StateBackoff)
	t.next = now.Add(next.delay)
	if t.wake == nil && next.delay > 0 {
		t.wake = make(chan struct{}, 1)
	}
	t.publishEndLocked(a.number, &r)
	t.publishLocked(Event{Kind: BackoffScheduled, Attempt: a.number, Delay: next.delay, Source: next.source, Reason: next.reason})
	return next.delay, nil
}

// publishEndLocked tells of the end of an attempt.
func (t *task) publishEndLocked(attempt uint64, r *result) {
	if r.verdict == succeeded || r.verdict == canceled {
		t.publishLocked(Event{Kind: TaskStopped, Attempt: attempt, Duration: r.ran})
		return
	}
	t.publishLocked(Event{
		Kind: TaskFailed, Attempt: attempt, Duration: r.ran, Reason: r.reason,
		ExitCode: r.exitCode, HasExitCode: r.hasExitCode,
	})
}

// pause waits for the delay, or less when the life is to end. It returns the timer for the next time.
func (t *task) pause(timer *time.Timer, delay time.Duration) *time.Timer {
	if delay <= 0 {
		return timer
	}
	if timer == nil {
		timer = time.NewTimer(delay)
	} else {
		timer.Reset(delay)
	}
	select {
	case <-timer.C:
	case <-t.wake:
		timer.Stop()
	}
	return timer
}

// finish ends the life. The name is free, and everyone who asks sees the task finished, before anybody can learn of it from an event.
func (t *task) finish(end ending) {
	if end.attempt != 0 {
		defer t.release() // as in conclude
	}
	t.sup.mu.Lock()
	defer t.sup.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current = nil
	t.enterLocked(StateFinished)
	t.finished = time.Now()
	last := end.rules
	if t.canceled != nil {
		last = decision{outcome: OutcomeCanceled, reason: t.canceled.Error()}
	}
	t.settleLocked(last.outcome)
	last.outcome = t.outcome // another one if the shutdown had abandoned the task a moment before
	t.sup.forgetLocked(t)
	t.publishFinishLocked(&end, &last)
}

func (t *task) publishFinishLocked(end *ending, last *decision) {
	r := &end.result
	if end.attempt != 0 {
		t.publishEndLocked(end.attempt, r)
	}
	if last.kind != 0 {
		t.publishLocked(Event{
			Kind: last.kind, Attempt: end.attempt, Reason: last.reason,
			ExitCode: r.exitCode, HasExitCode: r.hasExitCode, Outcome: last.outcome,
		})
	}
	t.publishLocked(Event{
		Kind: TaskRemoved, Reason: last.reason, ExitCode: r.exitCode, HasExitCode: r.hasExitCode, Outcome: last.outcome,
	})
}

func stopTimer(timer *time.Timer) {
	if timer != nil {
		timer.Stop()
	}
}
