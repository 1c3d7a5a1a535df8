package supervisor

import (
	"fmt"
	"strconv"
)

// State is where in its life a task is. The transitions between states are listed in state.go.
type State uint8

// States of a task.
const (
	StateQueued   State = iota + 1 // waits for its slot
	StateWaiting                   // waits for a permit of Config.MaxConcurrent
	StateRunning                   // an attempt runs
	StateBackoff                   // waits for the time of its next attempt
	StateStopping                  // was told to stop; the body has not returned yet
	StateStuck                     // was told to stop; the body did not return within the grace period
	StateFinished                  // ended; terminal
)

var stateNames = [...]string{
	StateQueued: "QUEUED", StateWaiting: "WAITING", StateRunning: "RUNNING", StateBackoff: "BACKOFF",
	StateStopping: "STOPPING", StateStuck: "STUCK", StateFinished: "FINISHED",
}

// String returns the name of the state in upper case, as the wire has it.
func (s State) String() string { return enumName(stateNames[:], s, "State") }

// Outcome is how the life of a task ended.
type Outcome uint8

// Outcomes of a life.
const (
	OutcomeCompleted Outcome = iota + 1 // the body succeeded and no further attempt was due
	OutcomeFailed                       // the body failed and no further attempt was allowed
	OutcomeFatal                        // the body returned an error marked by Fatal
	OutcomeCanceled                     // removed, or the supervisor shut down
	OutcomeRejected                     // refused by its slot; never ran
	OutcomeAbandoned                    // the supervisor ended while the body ignored its cancellation
)

var outcomeNames = [...]string{
	OutcomeCompleted: "COMPLETED", OutcomeFailed: "FAILED", OutcomeFatal: "FATAL",
	OutcomeCanceled: "CANCELED", OutcomeRejected: "REJECTED", OutcomeAbandoned: "ABANDONED",
}

// String returns the name of the outcome in upper case, as the wire has it.
func (o Outcome) String() string { return enumName(outcomeNames[:], o, "Outcome") }

// RestartMode says after which end of an attempt another one follows. The zero value stands for the default.
type RestartMode uint8

// Restart modes.
const (
	RestartNever     RestartMode = iota + 1 // one attempt, whatever its end
	RestartOnFailure                        // another attempt after each failure; the default
	RestartAlways                           // another attempt after each end
)

var restartModeNames = [...]string{RestartNever: "NEVER", RestartOnFailure: "ON_FAILURE", RestartAlways: "ALWAYS"}

// String returns the name of the mode in upper case, as the wire has it.
func (m RestartMode) String() string { return enumName(restartModeNames[:], m, "RestartMode") }

// Jitter is the way in which chance changes a delay. The zero value stands for the default.
//
// FULL, EQUAL and DECORRELATED are those of Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
type Jitter uint8

// Jitters of a base delay, which is min(Max, First·Factor^streak).
const (
	JitterNone         Jitter = iota + 1 // base
	JitterFull                           // uniform in [0, base]
	JitterEqual                          // uniform in [base/2, base]; the default
	JitterDecorrelated                   // min(Max, uniform in [First, 3·previous delay])
)

var jitterNames = [...]string{JitterNone: "NONE", JitterFull: "FULL", JitterEqual: "EQUAL", JitterDecorrelated: "DECORRELATED"}

// String returns the name of the jitter in upper case, as the wire has it.
func (j Jitter) String() string { return enumName(jitterNames[:], j, "Jitter") }

// BackoffSource says what a delay follows.
type BackoffSource uint8

// Sources of a delay.
const (
	BackoffAfterSuccess  BackoffSource = iota + 1 // the delay is the interval
	BackoffAfterFailure                           // the delay is the backoff
	BackoffUntilSchedule                          // the delay lasts until the next time of the schedule, whatever it follows
)

var backoffSourceNames = [...]string{
	BackoffAfterSuccess: "SUCCESS", BackoffAfterFailure: "FAILURE", BackoffUntilSchedule: "SCHEDULE",
}

// String returns the name of the source in upper case, as the wire has it.
func (s BackoffSource) String() string {
	return enumName(backoffSourceNames[:], s, "BackoffSource")
}

// AdmissionPolicy says what happens to a task whose slot is owned. The zero value stands for the default.
type AdmissionPolicy uint8

// Admission policies.
const (
	AdmitQueue    AdmissionPolicy = iota + 1 // wait behind those that already wait; the default
	AdmitReplace                             // stop the owner and run next
	DropIfRunning                            // be refused
)

var admissionPolicyNames = [...]string{AdmitQueue: "QUEUE", AdmitReplace: "REPLACE", DropIfRunning: "DROP_IF_RUNNING"}

// String returns the name of the policy in upper case, as the wire has it.
func (p AdmissionPolicy) String() string {
	return enumName(admissionPolicyNames[:], p, "AdmissionPolicy")
}

// SlotState is the state of a slot.
type SlotState uint8

// States of a slot.
const (
	SlotIdle     SlotState = iota + 1 // no task owns it
	SlotOwned                         // a task owns it
	SlotStopping                      // its owner was told to stop
)

var slotStateNames = [...]string{SlotIdle: "IDLE", SlotOwned: "OWNED", SlotStopping: "STOPPING"}

// String returns the name of the state in upper case, as the wire has it.
func (s SlotState) String() string { return enumName(slotStateNames[:], s, "SlotState") }

// Rejection says why a slot refused a task.
type Rejection uint8

// Rejections.
const (
	RejectedSlotBusy   Rejection = iota + 1 // the slot is owned and the policy is DropIfRunning
	RejectedQueueFull                       // as many tasks wait as may
	RejectedSuperseded                      // a later task took its place
	RejectedShutdown                        // the supervisor shuts down
	RejectedPurged                          // the queue was emptied by PurgeSlot
)

var rejectionNames = [...]string{
	RejectedSlotBusy: "SLOT_BUSY", RejectedQueueFull: "QUEUE_FULL", RejectedSuperseded: "SUPERSEDED",
	RejectedShutdown: "SHUTDOWN", RejectedPurged: "PURGED",
}

// String returns the name of the rejection in upper case, as the wire has it.
func (r Rejection) String() string { return enumName(rejectionNames[:], r, "Rejection") }

var rejectionReasons = [...]string{
	RejectedSlotBusy:   "slot %q is owned by another task",
	RejectedQueueFull:  "the queue of slot %q is full",
	RejectedSuperseded: "a later task took the place at slot %q",
	RejectedShutdown:   "the supervisor shut down while the task waited for slot %q",
	RejectedPurged:     "the queue of slot %q was emptied",
}

// reason says in words why the slot refused the task.
func (r Rejection) reason(slot string) string { return fmt.Sprintf(rejectionReasons[r], slot) }

// enumName returns names[v], or the type and number where that has no name, so that a bad value is seen for what it is.
func enumName[E ~uint8](names []string, v E, typ string) string {
	if int(v) < len(names) && names[v] != "" {
		return names[v]
	}
	return typ + "(" + strconv.Itoa(int(v)) + ")"
}
