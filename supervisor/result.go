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
	err         error
	reason      string        // text of err
	retryAfter  time.Duration // counts only where hasHint is set
	ran         time.Duration
	exitCode    int32
	verdict     verdict
	hasExitCode bool
	hasHint     bool
	ofTimeout   bool // err says no more than that the time was over
	timedOut    bool
}

type verdict uint8

const (
	succeeded verdict = iota + 1
	canceled          // the body returned because its context was canceled, or canceled itself
	failed
	fatal
)

// call runs the body and returns how it ended, nil for a success. Errors are code of the body too: all that is asked of their methods is
// asked here, under the same recover and under no lock, and nothing that they panic with leaves this function.
func (a *attempt) call() (r *result) {
	defer func() {
		if p := recover(); p != nil {
			r = newPanicResult(p)
		}
	}()
	err := runBody(markOf(a.task.uid), a)
	if err == nil {
		return nil
	}
	return newResult(err, a.Err() != nil)
}

// newPanicResult is called under the recover that caught p.
func newPanicResult(p any) *result {
	return &result{verdict: failed, err: &PanicError{Value: p, Stack: debug.Stack()}, reason: panicReason(p)}
}

// panicReason is the text of a PanicError. Formatting survives a value whose methods panic; one that panics with itself is too much for
// package fmt, hence the recover.
func panicReason(p any) (reason string) {
	defer func() {
		if recover() != nil {
			reason = fmt.Sprintf("panic: a %T, whose text panics", p)
		}
	}()
	return cutReason(fmt.Sprintf("panic: %v", p))
}

// newResult returns the result of an attempt whose body returned err. told says that its context was canceled by then.
//
//go:noinline
func newResult(err error, told bool) *result {
	r := new(result)
	r.verdict, r.err, r.reason = failed, err, cutReason(err.Error())
	switch {
	case IsFatal(err):
		r.verdict = fatal
	case errors.Is(err, context.Canceled), told && (errors.Is(err, ErrRemoved) || errors.Is(err, ErrShutdown)):
		r.verdict = canceled // the causes of another supervisor's contexts are failures here
	}
	if code, ok := ExitCodeOf(err); ok {
		r.exitCode, r.hasExitCode = int32(code), true
	}
	r.retryAfter, r.hasHint = RetryAfterOf(err)
	r.ofTimeout = errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrTimeout)
	return r
}

// timeOut turns the result of an attempt that had reached a timeout into a failure, whatever the body returned: a body that was late is not
// to be believed, though what it said is kept. reason says which timeout.
func (r *result) timeOut(reason string) {
	if r.err == nil || r.verdict == canceled || r.ofTimeout {
		r.err = ErrTimeout
	} else {
		reason = cutReason(reason + ": " + r.reason)
		r.err = &lateError{reason, r.err}
	}
	r.verdict, r.reason, r.timedOut = failed, reason, true
}

// lateError is what a body returned that had reached its timeout. It matches ErrTimeout.
type lateError struct {
	text string
	err  error
}

func (e *lateError) Error() string   { return e.text }
func (e *lateError) Unwrap() []error { return []error{ErrTimeout, e.err} }

// cutReason makes text fit to be a reason.
func cutReason(text string) string { return cutText(text, MaxReason) }
