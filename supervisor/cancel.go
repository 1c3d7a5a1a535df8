package supervisor

import (
	"errors"
	"fmt"
	"time"
)

// cancelLife asks for the end of the life, for the reason cause: ErrRemoved or ErrShutdown. The first to ask wins; later ones join
// the same end. grace is how long the body has before it counts as stuck; 0 leaves that to the caller.
func (t *task) cancelLife(cause error, grace time.Duration) (first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.canceled != nil || t.outcome != 0 || t.ending {
		return false // on its end already
	}
	t.canceled = cause
	if errors.Is(cause, ErrRemoved) {
		t.publishLocked(&Event{Kind: TaskRemoveRequested, Reason: cause.Error()})
	}
	wasIn := t.state
	if wasIn != StateStopping && wasIn != StateStuck { // an attempt that timed out is there already
		t.enterLocked(StateStopping)
	}
	if a := t.current; a != nil {
		stopTimer(a.timer)
		a.cancel(cause)
		if grace > 0 && a.begun && wasIn != StateStuck {
			t.armGraceLocked(a, grace)
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

// armGraceLocked starts the time after which a body that was canceled counts as stuck.
func (t *task) armGraceLocked(a *attempt, grace time.Duration) {
	stopTimer(t.grace)
	t.grace = time.AfterFunc(grace, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.stuckLocked(a, grace)
	})
}

// stuckLocked reports that the body did not return within the grace period.
func (t *task) stuckLocked(a *attempt, grace time.Duration) {
	if t.current != a || t.state != StateStopping {
		return // it did return, or was reported before
	}
	t.enterLocked(StateStuck)
	t.publishGraceExceededLocked(a, grace)
}

func (t *task) publishGraceExceededLocked(a *attempt, grace time.Duration) {
	t.publishLocked(&Event{Kind: GraceExceeded, Attempt: a.number, Reason: fmt.Sprintf("the body did not return within %s of its cancellation", grace)})
}

// abandon gives up on the body, if one runs, because it outlived the grace period of the shutdown.
func (t *task) abandon(grace time.Duration) (snap Snapshot, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current == nil || !t.current.begun {
		return Snapshot{}, false
	}
	if t.state == StateStopping {
		t.enterLocked(StateStuck)
	}
	t.settleLocked(OutcomeAbandoned)
	t.publishGraceExceededLocked(t.current, grace)
	return t.snapshotLocked(), true
}
