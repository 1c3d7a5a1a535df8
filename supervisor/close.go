package supervisor

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Closer is an optional interface of a Task that keeps something open from one attempt to the next: a pool of connections, a file, a cache.
//
// Close is called once for each life of a registered task, after its last attempt has returned and before TaskRemoved: so the name, the
// slot and the permit are free only when what the body had open is closed. It has Config.Grace to return; after that the task is reported like one
// whose body does not return: GraceExceeded, StateStuck. An error or a panic does not change the outcome, but is part of its reason.
//
// A body whose task ends without an attempt is closed too, right after the end of that life and without anybody waiting; what goes wrong is logged.
// Where Add, Start, Run or Replace return an error, nothing has been taken over and nothing is closed; but for the error of Replace's context.
//
// A Task that wraps another one passes the call on, or has a method Unwrap() Task instead.
type Closer interface {
	Close() error
}

// CloserOf returns the Closer in a body, which is the body itself or one that it wraps; nil if there is none.
func CloserOf(body Task) Closer {
	for {
		if c, ok := body.(Closer); ok {
			return c
		}
		wrapper, ok := body.(interface{ Unwrap() Task })
		if !ok {
			return nil
		}
		body = wrapper.Unwrap()
	}
}

// Discard closes a body that is not going to be run, if it is a Closer. It does not wait: Close has a goroutine of its own, and what goes wrong is logged
// by slog.Default().
func Discard(body Task) {
	if closer := CloserOf(body); closer != nil {
		go closeUnused(closer, slog.Default())
	}
}

// discard closes the body of a life that has ended without an attempt.
func (t *task) discard() {
	if closer := CloserOf(t.spec.Task); closer != nil {
		go closeUnused(closer, t.sup.config.Logger.With("task", t.spec.Name, "uid", t.uid.String()))
	}
}

// closeUnused closes a body that has never run.
func closeUnused(closer Closer, log *slog.Logger) {
	failure := errCloseGoexit
	defer func() {
		if p := recover(); p != nil {
			failure = panicReason(p)
		}
		if failure != "" {
			log.LogAttrs(context.Background(), slog.LevelError, "a body that never ran cannot be closed", slog.String("reason", failure))
		}
	}()
	failure = textOf(closer.Close())
}

// errCloseGoexit stands for what Close returned when it ended its goroutine instead of returning.
const errCloseGoexit = "Close called runtime.Goexit instead of returning"

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// closeThenFinish closes the body, which has returned for the last time, and ends the life, whatever Close does. Errors are code of the body too:
// their text is asked for under the same recover.
//
//go:noinline
func (t *task) closeThenFinish(closer Closer, end *ending) {
	t.beginClose(end)
	failure := errCloseGoexit
	defer func() {
		if p := recover(); p != nil {
			failure = panicReason(p)
		}
		t.endClose(end, failure)
		t.sup.mu.finish(t, end)
	}()
	failure = textOf(runClose(markOf(t.uid), closer))
}

// runClose is to Close what runBody is to Run.
//
//go:noinline
func runClose(mark lifeMark, closer Closer) error {
	_ = mark
	return closer.Close()
}

// beginClose tells of the last attempt and of what the rules say to it: the end of the life may be a while off. From here to endClose nobody can cancel
// the life, or somebody has done so before.
func (t *task) beginClose(end *ending) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current = nil // an attempt that was canceled before it began
	t.closing = true
	if t.state != StateStopping && t.state != StateStuck {
		t.enterLocked(StateStopping)
	}
	if end.attempt != 0 {
		t.publishEndLocked(end)
	}
	if end.rules.kind != 0 {
		t.publishRulesLocked(end)
	}
	if t.state == StateStopping && !errors.Is(t.canceled, ErrShutdown) { // the shutdown has a grace of its own
		t.armGraceLocked(nil, t.sup.config.Grace)
	}
}

// publishRulesLocked tells that the rules end the life.
func (t *task) publishRulesLocked(end *ending) {
	var e Event
	end.describeLife(&e, end.rules.kind)
	e.Attempt = end.attempt
	t.publishLocked(&e)
}

// endClose records how Close went, and with it the outcome.
func (t *task) endClose(end *ending, failure string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closing = false
	stopTimer(t.grace)
	end.time, end.closed = time.Now(), true
	if t.canceled != nil {
		end.rules = decision{outcome: OutcomeCanceled, reason: t.canceled.Error()}
	}
	end.rules.reason = withFailure(end.rules.reason, failure)
}

// withFailure adds to the reason of an outcome that the body could not be closed.
func withFailure(reason, failure string) string {
	switch {
	case failure == "":
		return reason
	case reason != "":
		reason += "; "
	}
	return cutReason(reason + "closing the body failed: " + failure)
}
