package supervisor

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// MaxReason is the largest number of bytes of a reason; a longer one is cut.
const MaxReason = 4096

// errGoexit stands for what a body returned that ended its goroutine instead of returning.
var errGoexit = errors.New("the body called runtime.Goexit instead of returning")

// result is how an attempt ended.
type result struct {
	verdict     verdict
	err         error
	reason      string // text of err
	exitCode    int32
	hasExitCode bool
	retryAfter  time.Duration // counts only where hasHint is set
	hasHint     bool
	ran         time.Duration
	timedOut    bool
}

type verdict uint8

const (
	succeeded verdict = iota + 1
	canceled          // the body returned because its context was canceled, or canceled itself
	failed
	fatal
)

// call runs the body and returns how it ended. Errors are code of the body too: their methods run under the same recover, and
// nothing that it panics with leaves this function.
func (a *attempt) call() (r result) {
	defer func() {
		if p := recover(); p != nil {
			err := &PanicError{Value: p, Stack: debug.Stack()}
			r = result{verdict: failed, err: err, reason: panicReason(p)}
		}
	}()
	return resultOf(runBody(markOf(a.task.uid), a))
}

// panicReason is the text of a PanicError. Formatting survives a value whose methods panic: package fmt catches that.
func panicReason(p any) string { return cutReason(fmt.Sprintf("panic: %v", p)) }

func resultOf(err error) result {
	if err == nil {
		return result{verdict: succeeded}
	}
	r := result{verdict: failed, err: err, reason: cutReason(err.Error())}
	switch {
	case IsFatal(err):
		r.verdict = fatal
	case errors.Is(err, context.Canceled), errors.Is(err, ErrRemoved), errors.Is(err, ErrShutdown):
		r.verdict = canceled
	}
	if code, ok := ExitCodeOf(err); ok {
		r.exitCode, r.hasExitCode = int32(code), true
	}
	r.retryAfter, r.hasHint = RetryAfterOf(err)
	return r
}

// asTimeout turns the result of an attempt that had reached its timeout into a failure, whatever the body returned: a body that was
// late is not to be believed, though what it said is kept.
func (r result) asTimeout(timeout time.Duration) result {
	reason := fmt.Sprintf("timeout after %s", timeout)
	if r.err == nil || r.verdict == canceled || errors.Is(r.err, context.DeadlineExceeded) || errors.Is(r.err, ErrTimeout) {
		r.err = ErrTimeout
	} else {
		reason += ": " + r.reason
		r.err = fmt.Errorf("%w: %w", ErrTimeout, r.err)
	}
	r.verdict, r.reason, r.timedOut = failed, cutReason(reason), true
	return r
}

// cutReason makes text fit to be a reason.
func cutReason(text string) string { return cutText(text, MaxReason) }
