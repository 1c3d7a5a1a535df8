package supervisor

import (
	"fmt"
	"slices"
	"testing"
)

// simSlot is the reference model of a slot, DESIGN §4: an owner and a bounded queue, first come first served. Tasks are numbers; what
// happens to them is up to the caller, who is told.
type simSlot struct {
	owner    int // 0: the slot is idle
	stopping bool
	queue    []int
}

// simAdmission is what becomes of a task at its slot, and what it brings about.
type simAdmission struct {
	start, queued, busy, full bool // exactly one of them
	displaced                 int  // task that the new one took the place of
	retire                    bool // the owner is to be told to stop
}

// submit takes a task to the slot, whose queue has room for so many.
func (s *simSlot) submit(task int, policy AdmissionPolicy, room int) (out simAdmission) {
	switch {
	case s.owner == 0:
		s.owner, out.start = task, true
	case policy == DropIfRunning:
		out.busy = true
	case policy == AdmitReplace:
		out.queued, out.retire = true, !s.stopping
		s.stopping = true
		if len(s.queue) > 0 {
			out.displaced, s.queue = s.queue[0], s.queue[1:]
		}
		s.queue = slices.Insert(s.queue, 0, task)
	case len(s.queue) >= room:
		out.full = true
	default:
		out.queued = true
		s.queue = append(s.queue, task)
	}
	return out
}

// stop says that the owner was told to stop by somebody else.
func (s *simSlot) stop() { s.stopping = true }

// leave takes a task out of the queue.
func (s *simSlot) leave(task int) {
	s.queue = slices.DeleteFunc(s.queue, func(q int) bool { return q == task })
}

// end says that the life of the owner has ended, its body being back. It returns the task that owns the slot now and is to start, if any.
func (s *simSlot) end() (next int) {
	s.owner, s.stopping = 0, false
	if len(s.queue) > 0 {
		s.owner, s.queue = s.queue[0], s.queue[1:]
	}
	return s.owner
}

// purge empties the queue, and returns those that were in it.
func (s *simSlot) purge() (rejected []int) {
	rejected, s.queue = s.queue, nil
	return rejected
}

// TestSimSlot walks the table of DESIGN §4.
func TestSimSlot(t *testing.T) {
	const room = 2
	for _, c := range []struct {
		slot   simSlot
		policy AdmissionPolicy
		want   simAdmission
		after  simSlot
	}{
		{simSlot{}, AdmitQueue, simAdmission{start: true}, simSlot{owner: 9}},
		{simSlot{}, AdmitReplace, simAdmission{start: true}, simSlot{owner: 9}},
		{simSlot{}, DropIfRunning, simAdmission{start: true}, simSlot{owner: 9}},

		{simSlot{owner: 1}, AdmitQueue, simAdmission{queued: true}, simSlot{owner: 1, queue: []int{9}}},
		{simSlot{owner: 1, queue: []int{2}}, AdmitQueue, simAdmission{queued: true}, simSlot{owner: 1, queue: []int{2, 9}}},
		{simSlot{owner: 1, queue: []int{2, 3}}, AdmitQueue, simAdmission{full: true}, simSlot{owner: 1, queue: []int{2, 3}}},
		{simSlot{owner: 1}, AdmitReplace, simAdmission{queued: true, retire: true}, simSlot{owner: 1, stopping: true, queue: []int{9}}},
		{
			simSlot{owner: 1, queue: []int{2, 3}}, AdmitReplace, simAdmission{queued: true, displaced: 2, retire: true},
			simSlot{owner: 1, stopping: true, queue: []int{9, 3}},
		},
		{simSlot{owner: 1}, DropIfRunning, simAdmission{busy: true}, simSlot{owner: 1}},

		{simSlot{owner: 1, stopping: true}, AdmitQueue, simAdmission{queued: true}, simSlot{owner: 1, stopping: true, queue: []int{9}}},
		{
			simSlot{owner: 1, stopping: true, queue: []int{2, 3}}, AdmitQueue, simAdmission{full: true},
			simSlot{owner: 1, stopping: true, queue: []int{2, 3}},
		},
		{simSlot{owner: 1, stopping: true}, AdmitReplace, simAdmission{queued: true}, simSlot{owner: 1, stopping: true, queue: []int{9}}},
		{
			simSlot{owner: 1, stopping: true, queue: []int{2, 3}}, AdmitReplace, simAdmission{queued: true, displaced: 2},
			simSlot{owner: 1, stopping: true, queue: []int{9, 3}},
		},
		{simSlot{owner: 1, stopping: true}, DropIfRunning, simAdmission{busy: true}, simSlot{owner: 1, stopping: true}},
	} {
		got := c.slot
		got.queue = slices.Clone(got.queue)
		if out := got.submit(9, c.policy, room); out != c.want || fmt.Sprint(got) != fmt.Sprint(c.after) {
			t.Errorf("%+v, %s: %+v, %+v; want %+v, %+v", c.slot, c.policy, out, got, c.want, c.after)
		}
	}
}

// TestSimSlotQueue follows a queue from its first task to its last.
func TestSimSlotQueue(t *testing.T) {
	var s simSlot
	for task := 1; task <= 5; task++ {
		s.submit(task, AdmitQueue, 10)
	}
	s.leave(3)
	s.stop()
	if next := s.end(); next != 2 || s.stopping {
		t.Errorf("after 1 comes %d", next)
	}
	if next := s.end(); next != 4 {
		t.Errorf("after 2 comes %d", next)
	}
	if rejected := s.purge(); !slices.Equal(rejected, []int{5}) || s.owner != 4 {
		t.Errorf("the purge rejects %v, and %d owns the slot", rejected, s.owner)
	}
	if next := s.end(); next != 0 {
		t.Errorf("after 4 comes %d", next)
	}
}
