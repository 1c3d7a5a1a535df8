package supervisor

import "time"

// Event is one change in the life of a task or of the supervisor. Sequence, Time and Kind are always set; Task, UID and Labels on every
// event about a task; of the rest, just the fields that KindFields lists for the kind. An Event is immutable: Labels must not be changed.
type Event struct {
	Sequence uint64    // position in the event log: from 1, without holes
	Time     time.Time // never before the Time of the event with the preceding Sequence
	Kind     Kind

	Task   string            // name of the task
	UID    UID               // life of the task
	Labels map[string]string // of the task; not sent over the wire, there for filters

	Attempt  uint64        // number of the attempt, from 1; 0 on events about a task that has not made one yet
	Duration time.Duration // of the attempt that ended
	Timeout  time.Duration // that the attempt exceeded, that for a heartbeat included
	Delay    time.Duration // until the next attempt
	Reason   string        // in words, at most MaxReason bytes

	ExitCode    int32 // of the process that the attempt ran; counts only where HasExitCode is set
	HasExitCode bool
	Source      BackoffSource // what Delay follows
	Outcome     Outcome       // of the life

	Slot              string
	Rejection         Rejection
	PreviousSlotState SlotState
	SlotState         SlotState
	Depth             int // number of tasks that wait for the slot

	Subscriber string // that fell behind or panicked
	Lost       uint64 // how many events the subscriber lost, or how many lines the output before this one

	Stream OutputStream // on which the body wrote the line
	Line   string       // without its end, at most MaxLine bytes

	Principal string // who asked, as WithPrincipal named them; empty when nobody was named. At most MaxPrincipal bytes
}

// Kind says what happened.
type Kind uint8

// Kinds of events. KindFields says which fields each one sets.
const (
	TaskAddRequested         Kind = iota + 1 // first event of every life: the request is valid
	TaskAdded                                // registered; always before TaskStarting
	TaskStarting                             // an attempt begins, its permit held
	TaskStopped                              // an attempt ended with success or by cancellation
	TaskFailed                               // an attempt failed, panicked or timed out
	TimeoutHit                               // an attempt reached its timeout, or that of its heartbeat; TaskFailed follows when the body is back
	BackoffScheduled                         // another attempt follows the one that ended, or the first is to come at a time of the schedule
	ActorExhausted                           // the restart rules end the task: OutcomeCompleted or OutcomeFailed
	ActorDead                                // the body said that the failure is beyond retrying: OutcomeFatal
	TaskRemoveRequested                      // someone asked for the task to be removed
	TaskRemoved                              // last event of every life: the body has returned and the name is free
	ShutdownRequested                        // the supervisor begins to shut down
	AllStoppedWithinGrace                    // all tasks ended within the grace period of the shutdown
	GraceExceeded                            // the body of a task ignored its cancellation for the whole grace period
	ControllerSubmitted                      // a task waits for its slot
	ControllerRejected                       // a slot refused a task
	ControllerSlotTransition                 // a slot changed its state because of a task
	SubscriberOverflow                       // a Subscriber fell behind and lost events
	SubscriberPanicked                       // a Subscriber panicked; never delivered to the one that did
	TaskOutput                               // a body wrote a line; only of tasks with CaptureOutput
)

var kindNames = [...]string{
	TaskAddRequested: "TASK_ADD_REQUESTED", TaskAdded: "TASK_ADDED", TaskStarting: "TASK_STARTING",
	TaskStopped: "TASK_STOPPED", TaskFailed: "TASK_FAILED", TimeoutHit: "TIMEOUT_HIT",
	BackoffScheduled: "BACKOFF_SCHEDULED", ActorExhausted: "ACTOR_EXHAUSTED", ActorDead: "ACTOR_DEAD",
	TaskRemoveRequested: "TASK_REMOVE_REQUESTED", TaskRemoved: "TASK_REMOVED",
	ShutdownRequested: "SHUTDOWN_REQUESTED", AllStoppedWithinGrace: "ALL_STOPPED_WITHIN_GRACE",
	GraceExceeded: "GRACE_EXCEEDED", ControllerSubmitted: "CONTROLLER_SUBMITTED",
	ControllerRejected: "CONTROLLER_REJECTED", ControllerSlotTransition: "CONTROLLER_SLOT_TRANSITION",
	SubscriberOverflow: "SUBSCRIBER_OVERFLOW", SubscriberPanicked: "SUBSCRIBER_PANICKED",
	TaskOutput: "TASK_OUTPUT",
}

// String returns the name of the kind in upper case, as the wire has it.
func (k Kind) String() string { return enumName(kindNames[:], k, "Kind") }
