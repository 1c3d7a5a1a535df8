package supervisor

import (
	"context"
	"log/slog"
	"time"
)

// AttemptInfo tells a body which attempt it is.
type AttemptInfo struct {
	Task    string // name of the task
	UID     UID    // of this life of the task
	Attempt uint64 // number of the attempt, from 1 for the life of the task
}

// Attempt returns what ctx, the context of a body or one derived from it, says about the attempt; ok is false for any other context.
func Attempt(ctx context.Context) (info AttemptInfo, ok bool) {
	a, ok := ctx.Value(attemptKey{}).(*attempt)
	if !ok {
		return AttemptInfo{}, false
	}
	return AttemptInfo{Task: a.task.spec.Name, UID: a.task.uid, Attempt: a.number}, true
}

// Logger returns Config.Logger with the attributes task, uid and attempt, for the context of a body or one derived from it;
// slog.Default() for any other context.
func Logger(ctx context.Context) *slog.Logger {
	a, ok := ctx.Value(attemptKey{}).(*attempt)
	if !ok {
		return slog.Default()
	}
	t := a.task
	return t.sup.config.Logger.With("task", t.spec.Name, "uid", t.uid.String(), "attempt", a.number)
}

// attemptKey is the context key under which an attempt answers.
type attemptKey struct{}

// attempt is one run of a body, and its context.
type attempt struct {
	context.Context //nolint:containedctx // an attempt is a context: it adds itself as a value
	cancel          context.CancelCauseFunc
	task            *task
	number          uint64

	timeout time.Duration // set by task.start; 0 for none
	timer   *time.Timer   // set by task.start; nil without a timeout
	pulse   *pulse        // set by task.start; nil without a heartbeat timeout
	begun   bool          // guarded by task.mu: the permit is held and the body runs
	late    string        // guarded by task.mu: which timeout it has reached, in words; empty if none
}

// newAttempt returns the attempt with this number, not started.
func newAttempt(t *task, number uint64) *attempt {
	a := &attempt{task: t, number: number}
	a.Context, a.cancel = context.WithCancelCause(t.sup.config.Context)
	return a
}

// Value returns the attempt itself for attemptKey, and what Config.Context has for other keys.
func (a *attempt) Value(key any) any {
	if _, ok := key.(attemptKey); ok {
		return a
	}
	return a.Context.Value(key)
}
