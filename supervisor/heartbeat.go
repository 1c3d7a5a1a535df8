package supervisor

import (
	"context"
	"time"
)

// MaxProgress is the largest number of bytes of a text for Progress; a longer one is cut.
const MaxProgress = 256

// Heartbeat says, given the context of a body or one derived from it, that the body is alive: a task with a HeartbeatTimeout needs to hear that
// more often than once in that time, from the start of an attempt to its end. It does nothing for any other task or context, or when the attempt
// is over.
//
// It never waits and costs about as much as two uncontended locks, so a loop may call it each time round. It may be used from any goroutine; but one
// that does nothing else says nothing about the work.
func Heartbeat(ctx context.Context) {
	a, ok := ctx.Value(attemptKey{}).(*attempt)
	if !ok || a.pulse == nil {
		return
	}
	a.task.mu.Lock()
	defer a.task.mu.Unlock()
	if a.task.current == a {
		a.pulse.beat()
	}
}

// Progress says how far the body is, for people: the text is Snapshot.Progress until the next one, or until the next attempt starts. It is no
// event, so that a body may call it often; it is a Heartbeat too. At most MaxProgress bytes are kept.
func Progress(ctx context.Context, text string) {
	a, ok := ctx.Value(attemptKey{}).(*attempt)
	if !ok {
		return
	}
	text = cutText(text, MaxProgress)
	a.task.mu.Lock()
	defer a.task.mu.Unlock()
	if a.task.current != a {
		return
	}
	a.task.progress = text
	if a.pulse != nil {
		a.pulse.beat()
	}
}

// pulse watches the heartbeat of an attempt. All of it is guarded by task.mu.
type pulse struct {
	timeout time.Duration
	timer   *time.Timer
	last    time.Time // of the heartbeats; at first the start
}

// startPulseLocked begins to watch the heartbeat of an attempt that starts to run.
func (t *task) startPulseLocked(a *attempt) {
	timeout := resolve(t.spec.HeartbeatTimeout, 0)
	if timeout == 0 {
		return
	}
	a.pulse = &pulse{timeout: timeout, last: t.started}
	a.pulse.timer = time.AfterFunc(timeout, func() { t.missHeartbeat(a) })
}

func (p *pulse) beat() {
	p.last = time.Now()
	p.timer.Reset(p.timeout)
}

// stop stops the watch, if there is one.
func (p *pulse) stop() {
	if p != nil {
		p.timer.Stop()
	}
}

// missHeartbeat cancels an attempt that was not heard of for too long.
func (t *task) missHeartbeat(a *attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Since(a.pulse.last) < a.pulse.timeout {
		return // it was heard of while the timer waited for the lock
	}
	t.timeOutLocked(a, a.pulse.timeout, "no heartbeat for ")
}
