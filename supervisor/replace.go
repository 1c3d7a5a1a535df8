package supervisor

import (
	"context"
	"errors"
	"slices"
	"time"
)

// ErrSuperseded says that a later request for the same name took the place of this one while it waited: another Replace, or a Remove by name.
var ErrSuperseded = errors.New("a later request for this name took the place of this one")

// Replace registers a task in place of the live task of the same name, which it tells to stop; without one it does as Add. It returns the new
// task as registered, once the old body has returned. The new task has a uid of its own, a Generation that is one higher, and takes over what the
// old one had: its name, which nobody else can get in between, and if both want the same slot its place there too, whatever the
// policy: that of the owner, or the one in the queue. Another slot it goes to as Add does.
//
// The replacement waits for at most Config.Grace. It goes on when ctx ends: the old task was told to stop and cannot be told otherwise, so to give
// up would leave neither of the two. While it waits the old task has the name: Get and List show it, Add is refused. The last request for a
// name counts: another Replace takes the place of the one that waits, and a Remove by name ends it, both without telling the old task
// again. A Remove by uid is about the old life alone, and the new task starts when it is over.
//
// Errors, after which nothing has changed: *SpecError for a bad spec; ErrShutdown; ErrTaskLimit, where there is nothing to replace; the error of
// ctx if that is done already; ErrSlotBusy or ErrQueueFull when another slot that the new task wants would refuse it now. Errors after
// which the old task is on its end and the new one was not and will not be started: ErrTaskStuck, with the uid of the old task, when its
// body did not return in time; ErrSuperseded; ErrShutdown. When that other slot refuses the task only after the wait, its life is on
// record, with OutcomeRejected, as it is with Add. The error of ctx says that the replacement goes on. Whoever gets it has given the body away: a Closer
// is closed when its life ends, or when that does not begin.
func (s *Supervisor) Replace(ctx context.Context, spec Spec) (snap Snapshot, err error) {
	if err := ctx.Err(); err != nil {
		Discard(spec.Task)
		return Snapshot{}, err
	}
	if err := spec.Validate(); err != nil {
		return Snapshot{}, err
	}
	t := s.newTask(spec)
	r, err := s.replace(t, Principal(ctx), &snap)
	if r == nil {
		if snap.started() {
			go t.live()
		}
		return snap, err
	}
	return r.await(ctx)
}

// RehearseReplace answers as Replace would if the live task stopped at once, and changes nothing: it returns the state in which the new task
// would be registered, as Rehearse does, or the error of Replace.
func (s *Supervisor) RehearseReplace(spec Spec) (State, error) {
	if err := spec.Validate(); err != nil {
		return 0, err
	}
	t := &task{sup: s, spec: s.specs.compact(&spec)}
	s.mu.Lock()
	defer s.mu.Unlock()
	old, err := s.admitReplaceLocked(t)
	if err != nil {
		return 0, err
	}
	if old != nil && old.slotName() == t.slotName() {
		if old.isQueued() {
			return StateQueued, nil
		}
		return t.firstState(), nil
	}
	plan := slotPlan{sup: s}
	return plan.submitLocked(t)
}

// replacement is a task that is to have the name of another one as soon as the body of that has returned. It is not registered yet: it has no
// life, no event tells of it, and nobody finds it. All of it is guarded by Supervisor.mu, but for what is said to be something else.
type replacement struct {
	task  *task
	old   *task       // that has the name
	by    string      // the principal that asked for it
	first bool        // this replacement told the old task to stop, so that the grace of the old task is its own
	timer *time.Timer // ends the wait

	done chan struct{} // closed when the replacement is settled
	left bool          // nobody waits for the answer
	snap Snapshot      // of the task as registered; immutable once done is closed
	err  error         // why it was not; immutable once done is closed
}

// await waits for the answer.
func (r *replacement) await(ctx context.Context) (Snapshot, error) {
	select {
	case <-r.done:
		return r.snap, r.err
	case <-ctx.Done():
	}
	s := r.task.sup
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-r.done: // both at once
		return r.snap, r.err
	default:
		r.left = true
		return Snapshot{}, ctx.Err()
	}
}

// replace registers the task at once and sets snap, or returns the replacement that is to be waited for.
func (s *Supervisor) replace(t *task, by string, snap *Snapshot) (*replacement, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, err := s.admitReplaceLocked(t)
	if err != nil {
		return nil, err
	}
	if old == nil {
		return nil, s.submitLocked(t, by, snap)
	}
	t.generation = old.generation + 1
	d := demand{&ReplacedError{Name: t.spec.Name}, s.config.Grace, by}
	if old.isQueued() {
		return nil, s.replaceQueuedLocked(old, t, d, snap)
	}
	s.dropReplacementLocked(t.spec.Name, ErrSuperseded)
	r := &replacement{task: t, old: old, by: by, done: make(chan struct{})}
	r.first = s.cancelOwnerLocked(old, d)
	r.timer = time.AfterFunc(s.config.Grace, func() { s.overdue(r) })
	s.replacements[t.spec.Name] = r
	return r, nil
}

// admitReplaceLocked returns the live task that t is to replace, nil when there is none, or why t cannot be registered.
func (s *Supervisor) admitReplaceLocked(t *task) (old *task, err error) {
	old = s.byName[t.spec.Name]
	if old == nil {
		return nil, s.admitLocked(t, 1)
	}
	if s.closing.Load() {
		return nil, &TaskError{Name: t.spec.Name, Err: ErrShutdown}
	}
	if old.slotName() != t.slotName() {
		plan := slotPlan{sup: s}
		_, err = plan.submitLocked(t)
	}
	return old, err
}

func (t *task) isQueued() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state == StateQueued
}

// replaceQueuedLocked puts t in the place of a task that still waits for its slot, and so has no body that would have to return.
func (s *Supervisor) replaceQueuedLocked(old, t *task, d demand, snap *Snapshot) error {
	sl := old.slot
	place := slices.Index(sl.queue, old)
	old.mu.Lock()
	s.cancelQueuedLocked(old, d)
	old.mu.Unlock()
	t.bear(time.Now())
	if t.slotName() != sl.name {
		return s.submitLocked(t, d.by, snap)
	}
	sl.queue = slices.Insert(sl.queue, place, t)
	s.queueLocked(t, sl, d.by, snap)
	return nil
}

// bear gives a task, which is about to be registered, a life that begins now.
func (t *task) bear(now time.Time) { t.uid, t.created = newUIDAt(now), now }

// takeReplacementLocked returns the task that is to follow one whose life is about to end; nil for none. If it is to have the same slot, it has
// the next place there.
//
//go:noinline
func (s *Supervisor) takeReplacementLocked(old *task) *replacement {
	r := s.replacements[old.spec.Name]
	if r == nil {
		return nil
	}
	delete(s.replacements, old.spec.Name)
	if sl := old.slot; sl != nil && sl.name == r.task.slotName() {
		sl.queue = slices.Insert(sl.queue, 0, r.task)
	}
	return r
}

// startReplacementLocked registers the task of r, whose predecessor has ended, and answers those who wait for it. left is the slot that
// the predecessor had, nil if nobody else wanted that.
//
//go:noinline
func (s *Supervisor) startReplacementLocked(r *replacement, left *slot) {
	t := r.task
	t.bear(time.Now())
	if left != nil && left.name == t.slotName() {
		s.byName[t.spec.Name] = t
		s.byUID.put(t)
		t.mu.Lock()
		t.slot = left
		t.publishLocked(&Event{Kind: TaskAddRequested, Time: t.created, Principal: r.by})
		t.mu.Unlock()
		s.nextOwnerLocked(left)
		r.snap = t.snapshot()
	} else {
		if left != nil {
			s.passSlotLocked(left)
		}
		r.err = s.submitLocked(t, r.by, &r.snap)
	}
	if r.snap.started() {
		go t.live()
	}
	r.settle()
}

// settle answers those who wait.
func (r *replacement) settle() {
	r.timer.Stop()
	if r.err != nil && r.left {
		r.task.discard() // nobody else knows that it will not run
	}
	close(r.done)
}

// dropReplacementLocked gives up the replacement that waits for the name, if one does.
func (s *Supervisor) dropReplacementLocked(name string, why error) {
	r := s.replacements[name]
	if r == nil {
		return
	}
	delete(s.replacements, name)
	r.err = &TaskError{Name: name, Err: why}
	if errors.Is(why, ErrTaskStuck) {
		r.err = &TaskError{Name: name, UID: r.old.uid, Err: why}
	}
	r.settle()
}

// overdue gives up a replacement that has waited for a whole grace period.
func (s *Supervisor) overdue(r *replacement) {
	if _, err := r.old.overdue(r.first, s.config.Grace); err == nil {
		return // the old task has ended: r is settled
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.replacements[r.task.spec.Name] == r {
		s.dropReplacementLocked(r.task.spec.Name, ErrTaskStuck)
	}
}
