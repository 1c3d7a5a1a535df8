package client

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// LostError says that a task ended, or must have ended, but that nobody can tell how any more: it happened while the connection was broken or
// events were lost, and the server does not have the finished task.
type LostError struct {
	// Task as it was last seen alive.
	Task *pb.Task
	// Restarted says that the server was started anew, so that the task ended with the old one. Otherwise the server has dropped the finished
	// task, because it keeps only so many.
	Restarted bool
}

// Error names the task and what became of it.
func (e *LostError) Error() string {
	why := "the server no longer keeps how; let it keep more finished tasks, or wait for them with a steady connection"
	if e.Restarted {
		why = "the server was started anew since"
	}
	return fmt.Sprintf("task %q (uid %s) is gone, and %s", e.Task.GetName(), e.Task.GetUid(), why)
}

// IsLost reports that Wait cannot tell how the task ended.
func IsLost(err error) bool {
	_, ok := errors.AsType[*LostError](err)
	return ok
}

// Wait returns the final state of a task once its life has ended: its outcome says how. It is sure to find that out also when the task has ended
// before the call, as long as the server keeps it, and when the connection breaks meanwhile. By name it waits for the task that is live when
// the call begins, and not for a later one of that name; where none is live, it returns the one that lived last.
//
// Errors, of which none leaves the caller waiting for what will not come:
//   - IsNotFound: there is no such task, or none any more;
//   - IsStuck, with the task: its body has ignored its cancellation for the whole grace period. It may return yet; call Wait again for that;
//   - IsLost: it ended while nobody looked, and the server was started anew or has dropped it;
//   - ctx.Err(); and what the server refuses a list or a watch with.
//
// A server that cannot be reached at all is an error at first. Later on it is waited for as Watch does, with the same options.
func (c *Client) Wait(ctx context.Context, ref Ref, opts ...WatchOption) (*pb.Task, error) {
	task, cursor, err := c.find(ctx, ref)
	if err != nil {
		return nil, err
	}
	w := &waiter{client: c, options: collectWatch(opts), task: task}
	for {
		if done, err := w.verdict(); done {
			return w.task, err
		}
		if err := w.watch(ctx, cursor); err != nil {
			return nil, err
		}
		if w.task.GetState() == pb.TaskState_TASK_STATE_FINISHED {
			return w.exact(ctx), nil
		}
		if !w.lost {
			continue
		}
		if cursor, err = w.look(ctx); err != nil {
			return nil, err
		}
	}
}

// waiter waits for the end of one life.
type waiter struct {
	client    *Client
	options   watchOptions
	task      *pb.Task // as last seen
	lost      bool     // events were lost: only a list can tell
	restarted bool     // the server was started anew
}

// verdict reports whether there is no more to wait for.
func (w *waiter) verdict() (done bool, err error) {
	switch w.task.GetState() { //nolint:exhaustive // all other states are those of a task that lives on
	case pb.TaskState_TASK_STATE_FINISHED:
		return true, nil
	case pb.TaskState_TASK_STATE_STUCK:
		return true, refusal(codes.DeadlineExceeded, pb.ErrorReason_ERROR_REASON_TASK_STUCK,
			map[string]string{"name": w.task.GetName(), "uid": w.task.GetUid()},
			fmt.Sprintf("the body of task %q (uid %s) ignores that it was told to stop; it is removed as soon as it returns", w.task.GetName(), w.task.GetUid()))
	}
	return false, nil
}

// watch follows the life from the cursor on, until it has ended or is stuck, or events were lost.
func (w *waiter) watch(ctx context.Context, cursor *pb.Cursor) error {
	req := &pb.WatchEventsRequest{
		Resume: cursor,
		Filter: &pb.EventFilter{Uids: []string{w.task.GetUid()}, Kinds: kindsOfState()},
	}
	watcher := newWatcher(w.client, req, w.options)
	life := life{task: w.task}
	w.lost = false
	watcher.sink = plainSink(func(u Update) (more bool) {
		w.lost = w.lost || u.Lost()
		w.restarted = w.restarted || u.Kind == UpdateEpoch
		if u.Kind == UpdateEvent {
			life = life.apply(u.Event)
		}
		w.task = life.task
		done, _ := w.verdict()
		return !done && !w.lost
	})
	if err := watcher.run(ctx); !errors.Is(err, errLeft) {
		return err
	}
	return nil
}

// kindsOfState are the kinds that say something about the state of a task: all but its output, which may be a lot.
func kindsOfState() (kinds []pb.EventKind) {
	for kind := range folds {
		if kind != pb.EventKind_EVENT_KIND_TASK_OUTPUT && kind != pb.EventKind_EVENT_KIND_UNSPECIFIED {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// look asks a list, for as long as it takes to get an answer, what became of the task, and returns from where to watch on.
func (w *waiter) look(ctx context.Context) (*pb.Cursor, error) {
	pause := delays{first: w.options.first, max: w.options.max}
	for {
		task, cursor, err := w.client.find(ctx, ByUID(w.task.GetUid()))
		switch {
		case err == nil:
			w.task = task
			return cursor, nil
		case IsNotFound(err):
			return nil, &LostError{Task: w.task, Restarted: w.restarted}
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case w.client.closed() || !isRetried(err):
			return nil, err
		}
		delay := pause.next()
		if !isOverHere(ctx, err, delay) {
			w.options.onReconnect(Reconnect{Err: err, Delay: delay})
		}
		if !wait(ctx, delay) {
			return nil, ctx.Err()
		}
	}
}

// exact returns the finished task as the server has it, or else as the events told it, which differs in times by less than a millisecond.
func (w *waiter) exact(ctx context.Context) *pb.Task {
	task, _, err := w.client.find(ctx, ByUID(w.task.GetUid()))
	if err != nil || task.GetState() != pb.TaskState_TASK_STATE_FINISHED {
		return w.task // the outcome is known; that the server cannot say more does not change it
	}
	return task
}
