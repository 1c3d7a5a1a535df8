package supervisor

import (
	"context"
	"maps"
	"sync/atomic"
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
	counts  *counts              // safe for concurrent use

	mu registryLock // guards what is below. Order: Supervisor.mu, then task.mu, then the event log's own lock.

	byName   map[string]*task // live tasks
	byUID    lives            // live tasks and the finished ones that are kept
	slots    map[string]*slot // that tasks own, but for those that only their default owner wants
	retained retained
	// replacements wait for the live tasks of these names to end.
	replacements map[string]*replacement
	batch        batch         // events that task.publishBatchLocked is about to publish
	closing      atomic.Bool   // admission is closed; written under mu, read under task.mu as well
	detach       []func() bool // ends what Start asked of its context
	drained      chan struct{} // closed when the last live task ends after admission was closed

	subscriptions subscriptions // has a lock of its own
	shutdown      shutdown
}

// New returns a Supervisor without tasks. It starts no goroutine. The error, if any, is a *SpecError about the config.
func New(config Config) (*Supervisor, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	s := &Supervisor{
		config:        config,
		epoch:         newUID().String(),
		counts:        new(counts),
		byName:        map[string]*task{},
		byUID:         lives{},
		slots:         map[string]*slot{},
		replacements:  map[string]*replacement{},
		retained:      retained{limit: max(config.RetainedTasks, 0), age: config.RetainedAge},
		drained:       make(chan struct{}),
		subscriptions: subscriptions{byName: map[string]*Subscription{}},
		shutdown:      shutdown{done: make(chan struct{})},
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

// Add registers a task and starts it, or queues it behind others for its slot. It returns the task as registered, without waiting for
// an attempt.
//
// Errors: *SpecError for a bad spec; ErrTaskExists, with the uid of the live task in the *TaskError; ErrTaskLimit; ErrShutdown; the
// error of ctx if that is done already: after those, nothing has changed. ErrSlotBusy or ErrQueueFull, as *SlotError inside the *TaskError, when its
// slot refuses the task: its life is then on record, with OutcomeRejected.
func (s *Supervisor) Add(ctx context.Context, spec Spec) (snap Snapshot, err error) {
	if err := ctx.Err(); err != nil {
		return Snapshot{}, err
	}
	if err := spec.Validate(); err != nil {
		return Snapshot{}, err
	}
	t := s.newTask(spec)
	err = s.register(t, Principal(ctx), &snap)
	if snap.started() {
		go t.live() // not under the lock, which it would hold for twice as long
	}
	return snap, err
}

// register registers the task and sets snap to what it is then.
func (s *Supervisor) register(t *task, by string, snap *Snapshot) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.admitLocked(t, 1); err != nil {
		return err
	}
	return s.submitLocked(t, by, snap)
}

func (s *Supervisor) newTask(spec Spec) *task {
	spec.Labels = maps.Clone(spec.Labels)
	now := time.Now()
	t := &task{sup: s, uid: newUIDAt(now), spec: s.specs.compact(&spec), created: now, generation: 1}
	if spec.CaptureOutput {
		t.capture = newCapture(&s.config)
	}
	return t
}

// admitLocked reports why the task, the last of n new ones, cannot be registered now; nil when it can.
func (s *Supervisor) admitLocked(t *task, n int) error {
	name := t.spec.Name
	if s.closing.Load() {
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

// endLocked makes a life one that has ended: it frees the name and answers those who wait.
func (s *Supervisor) endLocked(t *task, outcome Outcome, reason string, at time.Time) {
	if t.state != 0 { // else its slot refused it, and the name is that of another task
		delete(s.byName, t.spec.Name)
	}
	t.enterLocked(StateFinished)
	t.due = at
	t.settleLocked(outcome, reason)
	s.forgetLocked(t)
}

// forgetLocked keeps a life that has ended for a while, and tells when it was the last one.
func (s *Supervisor) forgetLocked(t *task) {
	if s.retained.limit == 0 {
		s.byUID.remove(t)
	} else {
		s.retained.keep(t, s.byUID)
	}
	if s.closing.Load() && len(s.byName) == 0 { // closing: nothing is refused any more, so this is a live task's end
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
