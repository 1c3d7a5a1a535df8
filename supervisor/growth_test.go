package supervisor

import (
	"context"
	"fmt"
	"testing"
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
