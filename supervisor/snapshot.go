package supervisor

import "time"

// Snapshot is the state of one life of a task at one moment. It is a copy; Labels of its Spec must not be changed.
type Snapshot struct {
	Spec          Spec // as given to Add, defaults not filled in
	UID           UID
	State         State
	Attempt       uint64     // number of the running or else of the last attempt; 0 before the first
	FailureStreak uint32     // failures in a row
	CreateTime    time.Time  // when the task was registered
	StartTime     time.Time  // of the last attempt; zero before the first
	NextAttempt   time.Time  // set only in StateBackoff
	FinishTime    time.Time  // set only in StateFinished
	LastError     *LastError // of this life; nil when no attempt failed
	Outcome       Outcome    // set in StateFinished, and on a stuck task that the shutdown abandoned
	Reason        string     // of the outcome, in words; empty for OutcomeCompleted, unless the body could not be closed
	Slot          string     // that the task owns or waits for
	Sequence      uint64     // of the last event of this task: earlier ones are part of the snapshot
	Generation    uint64     // 1, or by Replace one more than that of the task that this one replaced
	Progress      string     // what the body said last by Progress in the running or else in the last attempt
	Canceled      bool       // its end was asked for, by a removal, a replacement or the shutdown
}

// LastError is how an attempt failed.
type LastError struct {
	Err    error     // as the body returned it, *PanicError for a panic
	Reason string    // text of Err, at most MaxReason bytes
	Time   time.Time // of the failure
}
