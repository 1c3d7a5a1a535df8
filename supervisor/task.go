package supervisor

import "context"

// Task is the body of a task: the work itself.
//
// Run is called once for each attempt, never twice at the same time for one registered task. It must return soon after ctx is
// done: a goroutine cannot be killed, so a body that does not return keeps its name and its permit and is reported as stuck.
//
// What Run returns decides what follows:
//
//   - nil: the attempt succeeded;
//   - an error, once ctx is canceled by Remove or Shutdown: the attempt was canceled;
//   - an error marked by [Fatal]: the task ends, whatever its restart policy;
//   - any other error, or a panic: the attempt failed and may be retried. [ExitCode] and [RetryAfter] add to the error.
//
// A Task that keeps something open between attempts is also a [Closer].
type Task interface {
	Run(ctx context.Context) error
}

// TaskFunc is a function that serves as a Task.
type TaskFunc func(ctx context.Context) error

// Run calls f.
func (f TaskFunc) Run(ctx context.Context) error { return f(ctx) }
