package eventlog

import (
	"sync"
	"sync/atomic"
)

// wakeBatch is the number of readers that are woken at most in one hold of the list's lock, for others to get at the list.
const wakeBatch = 64

// waitlist is the list of the readers of a log that wait for something to read. The zero value is not usable; see init.
//
// An append must not pay for waking a thousand readers, nor wait for the lock of this list. It only looks whether the list is empty
// and otherwise kicks: unless there is one already, it starts a goroutine, the dispatcher, that wakes all who have something to read,
// and ends. That takes as long as to wake a dispatcher that is there all the time (it was measured), and there is none to stop, to
// leak, or to be in the way of a test.
//
// No wake-up is lost. A reader first enters the list and then looks again whether there is something to read; an append first
// publishes and then looks whether the list is empty. Whatever the order of these four atomic operations, one of the two sees the
// other. Nor is there an undue one: a reader's channel holds an element only if the reader was taken off the list, which the
// dispatcher does only when there is something to read, and all that changes a seat is done under mu.
type waitlist struct {
	ready    func(cursor uint64) bool // whether a reader at cursor has something to read; true does not become false again
	dispatch func()                   // wakeAll as a value that is made once: a go statement with a method allocates

	size  atomic.Int64  // length of the list; written under mu
	kicks atomic.Uint64 // since the dispatcher started; 0 while there is none

	mu   sync.Mutex // guards the list with its seats; taken last, and never by an append
	ring seat       // sentinel: next is the head of the list. As nobody enters while ready, cursors ascend from there
}

// seat is a reader's place in a waitlist.
type seat struct {
	wake       chan struct{} // buffers one element, so that waking does not wait for the reader
	next, prev *seat         // nil while not in the list
	cursor     uint64        // what the reader waits to see passed
}

func newSeat() seat { return seat{wake: make(chan struct{}, 1)} }

func (w *waitlist) init(ready func(cursor uint64) bool) {
	w.ready = ready
	w.dispatch = w.wakeAll
	w.ring.next, w.ring.prev = &w.ring, &w.ring
}

// kick sees to it that those in the list who have something to read are woken. It does not wait.
func (w *waitlist) kick() {
	if w.size.Load() > 0 && w.kicks.Add(1) == 1 {
		go w.dispatch()
	}
}

// wakeAll is the dispatcher: it goes through the list until there was no kick meanwhile.
func (w *waitlist) wakeAll() {
	for {
		kicks := w.kicks.Load()
		for w.wakeSome() {
		}
		if w.kicks.CompareAndSwap(kicks, 0) {
			return
		}
	}
}

// wakeSome wakes the first ones in the list that have something to read, and reports whether there may be more.
func (w *waitlist) wakeSome() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for range wakeBatch {
		s := w.ring.next
		if s == &w.ring || !w.ready(s.cursor) {
			return false
		}
		w.removeLocked(s)
		s.signal()
	}
	return true
}

// enter makes s wait for something to read after cursor; if there is already, it signals s at once.
func (w *waitlist) enter(s *seat, cursor uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clearLocked(s)
	if !w.ready(cursor) {
		w.insertLocked(s, cursor)
		if !w.ready(cursor) {
			return
		}
		w.removeLocked(s) // an append that did not see s in the list came between
	}
	s.signal()
}

// leave makes s wait no longer.
func (w *waitlist) leave(s *seat) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clearLocked(s)
}

// clearLocked takes s out of the list and its signal back, if it is there or has one.
func (w *waitlist) clearLocked(s *seat) {
	if s.next != nil {
		w.removeLocked(s)
	}
	select {
	case <-s.wake:
	default:
	}
}

func (w *waitlist) insertLocked(s *seat, cursor uint64) {
	s.cursor = cursor
	s.prev, s.next = w.ring.prev, &w.ring
	s.prev.next, s.next.prev = s, s
	w.size.Add(1)
}

func (w *waitlist) removeLocked(s *seat) {
	s.prev.next, s.next.prev = s.next, s.prev
	s.prev, s.next = nil, nil
	w.size.Add(-1)
}

// signal never blocks: a seat is signaled at most once after it was cleared.
func (s *seat) signal() { s.wake <- struct{}{} }
