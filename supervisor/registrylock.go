package supervisor

import (
	"sync"
	"sync/atomic"
)

// registryLock is Supervisor.mu: a mutex to which an actor hands the end of its life when somebody else holds it. Whoever holds it records the
// ends that were handed over before it lets go. So no actor waits to end, and a crowd that ends at once does not pass the mutex from
// one goroutine to the next, each of which would have to be put to sleep and woken for it: 10 to 30 % of the time of a short life.
//
// No end is left behind. An actor first hands it over and then looks whether it can have the mutex; who lets go of the mutex first
// unlocks it and then looks whether something was handed over. Whatever the order, one of the two sees the other. That the actor
// cannot have the mutex means that somebody has it, or was just woken to have it, and will let go of it afterwards. (Go's memory model
// promises nothing of a TryLock that fails. What is relied on is that its look at the mutex is not made before the atomic operation in
// front of it; a test fails where that is not so.)
type registryLock struct {
	mu    sync.Mutex
	ended atomic.Pointer[endedLife] // handed over and not recorded, the newest first
}

// endedLife is the end of a life as it is handed over.
type endedLife struct {
	task *task
	end  ending
	next *endedLife
}

// spins is how often Lock looks for the mutex to be free before it goes to sleep: as long as it takes to record two or three ends. sync.Mutex
// itself does not spin while other goroutines are ready to run. Of 0, 30, 100, 200, 400, 600 and 1,000, this was best with one goroutine that adds
// tasks and with two: then it is a quarter of the wall time of a short life. Those that never sleep run ahead of the actors they start.
const spins = 400

// Lock locks the mutex.
func (l *registryLock) Lock() {
	for range spins {
		if l.mu.TryLock() {
			return
		}
	}
	l.mu.Lock()
}

// Unlock records the ends that were handed over, and unlocks.
func (l *registryLock) Unlock() {
	l.recordLocked()
	l.mu.Unlock()
	l.settle()
}

// finish ends a life, now or when the holder of the lock lets go.
func (l *registryLock) finish(t *task, end *ending) {
	if l.mu.TryLock() {
		t.finishLocked(end)
		l.Unlock()
		return
	}
	e := &endedLife{task: t, end: *end}
	for {
		e.next = l.ended.Load()
		if l.ended.CompareAndSwap(e.next, e) {
			break
		}
	}
	l.settle()
}

// settle sees to it that what was handed over is recorded: by itself or, when somebody else has the lock, by that.
func (l *registryLock) settle() {
	for l.ended.Load() != nil && l.mu.TryLock() {
		l.recordLocked()
		l.mu.Unlock()
	}
}

// recordLocked records the ends that were handed over, in the order in which they were.
func (l *registryLock) recordLocked() {
	if l.ended.Load() == nil {
		return
	}
	var first *endedLife
	for e := l.ended.Swap(nil); e != nil; {
		e.next, first, e = first, e, e.next
	}
	for e := first; e != nil; e = e.next {
		e.task.finishLocked(&e.end)
	}
}
