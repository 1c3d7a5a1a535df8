package supervisor

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// DefaultSlotQueue is how many tasks may wait for one slot, unless Config.SlotQueue says otherwise.
const DefaultSlotQueue = 100

// Errors of admission, wrapped in a *SlotError.
var (
	// ErrSlotBusy says that the slot is owned and the policy was DropIfRunning.
	ErrSlotBusy = errors.New("the slot is owned by another task")
	// ErrQueueFull says that as many tasks wait for the slot as Config.SlotQueue allows.
	ErrQueueFull = errors.New("the queue of the slot is full")
)

// SlotError says why a slot refused a task. It unwraps to ErrSlotBusy or ErrQueueFull.
type SlotError struct {
	Slot  string
	Owner UID // of the slot; zero when that is a task of the same batch, which was refused as a whole
	Limit int // of the queue
	Err   error
}

// Error names the slot, and its owner or its limit.
func (e *SlotError) Error() string {
	switch {
	case errors.Is(e.Err, ErrQueueFull):
		return fmt.Sprintf("slot %q: %v: %d tasks wait", e.Slot, e.Err, e.Limit)
	case e.Owner.IsZero():
		return fmt.Sprintf("slot %q: %v of the same batch", e.Slot, e.Err)
	default:
		return fmt.Sprintf("slot %q: %v (uid %s)", e.Slot, e.Err, e.Owner)
	}
}

// Unwrap returns what is wrong.
func (e *SlotError) Unwrap() error { return e.Err }

// Admission chooses the slot that a task must own to run. At most one task owns a slot at a time, from its admission until its body
// has returned for the last time.
type Admission struct {
	// Slot, named like a task. Default: the name of the task, so that by default no task stands in another's way.
	Slot string
	// Policy for a slot that is owned. Default: AdmitQueue.
	Policy AdmissionPolicy
}

func (a *Admission) validate(v *violations) {
	if a.Slot != "" {
		v.name("admission.slot", a.Slot)
	}
	v.check(a.Policy <= DropIfRunning, "admission.policy", "%s is no admission policy; use QUEUE, REPLACE or DROP_IF_RUNNING", a.Policy)
}

// slot is a slot that is owned. An idle one does not exist, and neither does that of a task which stands in nobody's way and left
// Admission.Slot open: it comes into being when a second task wants it. All of it is guarded by Supervisor.mu.
type slot struct {
	name  string
	state SlotState // as last published
	owner *task
	queue []*task // waits for the slot, the next first
}

// admission is what becomes of a new task.
type admission uint8

const (
	admitStart   admission = iota + 1 // owns its slot and runs
	admitAppend                       // waits at the end of the queue
	admitReplace                      // waits at the head of the queue, in place of who is there, and the owner is told to stop
	rejectBusy
	rejectFull
)

// admit is the table of the controller: what a task meets at a slot in this state with this many tasks in its queue.
func admit(policy AdmissionPolicy, state SlotState, queued, limit int) admission {
	switch {
	case state == SlotIdle:
		return admitStart
	case policy == DropIfRunning:
		return rejectBusy
	case policy == AdmitReplace:
		return admitReplace
	case queued >= limit:
		return rejectFull
	}
	return admitAppend
}

// slotName returns the slot that the task must own.
func (t *task) slotName() string {
	if t.spec.Admission.Slot != "" {
		return t.spec.Admission.Slot
	}
	return t.spec.Name
}

// slotLocked returns the slot if it is owned, nil if it is idle.
func (s *Supervisor) slotLocked(name string) *slot {
	if sl := s.slots[name]; sl != nil {
		return sl
	}
	if owner := s.defaultOwnerLocked(name); owner != nil {
		return s.makeSlotLocked(name, owner)
	}
	return nil
}

// defaultOwnerLocked returns the task that owns a slot which does not exist, because the task left Admission.Slot open and so far nobody else
// wanted it; nil if the slot is idle.
func (s *Supervisor) defaultOwnerLocked(name string) *task {
	if owner := s.byName[name]; owner != nil && owner.slotName() == name {
		return owner
	}
	return nil
}

// viewSlotLocked returns the state of a slot without changing anything.
func (s *Supervisor) viewSlotLocked(name string) (view slotView) {
	if sl := s.slots[name]; sl != nil {
		return slotView{sl.state, sl.owner.uid, len(sl.queue)}
	}
	owner := s.defaultOwnerLocked(name)
	if owner == nil {
		return slotView{state: SlotIdle}
	}
	owner.mu.Lock()
	defer owner.mu.Unlock()
	if owner.canceled != nil {
		return slotView{state: SlotStopping, owner: owner.uid}
	}
	return slotView{state: SlotOwned, owner: owner.uid}
}

// slotView is a slot as far as a task that wants it is concerned.
type slotView struct {
	state  SlotState
	owner  UID // zero for an idle slot, and in a slotPlan for a task of the batch
	queued int
}

func (s *Supervisor) makeSlotLocked(name string, owner *task) *slot {
	sl := &slot{name: name, state: SlotOwned, owner: owner}
	s.slots[name] = sl
	owner.mu.Lock()
	defer owner.mu.Unlock()
	owner.slot = sl
	if owner.canceled != nil {
		sl.state = SlotStopping
	}
	return sl
}

// submitLocked takes a task that may be registered to its slot, and sets snap to what it is then: the caller starts the actor unless the task is
// queued. The error says why the slot refuses it; the life of the task is over then. by is the principal that adds the task.
func (s *Supervisor) submitLocked(t *task, by string, snap *Snapshot) error {
	name := t.slotName()
	sl := s.slots[name]
	if sl == nil && name != t.spec.Name { // else the default owner would be the task that has the name, and there is none
		sl = s.slotLocked(name)
	}
	if sl == nil {
		s.startLocked(t, by, snap)
		return nil
	}
	switch admit(t.spec.Admission.Policy, sl.state, len(sl.queue), s.config.SlotQueue) {
	case admitAppend:
		sl.queue = append(sl.queue, t)
		s.queueLocked(t, sl, by, snap)
	case admitReplace:
		s.supersedeLocked(sl, t, by, snap)
	case rejectBusy:
		return s.refuseLocked(t, sl, by, RejectedSlotBusy, ErrSlotBusy, snap)
	case rejectFull:
		return s.refuseLocked(t, sl, by, RejectedQueueFull, ErrQueueFull, snap)
	case admitStart: // a slot that is idle does not exist
	}
	return nil
}

// startLocked registers a task whose slot is idle.
func (s *Supervisor) startLocked(t *task, by string, snap *Snapshot) {
	s.byName[t.spec.Name] = t
	s.byUID.put(t)
	var sl *slot
	if t.spec.Admission.Slot != "" {
		sl = s.makeSlotLocked(t.spec.Admission.Slot, t)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.enterLocked(StateWaiting)
	e := s.batch.next()
	e.Kind, e.Time, e.Principal = TaskAddRequested, t.created, by
	if sl != nil {
		sl.describe(s.batch.next(), SlotIdle)
	}
	e = s.batch.next()
	e.Kind, e.Time, e.Slot = TaskAdded, t.created, t.slotName()
	if wait := t.awaitRunLocked(t.created); wait != nil {
		*s.batch.next() = *wait
	}
	t.publishBatchLocked()
	*snap = t.snapshotLocked()
}

// queueLocked registers a task that has been put into the queue of its slot.
func (s *Supervisor) queueLocked(t *task, sl *slot, by string, snap *Snapshot) {
	s.byName[t.spec.Name] = t
	s.byUID.put(t)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.slot = sl
	t.enterLocked(StateQueued)
	t.publishLocked(&Event{Kind: TaskAddRequested, Principal: by})
	t.publishLocked(&Event{Kind: ControllerSubmitted, Slot: sl.name, Depth: len(sl.queue)})
	*snap = t.snapshotLocked()
}

// supersedeLocked makes t the next owner, in place of who was to be that, and tells the owner to stop unless it was told before.
func (s *Supervisor) supersedeLocked(sl *slot, t *task, by string, snap *Snapshot) {
	if len(sl.queue) == 0 {
		sl.queue = append(sl.queue, t)
	} else {
		displaced := sl.queue[0]
		sl.queue[0] = t
		s.rejectLocked(displaced, sl, RejectedSuperseded)
	}
	s.queueLocked(t, sl, by, snap)
	s.cancelOwnerLocked(sl.owner, demand{&ReplacedError{Name: t.spec.Name, UID: t.uid}, s.config.Grace, by})
}

// refuseLocked ends the life of a task that was never registered.
func (s *Supervisor) refuseLocked(t *task, sl *slot, by string, why Rejection, err error, snap *Snapshot) error {
	s.byUID.put(t)
	t.mu.Lock()
	t.publishLocked(&Event{Kind: TaskAddRequested, Principal: by})
	t.mu.Unlock()
	s.rejectLocked(t, sl, why)
	*snap = t.snapshot()
	return &TaskError{
		Name: t.spec.Name, UID: t.uid, Err: &SlotError{Slot: sl.name, Owner: sl.owner.uid, Limit: s.config.SlotQueue, Err: err},
	}
}

// rejectLocked ends the life of a task that will never run. It is no longer, or never was, in the queue.
func (s *Supervisor) rejectLocked(t *task, sl *slot, why Rejection) {
	t.mu.Lock()
	defer t.mu.Unlock()
	reason := why.reason(sl.name)
	if t.state != 0 { // else the caller is told that the slot refuses it, and keeps the body
		t.discard()
	}
	s.endLocked(t, OutcomeRejected, reason, time.Now())
	t.publishLocked(&Event{Kind: ControllerRejected, Slot: sl.name, Rejection: why, Reason: reason})
	t.publishLocked(&Event{Kind: TaskRemoved, Outcome: OutcomeRejected, Reason: reason})
}

// cancelQueuedLocked ends the life of a task that still waits for its slot.
func (s *Supervisor) cancelQueuedLocked(t *task, d demand) (first bool) {
	cause := d.cause
	sl := t.slot
	sl.queue = slices.DeleteFunc(sl.queue, func(q *task) bool { return q == t })
	t.publishLocked(&Event{Kind: TaskRemoveRequested, Reason: cause.Error(), Principal: d.by})
	s.endLocked(t, OutcomeCanceled, cause.Error(), time.Now())
	t.publishLocked(&Event{Kind: TaskRemoved, Outcome: OutcomeCanceled, Reason: cause.Error()})
	t.discard()
	return true
}

// vacateLocked takes the slot from its owner, whose life has ended, and puts the event about that into the batch. An idle slot ceases to exist.
func (s *Supervisor) vacateLocked(sl *slot) {
	if len(sl.queue) > 0 {
		return // the next one takes it over at once
	}
	delete(s.slots, sl.name)
	from := sl.state
	sl.state = SlotIdle
	sl.describe(s.batch.next(), from)
}

// passSlotLocked starts the task that waits for the slot of a life that has ended, if any.
func (s *Supervisor) passSlotLocked(sl *slot) {
	if len(sl.queue) > 0 {
		go s.nextOwnerLocked(sl).live()
	}
}

// nextOwnerLocked gives the slot of a life that has ended to the task that waits for it, which there is, and returns that: the caller starts its
// actor.
func (s *Supervisor) nextOwnerLocked(sl *slot) *task {
	t := sl.queue[0]
	sl.queue = slices.Delete(sl.queue, 0, 1)
	t.mu.Lock()
	defer t.mu.Unlock()
	from := sl.state
	sl.owner, sl.state = t, SlotOwned
	t.enterLocked(StateWaiting)
	sl.publishLocked(t, from)
	now := time.Now()
	t.publishLocked(&Event{Kind: TaskAdded, Time: now, Slot: sl.name})
	if wait := t.awaitRunLocked(now); wait != nil {
		t.publishLocked(wait)
	}
	return t
}

// publishLocked tells of a change of the slot's state because of t, whose lock is held.
func (sl *slot) publishLocked(t *task, from SlotState) {
	var e Event
	sl.describe(&e, from)
	t.publishLocked(&e)
}

// describe makes e, which is zero, the event about a change of the slot's state.
func (sl *slot) describe(e *Event, from SlotState) {
	e.Kind, e.Slot, e.PreviousSlotState, e.SlotState, e.Depth = ControllerSlotTransition, sl.name, from, sl.state, len(sl.queue)
}

// PurgeSlot rejects all tasks that wait for the slot and returns how many there were. The owner goes on.
func (s *Supervisor) PurgeSlot(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	sl := s.slots[name]
	if sl == nil {
		return 0
	}
	return s.rejectQueueLocked(sl, RejectedPurged)
}

func (s *Supervisor) rejectQueueLocked(sl *slot, why Rejection) int {
	queue := sl.queue
	sl.queue = nil
	for _, t := range queue {
		s.rejectLocked(t, sl, why)
	}
	return len(queue)
}

// SlotSnapshot is the state of a slot at one moment.
type SlotSnapshot struct {
	Name  string
	State SlotState
	Owner UID   // zero for an idle slot
	Queue []UID // the next first
}

// Slot returns the state of a slot. Every name is that of a slot, an idle one unless a task owns it.
func (s *Supervisor) Slot(name string) SlotSnapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	view := s.viewSlotLocked(name)
	snap := SlotSnapshot{Name: name, State: view.state, Owner: view.owner}
	if sl := s.slots[name]; sl != nil {
		for _, t := range sl.queue {
			snap.Queue = append(snap.Queue, t.uid)
		}
	}
	return snap
}
