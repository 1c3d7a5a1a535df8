package supervisor

import (
	"errors"
	"fmt"
	"time"
)

// demand is that a life shall end.
type demand struct {
	cause error         // matches ErrRemoved or ErrShutdown
	grace time.Duration // how long the body has before it counts as stuck; 0 leaves that to who cancels
	by    string        // the principal that wants it; empty for none
}

// cancel asks for the end of a life. The first to ask wins; later ones join the same end.
func (s *Supervisor) cancel(t *task, d demand) (first bool) {
	t.mu.Lock()
	if t.slot == nil {
		defer t.mu.Unlock()
		return t.cancelLocked(d) // nobody else's slot is touched, so Supervisor.mu is not needed
	}
	t.mu.Unlock()

	s.mu.Lock()
	defer s.mu.Unlock()
	t.mu.Lock()
	if t.state == StateQueued {
		defer t.mu.Unlock()
		return s.cancelQueuedLocked(t, d)
	}
	t.mu.Unlock()
	return s.cancelOwnerLocked(t, d)
}

// cancelOwnerLocked tells a task that owns its slot to stop.
func (s *Supervisor) cancelOwnerLocked(owner *task, d demand) (first bool) {
	owner.mu.Lock()
	defer owner.mu.Unlock()
	first = owner.cancelLocked(d)
	if sl := owner.slot; first && sl != nil && sl.state == SlotOwned {
		sl.state = SlotStopping
		sl.publishLocked(owner, SlotOwned)
	}
	return first
}

// cancelLocked tells a task that is not queued to stop.
func (t *task) cancelLocked(d demand) (first bool) {
	if t.canceled != nil || t.outcome != 0 || t.ending {
		return false // on its end already
	}
	t.canceled = d.cause
	if errors.Is(d.cause, ErrRemoved) {
		t.publishLocked(&Event{Kind: TaskRemoveRequested, Reason: d.cause.Error(), Principal: d.by})
	}
	wasIn := t.state
	if wasIn != StateStopping && wasIn != StateStuck { // an attempt that timed out is there already
		t.enterLocked(StateStopping)
	}
	if a := t.current; a != nil {
		stopTimer(a.timer)
		a.cancel(d.cause)
		if d.grace > 0 && a.begun && wasIn != StateStuck {
			t.armGraceLocked(a, d.grace)
		}
	}
	if t.wake != nil {
		select {
		case t.wake <- struct{}{}:
		default: // woken already
		}
	}
	return true
}

// armGraceLocked starts the time after which a body that was canceled counts as stuck; without an attempt, one that is to close.
func (t *task) armGraceLocked(a *attempt, grace time.Duration) {
	stopTimer(t.grace)
	t.grace = time.AfterFunc(grace, func() { t.graceOver(a, grace) })
}

// graceOver reports that the attempt, or without one Close, did not return within the grace period, unless it did or was reported before.
func (t *task) graceOver(a *attempt, grace time.Duration) {
	stack := bodyStacks()[t.uid] // takes its time, so not under a lock
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current != a || t.closing != (a == nil) || t.state != StateStopping {
		return
	}
	t.enterLocked(StateStuck)
	t.publishGraceExceededLocked(grace, stack)
	t.announceLocked()
}

// publishGraceExceededLocked names the body that is stuck, and says where it is when the stack could be had.
func (t *task) publishGraceExceededLocked(grace time.Duration, stack string) {
	reason := fmt.Sprintf("the body did not return within %s of its cancellation", grace)
	if t.closing {
		reason = fmt.Sprintf("Close of the body did not return within %s", grace)
	}
	if stack != "" {
		reason += "; it is at " + stack
	}
	t.publishLocked(&Event{Kind: GraceExceeded, Attempt: t.attempts, Reason: cutReason(reason)})
}

// abandon gives up on the body, if it runs or is being closed, because it outlived the grace period of the shutdown.
func (t *task) abandon(grace time.Duration, stack string) (snap Snapshot, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closing && (t.current == nil || !t.current.begun) {
		return Snapshot{}, false
	}
	if t.state == StateStopping {
		t.enterLocked(StateStuck)
	}
	t.settleLocked(OutcomeAbandoned, ErrTaskStuck.Error())
	t.publishGraceExceededLocked(grace, stack)
	return t.snapshotLocked(), true
}
