package supervisor

import (
	"context"
	"errors"
	"time"
)

// Wait returns the final state of a task once its life has ended; at once, if it has ended already and is still kept. Without retained tasks, or
// after many others have ended, it is therefore only sure to find a life that it began to wait for before the end.
//
// Errors: ErrTaskNotFound; ErrTaskStuck, with the snapshot, when the body has ignored its cancellation for the whole grace period, be it for a
// removal, a timeout or the shutdown; the error of ctx. To wait on for a body that is stuck, call Remove with a longer grace.
func (s *Supervisor) Wait(ctx context.Context, ref Ref) (Snapshot, error) {
	t, err := s.find(ref)
	if err != nil {
		return Snapshot{}, err
	}
	snap, err := t.await(ctx, nil, (*task).endedOrStuckLocked)
	if err == nil {
		err = t.stuckError(&snap)
	}
	return snap, err
}

// stuckError says that the body is stuck; nil when it is not.
func (t *task) stuckError(snap *Snapshot) error {
	if snap.State == StateStuck || snap.Outcome == OutcomeAbandoned {
		return &TaskError{Name: t.spec.Name, UID: t.uid, Err: ErrTaskStuck}
	}
	return nil
}

// endedLocked reports whether nobody needs to wait for the end of the life any more.
func (t *task) endedLocked() bool { return t.outcome != 0 }

func (t *task) endedOrStuckLocked() bool { return t.endedLocked() || t.state == StateStuck }

// errOver says that the time to wait is over.
var errOver = errors.New("the time is over")

// await waits until the condition, which is one of those that announceLocked is called for, is true, and returns the task as it is then. The
// error is that of ctx, or errOver when over came first; never if the condition is true as well.
func (t *task) await(ctx context.Context, over <-chan time.Time, isTrue func(*task) bool) (Snapshot, error) {
	var err error
	for {
		snap, news := t.look(isTrue)
		if news == nil || err != nil {
			if news == nil {
				err = nil
			}
			return snap, err
		}
		select {
		case <-news:
		case <-over:
			err = errOver
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
}

// look returns the task as it is, and a channel that announces news unless the condition is true.
func (t *task) look(isTrue func(*task) bool) (snap Snapshot, news <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if isTrue(t) {
		return t.snapshotLocked(), nil
	}
	if t.news == nil {
		t.news = make(chan struct{})
	}
	return t.snapshotLocked(), t.news
}

// announceLocked makes those who wait look again: the life has ended, was abandoned, or its body is stuck.
func (t *task) announceLocked() {
	if t.news != nil {
		close(t.news)
		t.news = nil
	}
}
