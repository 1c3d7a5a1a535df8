package supervisor

import (
	"sync"
	"time"
)

// task is one life of a task, from its registration on. Its actor, the goroutine that runs live, is the only one to start
// attempts and the only one to finish the life; all others cancel it at most.
type task struct {
	sup  *Supervisor // immutable
	uid  UID         // immutable once the task is registered
	spec taskSpec    // immutable, labels included; as given, defaults not filled in

	generation uint64 // immutable once the task is registered: Snapshot.Generation

	capture *capture // immutable; what it points to is guarded by mu. nil unless the spec has CaptureOutput

	mu sync.Mutex // guards what is below. Order: Supervisor.mu, then task.mu, then the event log's own lock.

	state     State
	outcome   Outcome // set once
	reason    string  // of the outcome
	ending    bool    // the rules have ended the life: the actor is about to finish it, and nobody can cancel it any more
	attempts  uint64  // started
	history   history
	created   time.Time
	started   time.Time
	due       time.Time // in StateBackoff, of the next attempt; in StateFinished, of the end
	lastError *LastError
	progress  string // of the last attempt
	sequence  uint64 // of the last event

	slot     *slot         // that the task owns or waits for; nil while it has the slot of its own name and nobody else wants that
	current  *attempt      // waits for its permit or runs; nil between attempts
	closing  bool          // Close of the body runs
	canceled error         // why the life is to end: matches ErrRemoved or ErrShutdown; nil while nobody wants that. Set once.
	grace    *time.Timer   // runs from the cancellation of an attempt, or the beginning of Close, to the moment that counts as stuck
	wake     chan struct{} // wakes the actor in backoff; made with the first backoff, capacity 1
	news     chan struct{} // closed by announceLocked, and nil then; made by the first who waits
}

// publishLocked appends an event about the task. The change that it tells of must have been made before.
func (t *task) publishLocked(e *Event) {
	e.Task, e.UID, e.Labels = t.spec.Name, t.uid, t.spec.Labels
	if sequence := t.sup.log.Append(e); sequence != 0 {
		t.sequence = sequence
	}
}

// batch is for the events with which a life begins or ends: one append of them together takes two thirds of the time of three appends, and half
// as often there is another that it has to wait for. They are made where Supervisor.mu guards them, for they would make the stack grow.
type batch struct {
	events [4]Event // zero, but for the first n
	n      int
}

// next returns another event, which is zero, for the caller to fill in.
func (b *batch) next() *Event {
	b.n++
	return &b.events[b.n-1]
}

// publishBatchLocked does as publishLocked for all events of Supervisor.batch, and empties it.
func (t *task) publishBatchLocked() {
	b := &t.sup.batch
	events := b.events[:b.n]
	for i := range events {
		e := &events[i]
		e.Task, e.UID, e.Labels = t.spec.Name, t.uid, t.spec.Labels
	}
	if sequence := t.sup.log.AppendAll(events...); sequence != 0 {
		t.sequence = sequence
	}
	clear(events)
	b.n = 0
}

// snapshotLocked copies the state of the task.
func (t *task) snapshotLocked() Snapshot {
	snap := Snapshot{
		Spec: t.spec.full(), UID: t.uid, State: t.state, Attempt: t.attempts, FailureStreak: t.history.streak,
		CreateTime: t.created, StartTime: t.started, LastError: t.lastError, Slot: t.slotName(), Outcome: t.outcome, Reason: t.reason,
		Sequence: t.sequence, Generation: t.generation, Canceled: t.canceled != nil, Progress: t.progress,
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

// settleLocked records the outcome of the life, once, and answers those who wait for it.
func (t *task) settleLocked(outcome Outcome, reason string) {
	if t.outcome != 0 {
		return // abandoned by a shutdown that could not wait any longer
	}
	t.outcome, t.reason = outcome, reason
	t.announceLocked()
}
