package supervisor

import (
	"errors"
	"fmt"
	"time"
)

// Errors that the methods of Supervisor return, to be tested with errors.Is. Those about one task are wrapped in a TaskError.
var (
	// ErrTaskExists says that a live task has the name already; the task is untouched.
	ErrTaskExists = errors.New("a live task has this name")
	// ErrTaskNotFound says that no such task is live or kept.
	ErrTaskNotFound = errors.New("no such task")
	// ErrTaskStuck says that the body did not return within the grace period. The task goes on being stuck until it does.
	ErrTaskStuck = errors.New("the body did not return within the grace period")
	// ErrTaskLimit says that as many tasks are live as Config.MaxTasks allows.
	ErrTaskLimit = errors.New("too many live tasks")
	// ErrShutdown says that the supervisor shuts down or has shut down.
	ErrShutdown = errors.New("the supervisor shuts down")
	// ErrInvalidSpec says that a Spec breaks its rules; the error is a *SpecError.
	ErrInvalidSpec = errors.New("invalid task spec")
)

// Causes with which the context of an attempt is canceled: context.Cause of that context is one of these.
var (
	// ErrTimeout is the cause when the attempt reached its timeout, or its heartbeat timeout.
	ErrTimeout = errors.New("the attempt reached its timeout")
	// ErrRemoved is the cause when the task is removed.
	ErrRemoved = errors.New("the task is removed")
)

// TaskLimitError tells the limit. It matches ErrTaskLimit.
type TaskLimitError struct{ Limit int }

// Error names the limit.
func (e *TaskLimitError) Error() string {
	return fmt.Sprintf("%d tasks are live, which is the limit", e.Limit)
}

// Is makes every TaskLimitError match ErrTaskLimit.
func (e *TaskLimitError) Is(target error) bool { return target == ErrTaskLimit }

// ReplacedError is the cause when another task takes the place of this one. It matches ErrRemoved.
type ReplacedError struct {
	Name string // of the other task
	UID  UID    // of its life; zero where that begins only when this one has ended
}

// Error names the other task.
func (e *ReplacedError) Error() string {
	if e.UID.IsZero() {
		return fmt.Sprintf("to be replaced by a later task %q", e.Name)
	}
	return fmt.Sprintf("replaced by task %q (uid %s)", e.Name, e.UID)
}

// Is makes every ReplacedError match ErrRemoved.
func (e *ReplacedError) Is(target error) bool { return target == ErrRemoved }

// TaskError is an error about one task. It unwraps to one of the errors of this package.
type TaskError struct {
	Name string // of the task
	UID  UID    // of the life; zero where no life is involved
	Err  error
}

// Error names the task, its uid where one is known, and what is wrong.
func (e *TaskError) Error() string {
	if e.UID.IsZero() {
		return fmt.Sprintf("task %q: %v", e.Name, e.Err)
	}
	return fmt.Sprintf("task %q (uid %s): %v", e.Name, e.UID, e.Err)
}

// Unwrap returns what is wrong.
func (e *TaskError) Unwrap() error { return e.Err }

// PanicError is how a panic of a body is recorded.
type PanicError struct {
	Value any    // what was passed to panic
	Stack []byte // of the goroutine that panicked
}

// Error names the value of the panic, without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the value of the panic where that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Fatal marks err as beyond retrying: a body that returns it ends its task with OutcomeFatal. Fatal(nil) is nil.
func Fatal(err error) error {
	if err == nil {
		return nil
	}
	return &fatalError{err}
}

// IsFatal reports whether err, or an error that it wraps, was marked by Fatal.
func IsFatal(err error) bool {
	_, ok := errors.AsType[*fatalError](err)
	return ok
}

type fatalError struct{ err error }

func (e *fatalError) Error() string { return e.err.Error() }
func (e *fatalError) Unwrap() error { return e.err }

// ExitCode adds the exit code of a process to err, for the events and the state of the task. ExitCode(nil, code) is nil.
func ExitCode(err error, code int) error {
	if err == nil {
		return nil
	}
	return &exitCodeError{err, int32(code)}
}

// ExitCodeOf returns the exit code that ExitCode added to err or to an error that it wraps, and whether there is one.
func ExitCodeOf(err error) (code int, ok bool) {
	e, ok := errors.AsType[*exitCodeError](err)
	if !ok {
		return 0, false
	}
	return int(e.code), true
}

type exitCodeError struct {
	err  error
	code int32
}

func (e *exitCodeError) Error() string { return e.err.Error() }
func (e *exitCodeError) Unwrap() error { return e.err }

// RetryAfter adds to err a hint of how long to wait before the next attempt. The hint takes the place of the computed backoff and
// of its jitter; it may exceed BackoffPolicy.Max, since who gave it knows better. A negative delay counts as 0. RetryAfter(nil, d) is nil.
func RetryAfter(err error, delay time.Duration) error {
	if err == nil {
		return nil
	}
	return &retryAfterError{err, max(delay, 0)}
}

// RetryAfterOf returns the hint that RetryAfter added to err or to an error that it wraps, and whether there is one.
func RetryAfterOf(err error) (delay time.Duration, ok bool) {
	e, ok := errors.AsType[*retryAfterError](err)
	if !ok {
		return 0, false
	}
	return e.delay, true
}

type retryAfterError struct {
	err   error
	delay time.Duration
}

func (e *retryAfterError) Error() string { return e.err.Error() }
func (e *retryAfterError) Unwrap() error { return e.err }
