package supervisor

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/taskvisor/taskvisor/supervisor/internal/eventlog"
)

// stackAddress returns an address in the stack of the caller. A stack that grows moves, so that two addresses which are more than the
// first stack apart tell of a growth in between.
//
//go:noinline
func stackAddress() uintptr {
	var here byte
	return uintptr(unsafe.Pointer(&here))
}

func apart(a, b uintptr) uintptr { return max(a, b) - min(a, b) }

// The stack is most of what a live task costs, and growing it was an eighth of the time of a life.
func TestAnActorNeedsOnlyItsFirstStack(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes frames larger")
	}
	const lives, firstStack = 500, 2048
	for _, end := range []error{nil, errBoom} {
		t.Run(fmt.Sprint(end), func(t *testing.T) {
			var started, body, removed uintptr
			grewBefore, grewAfter := 0, 0
			s := newBench(t, Config{})
			s.log = eventlog.New(64, func(e *Event, sequence uint64) {
				s.stampEvent(e, sequence)
				switch e.Kind {
				case TaskStarting:
					started = stackAddress()
				case TaskRemoved:
					removed = stackAddress()
				default:
				}
			})
			for range lives {
				snap, err := s.Add(t.Context(), Once("t", TaskFunc(func(context.Context) error {
					body = stackAddress()
					return end
				})))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := s.Wait(t.Context(), ByUID(snap.UID)); err != nil {
					t.Fatal(err)
				}
				s.mu.Lock() // for the last event, which follows the end
				grewBefore += min(1, int(apart(started, body)/firstStack))
				grewAfter += min(1, int(apart(body, removed)/firstStack))
				s.mu.Unlock()
			}
			t.Logf("%d of %d stacks grew before the body, %d after it", grewBefore, lives, grewAfter)
			// A garbage collection that asks for help may need more stack, and an end that was handed over is recorded on somebody else's.
			if grewBefore > lives/10 || grewAfter > lives/10 {
				t.Errorf("%d of %d stacks grew before the body, %d after it", grewBefore, lives, grewAfter)
			}
		})
	}
}

// What most bodies do is to wait for one of two things. Nothing of the actor is in the way of that: an idle task with such a body takes 2 KiB less
// than it would with a stack that grew.
func TestABodyThatWaitsNeedsOnlyTheFirstStack(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes frames larger")
	}
	const lives = 500
	s := newBench(t, Config{})
	var grew atomic.Int64
	var waiting sync.WaitGroup
	for i := range lives {
		waiting.Add(1)
		_, err := s.Add(t.Context(), Once(fmt.Sprint(i), TaskFunc(func(ctx context.Context) error {
			before := stackAddress()
			timer := time.NewTimer(time.Hour)
			waiting.Done()
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
			}
			if stackAddress() != before {
				grew.Add(1)
			}
			return ctx.Err()
		})))
		if err != nil {
			t.Fatal(err)
		}
	}
	waiting.Wait()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d stacks grew", grew.Load(), lives)
	if grew.Load() > lives/4 { // for some, what is needed to wait has to be allocated, and that goes deep
		t.Errorf("%d of %d stacks grew", grew.Load(), lives)
	}
}
