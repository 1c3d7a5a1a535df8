package supervisor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// shutdown is the one shutdown of a Supervisor; everyone who asks for one shares it.
type shutdown struct {
	once sync.Once
	done chan struct{} // closed when err is set
	err  error         // immutable once done is closed
}

// StuckError names the tasks whose bodies outlived the grace period of the shutdown. It matches ErrTaskStuck.
type StuckError struct{ Tasks []Snapshot }

// Error names the tasks.
func (e *StuckError) Error() string {
	names := make([]string, len(e.Tasks))
	for i, t := range e.Tasks {
		names[i] = fmt.Sprintf("%q", t.Spec.Name)
	}
	return fmt.Sprintf("%d tasks did not stop within the grace period: %s", len(names), strings.Join(names, ", "))
}

// Is makes every StuckError match ErrTaskStuck.
func (e *StuckError) Is(target error) bool { return target == ErrTaskStuck }

// Shutdown stops the supervisor for good: it closes admission, cancels all tasks at once, waits for them within one Config.Grace,
// publishes the verdict, AllStoppedWithinGrace or one GraceExceeded for each stuck task, and closes the event log, so that readers end once they have
// read the tail. The first call does so, all others share its result.
//
// Errors: *StuckError when bodies outlived the grace; the error of ctx, which ends the wait of this caller but not the shutdown.
func (s *Supervisor) Shutdown(ctx context.Context) error {
	s.shutdown.once.Do(func() { go s.shutDown() })
	select {
	case <-s.shutdown.done:
		return s.shutdown.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Supervisor) shutDown() {
	s.closeAdmission()
	grace := time.NewTimer(s.config.Grace)
	defer grace.Stop()
	select {
	case <-s.drained:
	case <-grace.C:
	}
	s.shutdown.err = s.verdict()
	s.log.Close()
	close(s.shutdown.done)
}

// closeAdmission refuses new tasks from now on, and cancels all there are. That precedes the event, and no task can end meanwhile for want
// of Supervisor.mu, so that no attempt starts after the event: neither in the place of one that was canceled nor at the end of a backoff.
func (s *Supervisor) closeAdmission() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	for _, t := range s.byName {
		t.cancelLife(ErrShutdown, 0) // one timer serves all
	}
	s.log.Append(&Event{Kind: ShutdownRequested, Reason: ErrShutdown.Error()})
	if len(s.byName) == 0 {
		close(s.drained)
	}
}

// verdict publishes how the shutdown went, and abandons the tasks whose bodies still run. Tasks that are live but have no body
// running are about to finish, and need nobody's help to do so.
func (s *Supervisor) verdict() error {
	var stuck []Snapshot
	for _, t := range s.live() {
		if snap, ok := t.abandon(s.config.Grace); ok {
			stuck = append(stuck, snap)
		} else {
			<-t.doneChan()
		}
	}
	if stuck == nil {
		s.log.Append(&Event{Kind: AllStoppedWithinGrace})
		return nil
	}
	return &StuckError{stuck}
}

// live returns the live tasks, sorted by name.
func (s *Supervisor) live() []*task {
	s.mu.Lock()
	live := slices.Collect(maps.Values(s.byName))
	s.mu.Unlock()
	slices.SortFunc(live, func(a, b *task) int { return strings.Compare(a.spec.Name, b.spec.Name) })
	return live
}

// Run is a Supervisor's whole life with a fixed set of tasks: it registers all of specs or, when one cannot be, none; returns
// when all have ended, or ctx is done, and the supervisor has shut down.
//
// Error: why the tasks could not be registered; else the ends of tasks with another outcome than OutcomeCompleted or OutcomeCanceled, joined
// with the error of the shutdown.
func (s *Supervisor) Run(ctx context.Context, specs ...Spec) error {
	tasks, err := s.addAll(ctx, specs)
	if err != nil {
		return err
	}
	for _, t := range tasks {
		if _, err := t.wait(ctx); err != nil {
			break // ctx is done: the shutdown ends the others
		}
	}
	err = s.Shutdown(context.WithoutCancel(ctx))
	return errors.Join(endError(tasks), err)
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
	for i, t := range tasks {
		if err := s.admitLocked(t, len(tasks)); err != nil {
			return nil, fmt.Errorf("task %d: %w", i, err)
		}
	}
	for _, t := range tasks {
		s.registerLocked(t)
	}
	return tasks, nil
}

// endError joins the ends of the tasks that did not end well.
func endError(tasks []*task) error {
	var all []error
	for _, t := range tasks {
		end := t.snapshot()
		if end.Outcome != OutcomeFailed && end.Outcome != OutcomeFatal {
			continue
		}
		err := fmt.Errorf("ended %s", end.Outcome)
		if end.LastError != nil {
			err = fmt.Errorf("ended %s: %w", end.Outcome, end.LastError.Err)
		}
		all = append(all, &TaskError{Name: t.spec.Name, UID: t.uid, Err: err})
	}
	return errors.Join(all...)
}
