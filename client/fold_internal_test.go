package client

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

func TestEachKindOfEventHasAFold(t *testing.T) {
	for number, name := range pb.EventKind_name {
		if folds[pb.EventKind(number)] == nil {
			t.Errorf("%s has none", name)
		}
	}
}

// seconds returns the time of the events in these tests.
func seconds(n int64) *timestamppb.Timestamp { return &timestamppb.Timestamp{Seconds: n} }

// TestFold is the table of what events say: a life as it was, an event, and the task after it. Sequences and names are filled in.
func TestFold(t *testing.T) {
	const (
		added, starting, failed, backoff = pb.EventKind_EVENT_KIND_TASK_ADDED, pb.EventKind_EVENT_KIND_TASK_STARTING,
			pb.EventKind_EVENT_KIND_TASK_FAILED, pb.EventKind_EVENT_KIND_BACKOFF_SCHEDULED
		running, stopping, stuck, queued, inBackoff, waiting, finished = pb.TaskState_TASK_STATE_RUNNING, pb.TaskState_TASK_STATE_STOPPING,
			pb.TaskState_TASK_STATE_STUCK, pb.TaskState_TASK_STATE_QUEUED, pb.TaskState_TASK_STATE_BACKOFF,
			pb.TaskState_TASK_STATE_WAITING, pb.TaskState_TASK_STATE_FINISHED
	)
	resetAfter := func(d time.Duration) *pb.TaskSpec {
		return &pb.TaskSpec{Backoff: &pb.BackoffPolicy{ResetAfter: durationpb.New(d)}}
	}
	for name, tt := range map[string]struct {
		before life
		event  *pb.Event
		want   *pb.Task
	}{
		"added": {life{task: &pb.Task{}}, &pb.Event{Kind: added, Slot: "s"},
			&pb.Task{State: waiting, Slot: "s", CreateTime: seconds(9), Generation: 1}},
		"added, when a list has told the rest": {life{task: &pb.Task{CreateTime: seconds(7), Generation: 3}}, &pb.Event{Kind: added, Slot: "s"},
			&pb.Task{State: waiting, Slot: "s", CreateTime: seconds(7), Generation: 3}},
		"queued": {life{task: &pb.Task{}}, &pb.Event{Kind: pb.EventKind_EVENT_KIND_CONTROLLER_SUBMITTED, Slot: "s", QueueDepth: 1},
			&pb.Task{State: queued, Slot: "s", CreateTime: seconds(9), Generation: 1}},
		"starts after a backoff": {life{task: &pb.Task{State: inBackoff, Attempt: 1, NextAttemptTime: seconds(8)}}, &pb.Event{Kind: starting, Attempt: 2},
			&pb.Task{State: running, Attempt: 2, StartTime: seconds(9)}},
		"fails": {life{task: &pb.Task{State: running, FailureStreak: 1}},
			&pb.Event{Kind: failed, Reason: "no", ExitCode: proto.Int32(3), Duration: durationpb.New(time.Second)},
			&pb.Task{State: running, FailureStreak: 1, LastError: &pb.TaskError{Reason: "no", ExitCode: proto.Int32(3), Time: seconds(9)}}},
		"reaches its timeout": {life{task: &pb.Task{State: running}}, &pb.Event{Kind: pb.EventKind_EVENT_KIND_TIMEOUT_HIT}, &pb.Task{State: stopping}},
		"backoff after a failure": {life{task: &pb.Task{State: running, FailureStreak: 1}, failed: true}, &pb.Event{Kind: backoff, Delay: durationpb.New(2 * time.Second)},
			&pb.Task{State: inBackoff, FailureStreak: 2, NextAttemptTime: seconds(11)}},
		"interval after a success": {life{task: &pb.Task{State: running, FailureStreak: 1}}, &pb.Event{Kind: backoff, Delay: durationpb.New(0)},
			&pb.Task{State: inBackoff, NextAttemptTime: seconds(9)}},
		"failure after a long run": {life{task: &pb.Task{State: running, FailureStreak: 5}, failed: true, ran: time.Minute}, &pb.Event{Kind: backoff},
			&pb.Task{State: inBackoff, FailureStreak: 1, NextAttemptTime: seconds(9)}},
		"failure after a run that was not long": {life{task: &pb.Task{State: running, FailureStreak: 5}, failed: true, ran: time.Minute - 1}, &pb.Event{Kind: backoff},
			&pb.Task{State: inBackoff, FailureStreak: 6, NextAttemptTime: seconds(9)}},
		"timeout after a long run": {life{task: &pb.Task{State: stopping, FailureStreak: 5}, failed: true, timedOut: true, ran: time.Hour}, &pb.Event{Kind: backoff},
			&pb.Task{State: inBackoff, FailureStreak: 6, NextAttemptTime: seconds(9)}},
		"a reset_after of its own": {life{task: &pb.Task{State: running, FailureStreak: 5, Spec: resetAfter(time.Second)}, failed: true, ran: time.Second},
			&pb.Event{Kind: backoff}, &pb.Task{State: inBackoff, FailureStreak: 1, NextAttemptTime: seconds(9), Spec: resetAfter(time.Second)}},
		"a reset_after of never": {life{task: &pb.Task{State: running, FailureStreak: 5, Spec: resetAfter(0)}, failed: true, ran: time.Hour},
			&pb.Event{Kind: backoff}, &pb.Task{State: inBackoff, FailureStreak: 6, NextAttemptTime: seconds(9), Spec: resetAfter(0)}},
		"exhausted by failures": {life{task: &pb.Task{State: running, FailureStreak: 2}, failed: true}, &pb.Event{Kind: pb.EventKind_EVENT_KIND_ACTOR_EXHAUSTED},
			&pb.Task{State: stopping, FailureStreak: 3}},
		"exhausted by success": {life{task: &pb.Task{State: running, FailureStreak: 2}}, &pb.Event{Kind: pb.EventKind_EVENT_KIND_ACTOR_EXHAUSTED},
			&pb.Task{State: stopping}},
		"fatal": {life{task: &pb.Task{State: running}, failed: true}, &pb.Event{Kind: pb.EventKind_EVENT_KIND_ACTOR_DEAD},
			&pb.Task{State: stopping, FailureStreak: 1}},
		"to be removed in backoff": {life{task: &pb.Task{State: inBackoff, NextAttemptTime: seconds(8)}},
			&pb.Event{Kind: pb.EventKind_EVENT_KIND_TASK_REMOVE_REQUESTED}, &pb.Task{State: stopping}},
		"to be removed from the queue": {life{task: &pb.Task{State: queued}},
			&pb.Event{Kind: pb.EventKind_EVENT_KIND_TASK_REMOVE_REQUESTED}, &pb.Task{State: queued}},
		"to be removed while stuck": {life{task: &pb.Task{State: stuck}},
			&pb.Event{Kind: pb.EventKind_EVENT_KIND_TASK_REMOVE_REQUESTED}, &pb.Task{State: stuck}},
		"is stuck": {life{task: &pb.Task{State: stopping}}, &pb.Event{Kind: pb.EventKind_EVENT_KIND_GRACE_EXCEEDED}, &pb.Task{State: stuck}},
		"removed": {life{task: &pb.Task{State: stopping, Slot: "s", Attempt: 3}},
			&pb.Event{Kind: pb.EventKind_EVENT_KIND_TASK_REMOVED, Outcome: pb.Outcome_OUTCOME_CANCELED, Reason: "asked"},
			&pb.Task{State: finished, Attempt: 3, FinishTime: seconds(9), Outcome: pb.Outcome_OUTCOME_CANCELED, OutcomeReason: "asked"}},
		"says something":            {life{task: &pb.Task{State: running}}, &pb.Event{Kind: pb.EventKind_EVENT_KIND_TASK_OUTPUT, Line: "hello"}, &pb.Task{State: running}},
		"of a kind from the future": {life{task: &pb.Task{State: running}}, &pb.Event{Kind: 1000}, &pb.Task{State: running}},
	} {
		before := tt.before.task
		before.Name, before.Uid, before.Sequence = "t", "u", 4
		untouched := proto.CloneOf(before)
		tt.event.Task, tt.event.Uid, tt.event.Sequence, tt.event.Time = "t", "u", 5, seconds(9)
		tt.want.Name, tt.want.Uid, tt.want.Sequence = "t", "u", 5
		after := tt.before.apply(tt.event)
		if !proto.Equal(after.task, tt.want) {
			t.Errorf("%s: got %v, want %v", name, after.task, tt.want)
		}
		if !proto.Equal(before, untouched) {
			t.Errorf("%s: the task before was changed to %v", name, before)
		}
		if again := after.apply(tt.event); again.task != after.task {
			t.Errorf("%s: the event that the task shows already made it %v", name, again.task)
		}
	}
}

func TestFoldOfAShutdown(t *testing.T) {
	for before, want := range map[pb.TaskState]pb.TaskState{
		pb.TaskState_TASK_STATE_QUEUED:   pb.TaskState_TASK_STATE_QUEUED, // rejected by an event of its own
		pb.TaskState_TASK_STATE_WAITING:  pb.TaskState_TASK_STATE_STOPPING,
		pb.TaskState_TASK_STATE_RUNNING:  pb.TaskState_TASK_STATE_STOPPING,
		pb.TaskState_TASK_STATE_BACKOFF:  pb.TaskState_TASK_STATE_STOPPING,
		pb.TaskState_TASK_STATE_STOPPING: pb.TaskState_TASK_STATE_STOPPING,
		pb.TaskState_TASK_STATE_STUCK:    pb.TaskState_TASK_STATE_STUCK,
	} {
		l := life{task: &pb.Task{State: before, Sequence: 4}}
		after := l.apply(&pb.Event{Sequence: 9, Kind: pb.EventKind_EVENT_KIND_SHUTDOWN_REQUESTED})
		if after.task.GetState() != want || after.task.GetSequence() != 4 {
			t.Errorf("%s: became %v", before, after.task)
		}
	}
}

// A life is what an attempt leaves behind for the rules of the streak.
func TestFoldRemembersTheAttempt(t *testing.T) {
	l := life{task: &pb.Task{}}
	for i, e := range []*pb.Event{
		{Kind: pb.EventKind_EVENT_KIND_TASK_ADDED}, {Kind: pb.EventKind_EVENT_KIND_TASK_STARTING, Attempt: 1},
		{Kind: pb.EventKind_EVENT_KIND_TIMEOUT_HIT}, {Kind: pb.EventKind_EVENT_KIND_TASK_FAILED, Duration: durationpb.New(time.Hour)},
		{Kind: pb.EventKind_EVENT_KIND_BACKOFF_SCHEDULED}, {Kind: pb.EventKind_EVENT_KIND_TASK_STARTING, Attempt: 2},
		{Kind: pb.EventKind_EVENT_KIND_TASK_FAILED}, {Kind: pb.EventKind_EVENT_KIND_BACKOFF_SCHEDULED},
	} {
		e.Uid, e.Sequence, e.Time = "u", uint64(i+1), seconds(int64(i))
		l = l.apply(e)
	}
	if l.task.GetFailureStreak() != 2 || l.timedOut || !l.failed || l.ran != 0 {
		t.Errorf("after two failures: %+v", l)
	}
	l = l.apply(&pb.Event{Uid: "u", Sequence: 10, Kind: pb.EventKind_EVENT_KIND_TASK_STARTING})
	l = l.apply(&pb.Event{Uid: "u", Sequence: 11, Kind: pb.EventKind_EVENT_KIND_TASK_STOPPED})
	if l = l.apply(&pb.Event{Uid: "u", Sequence: 12, Kind: pb.EventKind_EVENT_KIND_BACKOFF_SCHEDULED}); l.task.GetFailureStreak() != 0 {
		t.Errorf("after a success: %v", l.task)
	}
}
