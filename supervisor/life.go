package supervisor

import (
	"sync"
	"time"
)

// task is one life of a task, from its registration on. Its actor, the goroutine that runs live, is the only one to start
// attempts and the only one to finish the life; all others cancel it at most.
type task struct {
	sup  *Supervisor // immutable
	uid  UID         // immutable
	spec taskSpec    // immutable, labels included; as given, defaults not filled in

	mu sync.Mutex // guards what is below. Order: Supervisor.mu, then task.mu, then the event log's own lock.

	state     State
	outcome   Outcome // set once
	ending    bool    // the rules have ended the life: the actor is about to finish it, and nobody can cancel it any more
	attempts  uint64  // started
	history   history
	created   time.Time
	started   time.Time
	due       time.Time // in StateBackoff, of the next attempt; in StateFinished, of the end
	lastError *LastError
	sequence  uint64 // of the last event

	current  *attempt      // waits for its permit or runs; nil between attempts
	canceled error         // why the life is to end: ErrRemoved or ErrShutdown; nil while nobody wants that. Set once.
	grace    *time.Timer   // runs from the cancellation of an attempt to the moment it counts as stuck
	wake     chan struct{} // wakes the actor in backoff; made with the first backoff, capacity 1
	done     chan struct{} // closed at the end of the life, or when it is abandoned; made with the first waiter
}

// publishLocked appends an event about the task. The change that it tells of must have been made before.
func (t *task) publishLocked(e *Event) {
	e.Task, e.UID, e.Labels = t.spec.Name, t.uid, t.spec.Labels
	if sequence := t.sup.log.Append(e); sequence != 0 {
		t.sequence = sequence
	}
}

// snapshotLocked copies the state of the task.
func (t *task) snapshotLocked() Snapshot {
	snap := Snapshot{
		Spec: t.spec.full(), UID: t.uid, State: t.state, Attempt: t.attempts, FailureStreak: t.history.streak,
		CreateTime: t.created, StartTime: t.started, LastError: t.lastError, Outcome: t.outcome, Sequence: t.sequence,
	}
	if t.state == StateBackoff {
		snap.NextAttempt = t.due
	}
	if t.state == StateFinished {
		snap.FinishTime = t.due
	}
	return snap
}

func (t *task) snapshot() Snapshot {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.snapshotLocked()
}

// doneChan returns a channel that is closed at the end of the life, or when it is abandoned.
func (t *task) doneChan() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done == nil {
		t.done = make(chan struct{})
		if t.outcome != 0 {
			close(t.done)
		}
	}
	return t.done
}

// settleLocked records the outcome of the life, once, and answers those who wait for it.
func (t *task) settleLocked(outcome Outcome) {
	if t.outcome != 0 {
		return // abandoned by a shutdown that could not wait any longer
	}
	t.outcome = outcome
	if t.done != nil {
		close(t.done)
	}
}
