package server

import (
	"slices"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
)

// Each table has the value of the wire at the index of the value of the engine. Where the engine's zero stands for a default, that of
// the wire does so too.
var (
	wireKinds = [...]pb.EventKind{
		supervisor.TaskAddRequested:      pb.EventKind_EVENT_KIND_TASK_ADD_REQUESTED,
		supervisor.TaskAdded:             pb.EventKind_EVENT_KIND_TASK_ADDED,
		supervisor.TaskStarting:          pb.EventKind_EVENT_KIND_TASK_STARTING,
		supervisor.TaskStopped:           pb.EventKind_EVENT_KIND_TASK_STOPPED,
		supervisor.TaskFailed:            pb.EventKind_EVENT_KIND_TASK_FAILED,
		supervisor.TimeoutHit:            pb.EventKind_EVENT_KIND_TIMEOUT_HIT,
		supervisor.BackoffScheduled:      pb.EventKind_EVENT_KIND_BACKOFF_SCHEDULED,
		supervisor.ActorExhausted:        pb.EventKind_EVENT_KIND_ACTOR_EXHAUSTED,
		supervisor.ActorDead:             pb.EventKind_EVENT_KIND_ACTOR_DEAD,
		supervisor.TaskRemoveRequested:   pb.EventKind_EVENT_KIND_TASK_REMOVE_REQUESTED,
		supervisor.TaskRemoved:           pb.EventKind_EVENT_KIND_TASK_REMOVED,
		supervisor.ShutdownRequested:     pb.EventKind_EVENT_KIND_SHUTDOWN_REQUESTED,
		supervisor.AllStoppedWithinGrace: pb.EventKind_EVENT_KIND_ALL_STOPPED_WITHIN_GRACE,
		supervisor.GraceExceeded:         pb.EventKind_EVENT_KIND_GRACE_EXCEEDED,

		supervisor.ControllerSubmitted:      pb.EventKind_EVENT_KIND_CONTROLLER_SUBMITTED,
		supervisor.ControllerRejected:       pb.EventKind_EVENT_KIND_CONTROLLER_REJECTED,
		supervisor.ControllerSlotTransition: pb.EventKind_EVENT_KIND_CONTROLLER_SLOT_TRANSITION,
		supervisor.SubscriberOverflow:       pb.EventKind_EVENT_KIND_SUBSCRIBER_OVERFLOW,
		supervisor.SubscriberPanicked:       pb.EventKind_EVENT_KIND_SUBSCRIBER_PANICKED,
		supervisor.TaskOutput:               pb.EventKind_EVENT_KIND_TASK_OUTPUT,
	}
	wireStates = [...]pb.TaskState{
		supervisor.StateQueued:   pb.TaskState_TASK_STATE_QUEUED,
		supervisor.StateWaiting:  pb.TaskState_TASK_STATE_WAITING,
		supervisor.StateRunning:  pb.TaskState_TASK_STATE_RUNNING,
		supervisor.StateBackoff:  pb.TaskState_TASK_STATE_BACKOFF,
		supervisor.StateStopping: pb.TaskState_TASK_STATE_STOPPING,
		supervisor.StateStuck:    pb.TaskState_TASK_STATE_STUCK,
		supervisor.StateFinished: pb.TaskState_TASK_STATE_FINISHED,
	}
	wireOutcomes = [...]pb.Outcome{
		supervisor.OutcomeCompleted: pb.Outcome_OUTCOME_COMPLETED,
		supervisor.OutcomeFailed:    pb.Outcome_OUTCOME_FAILED,
		supervisor.OutcomeFatal:     pb.Outcome_OUTCOME_FATAL,
		supervisor.OutcomeCanceled:  pb.Outcome_OUTCOME_CANCELED,
		supervisor.OutcomeRejected:  pb.Outcome_OUTCOME_REJECTED,
		supervisor.OutcomeAbandoned: pb.Outcome_OUTCOME_ABANDONED,
	}
	wireSources = [...]pb.BackoffSource{
		supervisor.BackoffAfterSuccess:  pb.BackoffSource_BACKOFF_SOURCE_SUCCESS,
		supervisor.BackoffAfterFailure:  pb.BackoffSource_BACKOFF_SOURCE_FAILURE,
		supervisor.BackoffUntilSchedule: pb.BackoffSource_BACKOFF_SOURCE_SCHEDULE,
	}
	wirePolicies = [...]pb.AdmissionPolicy{
		supervisor.AdmitQueue:    pb.AdmissionPolicy_ADMISSION_POLICY_QUEUE,
		supervisor.AdmitReplace:  pb.AdmissionPolicy_ADMISSION_POLICY_REPLACE,
		supervisor.DropIfRunning: pb.AdmissionPolicy_ADMISSION_POLICY_DROP_IF_RUNNING,
	}
	wireSlotStates = [...]pb.SlotState{
		supervisor.SlotIdle:     pb.SlotState_SLOT_STATE_IDLE,
		supervisor.SlotOwned:    pb.SlotState_SLOT_STATE_OWNED,
		supervisor.SlotStopping: pb.SlotState_SLOT_STATE_STOPPING,
	}
	wireRejections = [...]pb.Rejection{
		supervisor.RejectedSlotBusy:   pb.Rejection_REJECTION_SLOT_BUSY,
		supervisor.RejectedQueueFull:  pb.Rejection_REJECTION_QUEUE_FULL,
		supervisor.RejectedSuperseded: pb.Rejection_REJECTION_SUPERSEDED,
		supervisor.RejectedShutdown:   pb.Rejection_REJECTION_SHUTDOWN,
		supervisor.RejectedPurged:     pb.Rejection_REJECTION_PURGED,
	}
	wireStreams = [...]pb.OutputStream{
		supervisor.Stdout: pb.OutputStream_OUTPUT_STREAM_STDOUT,
		supervisor.Stderr: pb.OutputStream_OUTPUT_STREAM_STDERR,
	}
	wireModes = [...]pb.RestartMode{
		supervisor.RestartNever:     pb.RestartMode_RESTART_MODE_NEVER,
		supervisor.RestartOnFailure: pb.RestartMode_RESTART_MODE_ON_FAILURE,
		supervisor.RestartAlways:    pb.RestartMode_RESTART_MODE_ALWAYS,
	}
	wireJitters = [...]pb.Jitter{
		supervisor.JitterNone:         pb.Jitter_JITTER_NONE,
		supervisor.JitterFull:         pb.Jitter_JITTER_FULL,
		supervisor.JitterEqual:        pb.Jitter_JITTER_EQUAL,
		supervisor.JitterDecorrelated: pb.Jitter_JITTER_DECORRELATED,
	}
)

// toWire returns the value of the wire for a value of the engine; UNSPECIFIED for one that is not in the table, which a test rules out.
func toWire[E ~uint8, W ~int32](table []W, value E) W {
	if int(value) < len(table) {
		return table[value]
	}
	return 0
}

// toEngine returns the value of the engine for a value of the wire; zero for one that is not in the table.
func toEngine[E ~uint8, W ~int32](table []W, value W) E {
	return E(max(slices.Index(table, value), 0))
}
