package supervisor

import (
	"context"
	"errors"
	"fmt"
)

// Run is a Supervisor's whole life with a fixed set of tasks: it registers all of specs or, when one cannot be, none; returns
// when all have ended, or ctx is done, and the supervisor has shut down.
//
// Error: why the tasks could not be registered, as Add says it: the supervisor is as it was then. Else the ends of tasks with another
// outcome than OutcomeCompleted or OutcomeCanceled, joined with the error of the shutdown.
func (s *Supervisor) Run(ctx context.Context, specs ...Spec) error {
	tasks, err := s.addAll(ctx, specs)
	if err != nil {
		return err
	}
	for _, t := range tasks {
		if _, err := t.await(ctx, nil, (*task).endedLocked); err != nil {
			break // ctx is done: the shutdown ends the others
		}
	}
	err = s.Shutdown(context.WithoutCancel(ctx))
	return errors.Join(endError(tasks), err)
}

// Start registers all of specs or, when one cannot be, none, and returns. Tasks can be added and removed afterwards. When ctx is done, the
// supervisor shuts down; call Shutdown to wait for that and to learn how it went.
//
// Error: why the tasks could not be registered, as Add says it: the supervisor is as it was then, and has nothing to do with ctx.
func (s *Supervisor) Start(ctx context.Context, specs ...Spec) error {
	if _, err := s.addAll(ctx, specs); err != nil {
		return err
	}
	detach := context.AfterFunc(ctx, s.beginShutdown)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		detach()
	} else {
		s.detach = append(s.detach, detach)
	}
	return nil
}

// addAll registers all tasks in one step, or none.
func (s *Supervisor) addAll(ctx context.Context, specs []Spec) ([]*task, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	tasks := make([]*task, len(specs))
	names := make(map[string]bool, len(specs))
	for i, spec := range specs {
		if err := spec.Validate(); err != nil {
			return nil, fmt.Errorf("task %d, %q: %w", i, spec.Name, err)
		}
		if names[spec.Name] {
			return nil, fmt.Errorf("task %d: %w", i, &TaskError{Name: spec.Name, Err: ErrTaskExists})
		}
		names[spec.Name] = true
		tasks[i] = s.newTask(spec)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.admitAllLocked(tasks); err != nil {
		return nil, err
	}
	by := Principal(ctx)
	for _, t := range tasks {
		var snap Snapshot
		if err := s.submitLocked(t, by, &snap); err != nil {
			panic(fmt.Sprintf("supervisor: a batch that was admitted was refused: %v", err))
		}
		if snap.started() {
			go t.live()
		}
	}
	return tasks, nil
}

// admitAllLocked reports why one of the tasks cannot be registered; nil when all can, one after the other.
func (s *Supervisor) admitAllLocked(tasks []*task) error {
	if s.closing.Load() {
		return ErrShutdown
	}
	plan := slotPlan{sup: s}
	for i, t := range tasks {
		err := s.admitLocked(t, len(tasks))
		if err == nil {
			_, err = plan.submitLocked(t)
		}
		if err != nil {
			return fmt.Errorf("task %d: %w", i, err)
		}
	}
	return nil
}

// slotPlan foresees what becomes of new tasks at their slots, one after the other, and changes nothing. All of it needs Supervisor.mu.
type slotPlan struct {
	sup   *Supervisor
	slots map[string]*slotView
}

// submitLocked says in which state the task would be registered, or why its slot would refuse it.
func (p *slotPlan) submitLocked(t *task) (State, error) {
	sl, limit := p.slotLocked(t.slotName()), p.sup.config.SlotQueue
	err := error(nil)
	switch admit(t.spec.Admission.Policy, sl.state, sl.queued, limit) {
	case admitStart:
		sl.state = SlotOwned
		return t.firstState(), nil
	case admitAppend:
		sl.queued++
		return StateQueued, nil
	case admitReplace:
		sl.state, sl.queued = SlotStopping, max(sl.queued, 1)
		return StateQueued, nil
	case rejectBusy:
		err = ErrSlotBusy
	case rejectFull:
		err = ErrQueueFull
	}
	return 0, &TaskError{Name: t.spec.Name, Err: &SlotError{Slot: t.slotName(), Owner: sl.owner, Limit: limit, Err: err}}
}

func (p *slotPlan) slotLocked(name string) *slotView {
	if p.slots == nil {
		p.slots = map[string]*slotView{}
	}
	if p.slots[name] == nil {
		view := p.sup.viewSlotLocked(name)
		p.slots[name] = &view
	}
	return p.slots[name]
}

// Rehearse answers as Add would at this moment, and changes nothing: it returns the state in which the task would be registered, StateWaiting,
// StateBackoff when it waits for the first time of its schedule, or StateQueued, or the error of Add.
func (s *Supervisor) Rehearse(spec Spec) (State, error) {
	if err := spec.Validate(); err != nil {
		return 0, err
	}
	t := &task{sup: s, spec: s.specs.compact(&spec)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.admitLocked(t, 1); err != nil {
		return 0, err
	}
	plan := slotPlan{sup: s}
	return plan.submitLocked(t)
}

// endError joins the ends of the tasks that did not end well.
func endError(tasks []*task) error {
	var all []error
	for _, t := range tasks {
		end := t.snapshot()
		if end.Outcome == OutcomeCompleted || end.Outcome == OutcomeCanceled || end.Outcome == OutcomeAbandoned {
			continue // the abandoned ones are in the error of the shutdown
		}
		all = append(all, &TaskError{Name: t.spec.Name, UID: t.uid, Err: &EndError{end}})
	}
	return errors.Join(all...)
}

// EndError says how a life ended that did not end well. It unwraps to the error with which the last attempt failed, if one did.
type EndError struct{ End Snapshot }

// Error has the outcome, and the reason.
func (e *EndError) Error() string {
	if e.End.Reason == "" {
		return "ended " + e.End.Outcome.String()
	}
	return "ended " + e.End.Outcome.String() + ": " + e.End.Reason
}

// Unwrap returns the error with which the last attempt failed.
func (e *EndError) Unwrap() error {
	if e.End.LastError == nil {
		return nil
	}
	return e.End.LastError.Err
}
