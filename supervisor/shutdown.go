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
	noun := "tasks"
	if len(names) == 1 {
		noun = "task"
	}
	return fmt.Sprintf("%d %s did not stop within the grace period: %s", len(names), noun, strings.Join(names, ", "))
}

// Is makes every StuckError match ErrTaskStuck.
func (e *StuckError) Is(target error) bool { return target == ErrTaskStuck }

// Shutdown stops the supervisor for good: it closes admission, cancels all tasks at once, waits for them within one Config.Grace,
// publishes the verdict, AllStoppedWithinGrace or one GraceExceeded for each stuck task, closes the event log, so that readers end once they have
// read the tail, and waits within Config.DrainTimeout for subscribers to take it. The first call does so, all others share its result.
//
// Errors: *StuckError when bodies outlived the grace and *DrainError when subscribers did not take the tail, or both joined; the error of
// ctx, which ends the wait of this caller but not the shutdown.
func (s *Supervisor) Shutdown(ctx context.Context) error {
	s.beginShutdown()
	select {
	case <-s.shutdown.done:
		return s.shutdown.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Supervisor) beginShutdown() { s.shutdown.once.Do(func() { go s.shutDown() }) }

func (s *Supervisor) shutDown() {
	for _, detach := range s.closeAdmission() {
		detach()
	}
	for _, t := range s.live() {
		s.cancel(t, demand{cause: ErrShutdown}) // one timer serves all
	}
	grace := time.NewTimer(s.config.Grace)
	defer grace.Stop()
	select {
	case <-s.drained:
	case <-grace.C:
	}
	stuck := s.verdict()
	s.log.Close()
	s.shutdown.err = errors.Join(stuck, s.subscriptions.drain(s.config.DrainTimeout))
	close(s.shutdown.done)
}

// closeAdmission refuses new tasks from now on, and rejects those that wait for a slot or a name: they must not start now. It returns what
// detaches the supervisor from the contexts of Start.
func (s *Supervisor) closeAdmission() (detach []func() bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing.Store(true)
	for _, t := range s.byName {
		_ = t.snapshot() // for its lock: an attempt that is about to start does so before the event, or not at all
	}
	s.log.Append(&Event{Kind: ShutdownRequested, Reason: ErrShutdown.Error()})
	for name := range s.replacements {
		s.dropReplacementLocked(name, ErrShutdown)
	}
	for _, sl := range s.slots {
		s.rejectQueueLocked(sl, RejectedShutdown)
	}
	if len(s.byName) == 0 {
		close(s.drained) // else the last of them does so: who waited for a slot was not the last, its owner is live
	}
	return s.detach
}

// verdict publishes how the shutdown went, and abandons the tasks whose bodies still run. Tasks that are live but have no body
// running are about to finish, and need nobody's help to do so.
func (s *Supervisor) verdict() error {
	var stuck []Snapshot
	live := s.live()
	var stacks map[UID]string
	if len(live) > 0 {
		stacks = bodyStacks()
	}
	for _, t := range live {
		if snap, ok := t.abandon(s.config.Grace, stacks[t.uid]); ok {
			stuck = append(stuck, snap)
		} else {
			_, _ = t.await(context.Background(), nil, (*task).endedLocked) // no error without an end of time or context
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
