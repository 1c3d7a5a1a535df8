package supervisor

import (
	"context"
	"maps"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/taskvisor/taskvisor/supervisor/internal/eventlog"
)

// Supervisor runs tasks. All its methods may be called from any goroutine, bodies of tasks included. Make one with New.
type Supervisor struct {
	config  Config               // immutable, defaults filled in
	epoch   string               // immutable: identifies the event log
	log     *eventlog.Log[Event] // has a lock of its own, the innermost of all
	newest  time.Time            // of the newest event; guarded by the lock of the log
	specs   specs                // safe for concurrent use
	permits *semaphore.Weighted  // held by running attempts; nil without a limit

	mu sync.Mutex // guards what is below. Order: Supervisor.mu, then task.mu, then the event log's own lock.

	byName   map[string]*task // live tasks
	byUID    map[UID]*task    // live tasks and the finished ones that are kept
	retained retained
	scratch  Event         // room for task.publishFinishLocked
	closing  bool          // admission is closed
	drained  chan struct{} // closed when the last live task ends after admission was closed

	shutdown shutdown
}

// New returns a Supervisor without tasks. It starts no goroutine. The error, if any, is a *SpecError about the config.
func New(config Config) (*Supervisor, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	s := &Supervisor{
		config:   config,
		epoch:    newUID().String(),
		byName:   map[string]*task{},
		byUID:    map[UID]*task{},
		retained: retained{limit: max(config.RetainedTasks, 0), age: config.RetainedAge},
		drained:  make(chan struct{}),
		shutdown: shutdown{done: make(chan struct{})},
	}
	s.log = eventlog.New(config.EventBuffer, s.stampEvent)
	if config.MaxConcurrent > 0 {
		s.permits = semaphore.NewWeighted(int64(config.MaxConcurrent))
	}
	return s, nil
}

// stampEvent is called under the lock of the log, which is what keeps times in the order of sequences. An event whose Time is set keeps it, unless
// another one with a later time got ahead of it: so one look at the clock, which takes as long as the rest of an append, serves a whole transition.
func (s *Supervisor) stampEvent(e *Event, sequence uint64) {
	e.Sequence = sequence
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	if e.Time.Before(s.newest) {
		e.Time = s.newest
	}
	s.newest = e.Time
}

// Add registers a task and starts it. It returns the task as registered, without waiting for an attempt.
//
// Errors: *SpecError for a bad spec; ErrTaskExists, with the uid of the live task in the *TaskError; ErrTaskLimit; ErrShutdown; the
// error of ctx if that is done already. After an error, nothing has changed.
func (s *Supervisor) Add(ctx context.Context, spec Spec) (Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return Snapshot{}, err
	}
	if err := spec.Validate(); err != nil {
		return Snapshot{}, err
	}
	t := s.newTask(spec)
	if err := s.register(t); err != nil {
		return Snapshot{}, err
	}
	snap := t.snapshot()
	go t.live() // not under the lock, which it would hold for twice as long
	return snap, nil
}

func (s *Supervisor) register(t *task) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.admitLocked(t, 1); err != nil {
		return err
	}
	s.registerLocked(t)
	return nil
}

func (s *Supervisor) newTask(spec Spec) *task {
	spec.Labels = maps.Clone(spec.Labels)
	now := time.Now()
	return &task{sup: s, uid: newUIDAt(now), spec: s.specs.compact(&spec), created: now}
}

// admitLocked reports why the task, the last of n new ones, cannot be registered now; nil when it can.
func (s *Supervisor) admitLocked(t *task, n int) error {
	name := t.spec.Name
	if s.closing {
		return &TaskError{Name: name, Err: ErrShutdown}
	}
	if holder := s.byName[name]; holder != nil {
		return &TaskError{Name: name, UID: holder.uid, Err: ErrTaskExists}
	}
	if s.config.MaxTasks > 0 && len(s.byName)+n > s.config.MaxTasks {
		return &TaskError{Name: name, Err: &TaskLimitError{s.config.MaxTasks}}
	}
	return nil
}

// registerLocked makes an admitted task known. The caller starts its actor.
func (s *Supervisor) registerLocked(t *task) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.byName[t.spec.Name] = t
	s.byUID[t.uid] = t
	t.enterLocked(StateWaiting)
	t.publishLocked(&Event{Kind: TaskAddRequested, Time: t.created})
	t.publishLocked(&Event{Kind: TaskAdded, Time: t.created})
}

// forgetLocked takes a life that has ended off the live ones.
func (s *Supervisor) forgetLocked(t *task) {
	delete(s.byName, t.spec.Name)
	if s.retained.limit == 0 {
		delete(s.byUID, t.uid)
	} else {
		s.retained.keep(t, s.byUID)
	}
	if s.closing && len(s.byName) == 0 {
		close(s.drained)
	}
}

// Get returns the state of a live task, or of a finished one that is still kept. Error: ErrTaskNotFound.
func (s *Supervisor) Get(ref Ref) (Snapshot, error) {
	t, err := s.find(ref)
	if err != nil {
		return Snapshot{}, err
	}
	return t.snapshot(), nil
}

// Wait returns the final state of a task once its life has ended; at once, if it has ended already and is still kept. Without retained tasks, or
// after many others have ended, it is therefore only sure to find a life that it began to wait for before the end.
//
// Errors: ErrTaskNotFound; ErrTaskStuck, with the snapshot, when the supervisor was shut down and the body ignored it; the error of ctx.
func (s *Supervisor) Wait(ctx context.Context, ref Ref) (Snapshot, error) {
	t, err := s.find(ref)
	if err != nil {
		return Snapshot{}, err
	}
	return t.wait(ctx)
}

func (t *task) wait(ctx context.Context) (Snapshot, error) {
	select {
	case <-t.doneChan():
	case <-ctx.Done():
		return t.snapshot(), ctx.Err()
	}
	final := t.snapshot()
	if final.Outcome == OutcomeAbandoned {
		return final, &TaskError{Name: t.spec.Name, UID: t.uid, Err: ErrTaskStuck}
	}
	return final, nil
}

// Remove cancels a task and returns its final state once its body has returned. The first call to remove a task wins, later ones join the
// same removal and wait for it with a grace of their own. A life that has ended already is returned as it ended. grace is how long
// the body has to return; 0 stands for Config.Grace.
//
// Errors: ErrTaskNotFound; ErrTaskStuck, with the snapshot, when grace ran out first: the task is then removed as soon as its body
// returns; the error of ctx, which does not take the removal back.
func (s *Supervisor) Remove(ctx context.Context, ref Ref, grace time.Duration) (Snapshot, error) {
	t, err := s.find(ref)
	if err != nil {
		return Snapshot{}, err
	}
	if grace <= 0 {
		grace = s.config.Grace
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	first := t.cancelLife(ErrRemoved, grace)
	select {
	case <-t.doneChan():
		return t.wait(ctx)
	case <-timer.C:
	case <-ctx.Done():
		return t.snapshot(), ctx.Err()
	}
	return t.overdue(first, grace)
}

// overdue answers a removal whose grace ran out. The first remover's grace is that of the task.
func (t *task) overdue(first bool, grace time.Duration) (Snapshot, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state == StateFinished {
		return t.snapshotLocked(), nil
	}
	if first && t.current != nil {
		t.stuckLocked(t.current, grace)
	}
	return t.snapshotLocked(), &TaskError{Name: t.spec.Name, UID: t.uid, Err: ErrTaskStuck}
}
