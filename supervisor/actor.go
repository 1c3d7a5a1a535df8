package supervisor

import (
	"context"
	"time"
)

// live is the actor: it runs attempts, one after the other, until the rules or a cancellation end the life.
//
// The way from here to the body, and those to the event log, are kept within the 2 KiB with which the stack of a goroutine starts, half
// of which are free for frames that are not the runtime's. Beyond them a stack gets 4 KiB, which an idle body never gives back, and
// growing took an eighth of the time of a life of one attempt. Hence functions that are not inlined, and pointers to what is large.
func (t *task) live() {
	timer, again := t.awaitRun()
	for again {
		a := t.acquire()
		if a == nil {
			t.finishIdle()
			return
		}
		var delay time.Duration
		if delay, again = t.endAttempt(a, t.run(a)); again {
			timer = t.pause(timer, delay)
		}
	}
}

// run runs an attempt and returns how it ended, nil for a success.
//
//go:noinline
func (t *task) run(a *attempt) *result {
	returned := false
	// A body that calls runtime.Goexit takes the actor's goroutine with it; the life goes on in another one.
	defer func() {
		if !returned {
			go t.liveAfterGoexit(a)
		}
	}()
	r := a.call()
	returned = true
	return r
}

// endAttempt ends an attempt, which ended with r, nil for a success. It returns the delay after which another one follows; if none does, it has ended
// the life. It is not part of run, for what it needs of the stack would take the room of the body.
//
//go:noinline
func (t *task) endAttempt(a *attempt, r *result) (delay time.Duration, again bool) {
	var end ending
	if r == nil {
		end.result.verdict = succeeded
	} else {
		end.result = *r
	}
	if delay, again = t.conclude(a, &end); again {
		t.release() // now that the log has the end of the attempt: no start of another one gets in front of it
	} else if closer := CloserOf(t.spec.Task); closer != nil {
		t.closeThenFinish(closer, &end)
	} else {
		t.sup.mu.finish(t, &end)
	}
	return delay, again
}

// liveAfterGoexit goes on with a life whose last attempt took its goroutine with it.
func (t *task) liveAfterGoexit(a *attempt) {
	delay, again := t.endAttempt(a, &result{verdict: failed, err: errGoexit, reason: errGoexit.Error()})
	if again {
		t.pause(nil, delay)
		t.live()
	}
}

// finishIdle ends a life that was canceled between attempts.
//
//go:noinline
func (t *task) finishIdle() {
	if closer := CloserOf(t.spec.Task); closer != nil && t.attempts > 0 {
		t.closeThenFinish(closer, &ending{})
		return
	}
	t.sup.mu.finish(t, &ending{})
	t.discard()
}

// ending is how a life ends: its last attempt, and what the rules say about that. The zero value: it was canceled between attempts.
type ending struct {
	time    time.Time // when the attempt ended; once the body was closed, when it was
	attempt uint64
	result  result
	rules   decision // zero when the life was canceled
	closed  bool     // the body was: events have told of the attempt and of what the rules say, and the outcome is that of rules
}

// acquire waits for a permit and starts the next attempt. It returns nil when the life is to end instead.
func (t *task) acquire() *attempt {
	if t.sup.permits == nil {
		return t.startNow()
	}
	a := t.prepare()
	if a == nil || t.sup.permits.Acquire(a, 1) != nil {
		return nil // canceled, before or while it waited
	}
	t.sup.counts.permits.Add(1)
	if !t.start(a) {
		t.release()
		return nil
	}
	return a
}

// startNow starts the next attempt, which needs no permit.
func (t *task) startNow() *attempt {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.prepareLocked()
	if a == nil || !t.startLocked(a) {
		return nil
	}
	return a
}

func (t *task) release() {
	if t.sup.permits != nil {
		t.sup.counts.permits.Add(-1)
		t.sup.permits.Release(1)
	}
}

// prepare makes the next attempt, which waits for its permit.
func (t *task) prepare() *attempt {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.canceled == nil && t.state != StateWaiting {
		t.enterLocked(StateWaiting)
	}
	return t.prepareLocked()
}

// prepareLocked makes the next attempt, which can be canceled from then on.
func (t *task) prepareLocked() *attempt {
	if t.canceled != nil {
		return nil
	}
	t.current = newAttempt(t, t.attempts+1)
	return t.current
}

// start lets the attempt, which holds its permit, begin.
func (t *task) start(a *attempt) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.startLocked(a)
}

// startLocked lets the attempt begin; not once admission is closed, even if the shutdown has not come to this task yet.
func (t *task) startLocked(a *attempt) bool {
	if t.sup.closing.Load() {
		t.cancelLocked(demand{cause: ErrShutdown})
	}
	if t.canceled != nil {
		return false
	}
	t.enterLocked(StateRunning)
	a.begun = true
	t.attempts = a.number
	t.started = time.Now()
	t.publishLocked(&Event{Kind: TaskStarting, Time: t.started, Attempt: a.number})
	if a.timeout = resolve(t.spec.Timeout, t.sup.config.Timeout); a.timeout > 0 {
		a.timer = time.AfterFunc(a.timeout, func() { t.timeOut(a) })
	}
	t.progress = ""
	t.startPulseLocked(a)
	return true
}

// timeOut cancels an attempt that has reached its timeout.
func (t *task) timeOut(a *attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.timeOutLocked(a, a.timeout, "timeout after ")
}

// timeOutLocked cancels an attempt that has reached a timeout. reason says, before the timeout, which.
func (t *task) timeOutLocked(a *attempt, timeout time.Duration, reason string) {
	if t.current != a || t.canceled != nil || a.late != "" {
		return // the body returned, or the life is to end anyway, or the other timeout came first
	}
	a.late = reason + timeout.String()
	t.enterLocked(StateStopping)
	t.publishLocked(&Event{Kind: TimeoutHit, Attempt: a.number, Timeout: timeout})
	a.cancel(ErrTimeout)
	t.armGraceLocked(a, t.sup.config.Grace)
}

// conclude records how the attempt ended, which was with end.result. It returns the delay after which another one follows, or completes end;
// that is published by finish, together with the end of the attempt.
func (t *task) conclude(a *attempt, end *ending) (delay time.Duration, again bool) {
	a.cancel(context.Canceled) // frees what the body derived from it
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	r := &end.result
	end.time, end.attempt, r.ran = now, a.number, now.Sub(t.started)
	t.endOutputLocked()
	t.current = nil
	stopTimer(a.timer)
	a.pulse.stop()
	stopTimer(t.grace)
	if a.late != "" {
		r.timeOut(a.late)
	}
	if r.verdict == failed || r.verdict == fatal {
		t.lastError = &LastError{Err: r.err, Reason: r.reason, Time: now}
	}
	if t.canceled != nil {
		return 0, false
	}
	t.decideLocked(end)
	if end.rules.kind != BackoffScheduled {
		t.ending = true
		return 0, false
	}
	t.enterLocked(StateBackoff)
	t.due = t.dueLocked(end)
	if t.wake == nil && end.rules.delay > 0 {
		t.wake = make(chan struct{}, 1)
	}
	t.publishEndLocked(end)
	t.publishBackoffLocked(end)
	return end.rules.delay, true
}

// decideLocked asks the rules what follows the attempt. Like the functions that publish, it is not inlined, for the stack of an actor is
// the largest part of what a task costs: see live.
//
//go:noinline
func (t *task) decideLocked(end *ending) {
	rules := t.spec.rules(&t.sup.config)
	end.rules = rules.decide(&t.history, &end.result, end.time, t.sup.config.Random)
}

//go:noinline
func (t *task) publishBackoffLocked(end *ending) {
	next := &end.rules
	t.publishLocked(&Event{
		Kind: BackoffScheduled, Time: end.time, Attempt: end.attempt, Delay: next.delay, Source: next.source, Reason: next.reason,
	})
}

// publishEndLocked tells of the end of an attempt.
//
//go:noinline
func (t *task) publishEndLocked(end *ending) {
	var e Event
	end.describeAttempt(&e)
	t.publishLocked(&e)
}

// dueLocked returns when the next attempt is due: at a time of the schedule, or after a delay that the clock on the wall does not change.
func (t *task) dueLocked(end *ending) time.Time {
	if end.rules.source == BackoffUntilSchedule {
		return t.history.runs.due
	}
	return end.time.Add(end.rules.delay)
}

// pause waits for the delay, or less when the life is to end. It returns the timer for the next time.
func (t *task) pause(timer *time.Timer, delay time.Duration) *time.Timer {
	if t.spec.Restart.Schedule == nil {
		timer, _ = t.nap(timer, delay)
		return timer
	}
	for woken := false; delay > 0 && !woken; delay = t.left() {
		timer, woken = t.nap(timer, min(delay, maxNap))
	}
	return timer
}

// nap waits for the delay, or less when it is woken because the life is to end.
func (t *task) nap(timer *time.Timer, delay time.Duration) (next *time.Timer, woken bool) {
	if delay <= 0 {
		return timer, false
	}
	if timer == nil {
		timer = time.NewTimer(delay)
	} else {
		timer.Reset(delay)
	}
	select {
	case <-timer.C:
		return timer, false
	case <-t.wake:
		timer.Stop()
		return timer, true
	}
}

// finishLocked ends the life, passes its name and its slot on and gives its permit back.
func (t *task) finishLocked(end *ending) {
	var next *replacement
	if len(t.sup.replacements) > 0 {
		next = t.sup.takeReplacementLocked(t)
	}
	switch sl := t.recordLocked(end); {
	case next != nil:
		t.sup.startReplacementLocked(next, sl)
	case sl != nil:
		t.sup.passSlotLocked(sl)
	}
	if end.attempt != 0 { // else it was canceled without a permit
		t.release()
	}
}

// recordLocked records the end of the life. The name is free, and everyone who asks sees the task finished, before anybody can learn of it from an
// event. It returns the slot, if the task had one that others know of.
func (t *task) recordLocked(end *ending) *slot {
	t.mu.Lock()
	defer t.mu.Unlock()
	if end.attempt == 0 {
		end.time = time.Now()
	}
	if t.canceled != nil && !end.closed {
		end.rules = decision{outcome: OutcomeCanceled, reason: t.canceled.Error()}
	}
	t.current = nil
	t.sup.endLocked(t, end.rules.outcome, end.rules.reason, end.time)
	end.rules.outcome, end.rules.reason = t.outcome, t.reason // others if the shutdown had abandoned the task a moment before
	t.publishFinishLocked(end)
	return t.slot
}

// publishFinishLocked tells of the last attempt, if there was one since the last event; of what the rules say to that, if they were asked;
// of the slot, if it is idle now; and of the end of the life.
func (t *task) publishFinishLocked(end *ending) {
	b := &t.sup.batch
	if end.attempt != 0 && !end.closed {
		end.describeAttempt(b.next())
	}
	if end.rules.kind != 0 && !end.closed {
		e := b.next()
		end.describeLife(e, end.rules.kind)
		e.Attempt = end.attempt
	}
	if t.slot != nil {
		t.sup.vacateLocked(t.slot)
	}
	end.describeLife(b.next(), TaskRemoved)
	t.publishBatchLocked()
}

// describeAttempt makes e, which is zero, the event about the end of the attempt.
func (end *ending) describeAttempt(e *Event) {
	r := &end.result
	e.Kind, e.Time, e.Attempt, e.Duration = TaskStopped, end.time, end.attempt, r.ran
	if r.verdict == failed || r.verdict == fatal {
		e.Kind, e.Reason, e.ExitCode, e.HasExitCode = TaskFailed, r.reason, r.exitCode, r.hasExitCode
	}
}

// describeLife makes e, which is zero, an event about the end of the life.
func (end *ending) describeLife(e *Event, kind Kind) {
	e.Kind, e.Time, e.Outcome, e.Reason = kind, end.time, end.rules.outcome, end.rules.reason
	e.ExitCode, e.HasExitCode = end.result.exitCode, end.result.hasExitCode
}

func stopTimer(timer *time.Timer) {
	if timer != nil {
		timer.Stop()
	}
}
