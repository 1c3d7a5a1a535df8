package client

import (
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// life is what is known of one life of a task: a task as the server sent it, and what events have told since. It is a value: apply returns
// another one, and the task of the old one stays as it was.
type life struct {
	task *pb.Task // never changed; nil: nothing is known
	// The attempt that ended last, for the rules of the failure streak.
	failed   bool
	timedOut bool
	ran      time.Duration
}

// defaultResetAfter is what BackoffPolicy.reset_after stands for when it is not set.
const defaultResetAfter = 60 * time.Second

// folds is the one table of what each kind of event says about the state of a task. The task that a fold changes is its own copy, with the
// sequence of the event in it already. To add a kind: a row here.
var folds = map[pb.EventKind]func(l *life, e *pb.Event){
	pb.EventKind_EVENT_KIND_UNSPECIFIED:                unchanged, // never sent
	pb.EventKind_EVENT_KIND_TASK_ADD_REQUESTED:         unchanged, // what follows says whether it was added or queued
	pb.EventKind_EVENT_KIND_TASK_ADDED:                 foldAdded(pb.TaskState_TASK_STATE_WAITING),
	pb.EventKind_EVENT_KIND_TASK_STARTING:              foldStarting,
	pb.EventKind_EVENT_KIND_TASK_STOPPED:               foldStopped,
	pb.EventKind_EVENT_KIND_TASK_FAILED:                foldFailed,
	pb.EventKind_EVENT_KIND_TIMEOUT_HIT:                foldTimeout,
	pb.EventKind_EVENT_KIND_BACKOFF_SCHEDULED:          foldBackoff,
	pb.EventKind_EVENT_KIND_ACTOR_EXHAUSTED:            foldExhausted,
	pb.EventKind_EVENT_KIND_ACTOR_DEAD:                 foldExhausted,
	pb.EventKind_EVENT_KIND_TASK_REMOVE_REQUESTED:      foldRemoveRequested,
	pb.EventKind_EVENT_KIND_TASK_REMOVED:               foldRemoved,
	pb.EventKind_EVENT_KIND_SHUTDOWN_REQUESTED:         foldShutdown, // about no task, and so about each
	pb.EventKind_EVENT_KIND_ALL_STOPPED_WITHIN_GRACE:   unchanged,
	pb.EventKind_EVENT_KIND_GRACE_EXCEEDED:             foldGraceExceeded,
	pb.EventKind_EVENT_KIND_SUBSCRIBER_OVERFLOW:        unchanged,
	pb.EventKind_EVENT_KIND_SUBSCRIBER_PANICKED:        unchanged,
	pb.EventKind_EVENT_KIND_CONTROLLER_SUBMITTED:       foldAdded(pb.TaskState_TASK_STATE_QUEUED),
	pb.EventKind_EVENT_KIND_CONTROLLER_REJECTED:        unchanged, // TASK_REMOVED follows
	pb.EventKind_EVENT_KIND_CONTROLLER_SLOT_TRANSITION: unchanged, // of the slot; what it means for the task has an event of its own
	pb.EventKind_EVENT_KIND_TASK_OUTPUT:                unchanged,
}

// begins reports whether a life that was not known is one from this event on. (TASK_ADD_REQUESTED is not: the slot may refuse the task.)
func begins(e *pb.Event) bool {
	return e.GetKind() == pb.EventKind_EVENT_KIND_TASK_ADDED || e.GetKind() == pb.EventKind_EVENT_KIND_CONTROLLER_SUBMITTED
}

// apply returns the life after the event. An event that the task shows already changes nothing; one of a kind that is newer than this
// package, no more than the sequence: a list will tell the rest.
func (l life) apply(e *pb.Event) life {
	if e.GetUid() != "" && e.GetSequence() <= l.task.GetSequence() {
		return l
	}
	after := l
	after.task = shallowCopy(l.task)
	if e.GetUid() != "" {
		after.task.Name, after.task.Uid, after.task.Sequence = e.GetTask(), e.GetUid(), e.GetSequence()
	}
	if fold, ok := folds[e.GetKind()]; ok {
		fold(&after, e)
	}
	return after
}

// shallowCopy returns a copy that shares what is inside of the messages of the task.
func shallowCopy(t *pb.Task) *pb.Task {
	out := new(pb.Task)
	to := out.ProtoReflect()
	t.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		to.Set(field, value)
		return true
	})
	return out
}

func unchanged(*life, *pb.Event) {}

func foldAdded(state pb.TaskState) func(*life, *pb.Event) {
	return func(l *life, e *pb.Event) {
		l.task.State, l.task.Slot = state, e.GetSlot()
		if l.task.GetCreateTime() == nil {
			l.task.CreateTime, l.task.Generation = e.GetTime(), 1
		}
	}
}

func foldStarting(l *life, e *pb.Event) {
	l.enter(pb.TaskState_TASK_STATE_RUNNING)
	l.task.Attempt, l.task.StartTime = e.GetAttempt(), e.GetTime()
	l.failed, l.timedOut, l.ran = false, false, 0
}

func foldStopped(l *life, _ *pb.Event) { l.failed = false }

func foldFailed(l *life, e *pb.Event) {
	l.failed, l.ran = true, e.GetDuration().AsDuration()
	l.task.LastError = &pb.TaskError{Reason: e.GetReason(), ExitCode: e.ExitCode, Time: e.GetTime()}
}

func foldTimeout(l *life, _ *pb.Event) {
	l.timedOut = true
	l.enter(pb.TaskState_TASK_STATE_STOPPING)
}

func foldBackoff(l *life, e *pb.Event) {
	l.enter(pb.TaskState_TASK_STATE_BACKOFF)
	l.task.NextAttemptTime = timestamppb.New(e.GetTime().AsTime().Add(e.GetDelay().AsDuration()))
	foldStreak(l, e)
}

// foldStreak counts the attempt that ended, by the rules of BackoffPolicy.reset_after. One that was canceled does not count: it has none of
// the events that this is for.
func foldStreak(l *life, _ *pb.Event) {
	reset := defaultResetAfter
	if given := l.task.GetSpec().GetBackoff().GetResetAfter(); given != nil {
		reset = given.AsDuration()
	}
	switch {
	case !l.failed:
		l.task.FailureStreak = 0
	case reset > 0 && l.ran >= reset && !l.timedOut:
		l.task.FailureStreak = 1
	default:
		l.task.FailureStreak++
	}
}

// foldExhausted: TASK_REMOVED follows, at once unless there is a body to be closed.
func foldExhausted(l *life, e *pb.Event) {
	foldStreak(l, e)
	l.stop()
}

// foldRemoveRequested: a task that waits for its slot ends at once, without stopping; one that is stuck stays so.
func foldRemoveRequested(l *life, _ *pb.Event) {
	if l.task.GetState() != pb.TaskState_TASK_STATE_QUEUED {
		l.stop()
	}
}

// foldShutdown: those that wait for a slot are rejected, which has an event of its own.
func foldShutdown(l *life, e *pb.Event) { foldRemoveRequested(l, e) }

func foldGraceExceeded(l *life, _ *pb.Event) { l.enter(pb.TaskState_TASK_STATE_STUCK) }

func foldRemoved(l *life, e *pb.Event) {
	l.enter(pb.TaskState_TASK_STATE_FINISHED)
	l.task.Slot, l.task.FinishTime, l.task.Outcome, l.task.OutcomeReason = "", e.GetTime(), e.GetOutcome(), e.GetReason()
}

func (l *life) stop() {
	if l.task.GetState() != pb.TaskState_TASK_STATE_STUCK {
		l.enter(pb.TaskState_TASK_STATE_STOPPING)
	}
}

func (l *life) enter(state pb.TaskState) {
	l.task.State = state
	l.task.NextAttemptTime = nil // set only in TASK_STATE_BACKOFF
}
