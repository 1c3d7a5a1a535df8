package eventlog

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// maxSegment is the number of values in a segment, in a log that is not smaller. A reader copies no more under one hold of a lock.
const maxSegment = 64

// Log is a bounded sequence of values of type T. The zero value is not usable; New makes a Log.
//
// The values are in a ring of segments. Appends are serialized by mu, write the value into the segment at the head and then publish
// it by raising last. Readers do not take mu: what is at or below last is complete and does not change any more, so they copy it
// while the appends go on behind it, in the same segment even. The one conflict is the reuse of the oldest segment for new values.
// Each segment has a lock for that: readers share it while they copy, and the append that needs the segment tries to get it. If it
// does not succeed, it leaves the segment to its readers (and then to the garbage collector) and puts a new one in its place. Hence
// no append waits for a reader, whatever the scheduler does to it in the middle of a copy.
//
// A reader may come to a segment just after its reuse. It sees that from the segment's first sequence, which changes under the
// segment's lock, and looks again. It cannot be left without progress: the segments hold one segment more than the capacity, and last
// is raised before a segment is reused, so that by then the values it looked for have fallen off the log, and its second look, at
// last, tells it so.
//
// Why not one mutex over one ring? It is nearly as fast up to a hundred readers. With a thousand on two processors an append took
// about three times as long, for it waits while a reader copies, and much longer if that reader is interrupted.
// Why not a linked list whose items the garbage collector frees? One allocation for each append, and a slow reader keeps all that
// follows it. Why not a sequence lock? Its readers race with the append by design, and the race detector rightly says so.
// Why not a channel for each reader? Then an append costs as much as there are readers, and each queue has losses of its own.
type Log[T any] struct {
	capacity uint64 // how many values are kept; a power of two
	segSize  uint64 // how many are in a segment; a power of two, at most capacity
	stamp    func(v *T, sequence uint64)

	segments []atomic.Pointer[segment[T]] // the segment of number n is at n modulo the length; nil before the first lap

	last   atomic.Uint64 // newest published sequence
	closed atomic.Bool   // last does not rise any more

	parked waitlist // readers that wait

	mu   sync.Mutex  // serializes the writers of all of the above and below; taken before a segment's, which is only tried
	head *segment[T] // the newest segment; nil before the first append
}

// segment is a run of values with consecutive sequences.
type segment[T any] struct {
	mu     sync.RWMutex // shared by readers that copy, exclusive for the reuse; guards first, and the published values against reuse
	first  uint64       // sequence of values[0]
	values []T          // each is written under the log's mu and read only after last has reached it
}

// New returns an empty log that keeps the newest capacity values, rounded up to a power of two. It panics on a capacity below 1.
// The log calls stamp for its copy of each appended value, under its lock and before any reader can see it; times taken there have
// the order of the sequences. If stamp panics, neither that value is appended nor any after it in the call; the log goes on.
func New[T any](capacity int, stamp func(v *T, sequence uint64)) *Log[T] {
	if capacity < 1 {
		panic("eventlog: capacity below 1")
	}
	size := uint64(1) << bits.Len64(uint64(capacity)-1)
	l := &Log[T]{capacity: size, segSize: min(size, maxSegment), stamp: stamp}
	l.segments = make([]atomic.Pointer[segment[T]], size/l.segSize+1)
	l.parked.init(l.ready)
	return l
}

// Append adds a copy of *v and returns its sequence, or drops it and returns 0 when the log is closed. It never waits for readers.
// It may be called from any goroutine.
func (l *Log[T]) Append(v *T) uint64 {
	sequence := l.append(v, nil)
	l.parked.kick()
	return sequence
}

// AppendAll adds copies of all vs with consecutive sequences and returns the last of them; 0 when there are none, or when the log is
// closed and they are dropped. A reader may get the first ones a moment before the others.
func (l *Log[T]) AppendAll(vs ...T) uint64 {
	if len(vs) == 0 {
		return 0
	}
	sequence := l.append(&vs[0], vs[1:])
	l.parked.kick()
	return sequence
}

func (l *Log[T]) append(v *T, more []T) uint64 {
	l.lock()
	defer l.mu.Unlock() // deferred because stamp may panic
	if l.closed.Load() {
		return 0
	}
	sequence := l.appendLocked(v, l.last.Load())
	for i := range more {
		sequence = l.appendLocked(&more[i], sequence)
	}
	l.last.Store(sequence)
	return sequence
}

// appendLocked writes a copy of *v behind sequence and returns the next.
func (l *Log[T]) appendLocked(v *T, sequence uint64) uint64 {
	i := sequence % l.segSize
	if i == 0 {
		l.last.Store(sequence) // before the reuse of a segment, see Log
		l.head = l.nextSegmentLocked(sequence + 1)
	}
	slot := &l.head.values[i]
	*slot = *v
	l.stamp(slot, sequence+1)
	return sequence + 1
}

// spins is how often an append looks for the lock to be free before it goes to sleep: for a few times as long as another append takes.
const spins = 400

// lock locks mu. sync.Mutex itself does not spin while other goroutines are ready to run, and to be put to sleep and woken takes ten times as
// long as an append: with two writers that was a tenth of the time of a short life of a task.
func (l *Log[T]) lock() {
	for range spins {
		if l.mu.TryLock() {
			return
		}
	}
	l.mu.Lock()
}

// nextSegmentLocked returns a segment for the values from sequence first on: the oldest one, unless a reader is copying out of it.
func (l *Log[T]) nextSegmentLocked(first uint64) *segment[T] {
	place := l.place(first)
	if s := place.Load(); s != nil && s.mu.TryLock() {
		s.first = first
		s.mu.Unlock()
		return s
	}
	s := &segment[T]{first: first, values: make([]T, l.segSize)}
	place.Store(s)
	return s
}

// copyOut copies values from sequence next to at most last into buf, as many as it finds in one segment, and returns their number. It
// is 0 if next has fallen off the log. The caller has read last from the log.
func (l *Log[T]) copyOut(buf []T, next, last uint64) int {
	s := l.place(next).Load()
	s.mu.RLock()
	defer s.mu.RUnlock()
	i := (next - 1) % l.segSize
	if s.first != next-i {
		return 0
	}
	return copy(buf, s.values[i:min(l.segSize, i+last-next+1)])
}

// place returns where the segment that contains sequence belongs.
func (l *Log[T]) place(sequence uint64) *atomic.Pointer[segment[T]] {
	return &l.segments[(sequence-1)/l.segSize%uint64(len(l.segments))]
}

// ready reports whether a reader at cursor has something to read: a value, or the end.
func (l *Log[T]) ready(cursor uint64) bool { return l.last.Load() > cursor || l.closed.Load() }

// Last returns the sequence of the newest value, 0 when there has been none.
func (l *Log[T]) Last() uint64 { return l.last.Load() }

// Oldest returns the sequence of the oldest value that is kept, Last()+1 when there has been none.
func (l *Log[T]) Oldest() uint64 { return l.oldest(l.last.Load()) }

func (l *Log[T]) oldest(last uint64) uint64 {
	if last < l.capacity {
		return 1
	}
	return last - l.capacity + 1
}

// Capacity returns how many values are kept.
func (l *Log[T]) Capacity() int { return int(l.capacity) }

// Close ends the log: no value is added any more, and readers get the rest and then ErrClosed. Further calls do nothing.
func (l *Log[T]) Close() {
	l.mu.Lock()
	l.closed.Store(true)
	l.mu.Unlock()
	l.parked.kick()
}
