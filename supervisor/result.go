package supervisor

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"
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
	timedOut    bool
}

type verdict uint8

const (
	succeeded verdict = iota + 1
	canceled          // the body returned because its context was canceled, or canceled itself
	failed
	fatal
)

// call runs the body and sets r, which is zero, to how it ended. Errors are code of the body too: their methods run under the same recover, and
// nothing that it panics with leaves this function.
func (a *attempt) call(r *result) {
	defer func() {
		if p := recover(); p != nil {
			r.setPanic(p)
		}
	}()
	r.set(a.task.spec.Task.Run(a))
}

// setPanic is called under the recover that caught p.
func (r *result) setPanic(p any) {
	*r = result{verdict: failed, err: &PanicError{Value: p, Stack: debug.Stack()}, reason: panicReason(p)}
}

// panicReason is the text of a PanicError. Formatting survives a value whose methods panic: package fmt catches that.
func panicReason(p any) string { return cutReason(fmt.Sprintf("panic: %v", p)) }

// set makes the zero r the result of an attempt whose body returned err.
func (r *result) set(err error) {
	if err == nil {
		r.verdict = succeeded
		return
	}
	r.verdict, r.err, r.reason = failed, err, cutReason(err.Error())
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
}

// timeOut turns the result of an attempt that had reached its timeout into a failure, whatever the body returned: a body that was
// late is not to be believed, though what it said is kept.
func (r *result) timeOut(timeout time.Duration) {
	reason := fmt.Sprintf("timeout after %s", timeout)
	if r.err == nil || r.verdict == canceled || errors.Is(r.err, context.DeadlineExceeded) || errors.Is(r.err, ErrTimeout) {
		r.err = ErrTimeout
	} else {
		reason += ": " + r.reason
		r.err = fmt.Errorf("%w: %w", ErrTimeout, r.err)
	}
	r.verdict, r.reason, r.timedOut = failed, cutReason(reason), true
}

// cutReason makes text fit to be sent: valid UTF-8 of at most MaxReason bytes.
func cutReason(text string) string {
	if len(text) > MaxReason {
		const mark = "…"
		end := MaxReason - len(mark)
		for end > 0 && !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end] + mark
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
