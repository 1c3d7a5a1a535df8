package supervisor

import (
	"context"
	"errors"
	"time"
)

// Remove cancels a task and returns its final state once its body has returned. The first call to remove a task wins, later ones join the
// same removal and wait for it with a grace of their own. A life that has ended already is returned as it ended. grace is how long
// the body has to return; 0 stands for Config.Grace. A Replace that waits for a task which is removed by name ends with ErrSuperseded.
//
// Errors: ErrTaskNotFound; ErrTaskStuck, with the snapshot, when grace ran out first: the task is then removed as soon as its body
// returns; the error of ctx, which does not take the removal back.
func (s *Supervisor) Remove(ctx context.Context, ref Ref, grace time.Duration) (Snapshot, error) {
	t, err := s.findToRemove(ref)
	if err != nil {
		return Snapshot{}, err
	}
	if grace <= 0 {
		grace = s.config.Grace
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	first := s.cancel(t, demand{ErrRemoved, grace, Principal(ctx)})
	snap, err := t.await(ctx, timer.C, (*task).endedLocked)
	if errors.Is(err, errOver) {
		return t.overdue(first, grace)
	}
	if err == nil {
		err = t.stuckError(&snap)
	}
	return snap, err
}

// findToRemove is find. Who removes a name wants nobody to have it, so a Replace of it that waits must not go on.
func (s *Supervisor) findToRemove(ref Ref) (*task, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ref.uid.IsZero() {
		s.dropReplacementLocked(ref.name, ErrSuperseded)
	}
	return s.findLocked(ref)
}

// overdue answers a removal whose grace ran out. The first remover's grace is that of the task.
func (t *task) overdue(first bool, grace time.Duration) (Snapshot, error) {
	t.mu.Lock()
	a, closing := t.current, t.closing
	t.mu.Unlock()
	if first && (a != nil || closing) {
		t.graceOver(a, grace)
	}
	final := t.snapshot()
	if final.State == StateFinished {
		return final, nil
	}
	return final, &TaskError{Name: t.spec.Name, UID: t.uid, Err: ErrTaskStuck}
}
