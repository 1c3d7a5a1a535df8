package eventlog

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// enter has to look for something to read again after it is in the list. The append that comes exactly between the two looks is
// played by the ready function itself.
func TestEnterLooksAgainAfterItIsInTheList(t *testing.T) {
	looks := 0
	var w waitlist
	w.init(func(uint64) bool { looks++; return looks == 2 })
	s := newSeat()
	w.enter(&s, 0)
	if len(s.wake) != 1 || w.size.Load() != 0 {
		t.Errorf("signals %d, in the list %d", len(s.wake), w.size.Load())
	}
}

// A kick that finds the dispatcher at work, already past the reader in question, makes it go through the list once more.
func TestDispatcherDoesNotEndAfterAnotherKick(t *testing.T) {
	var w waitlist
	var cursor atomic.Uint64
	late := newSeat()
	w.init(func(c uint64) bool {
		if c == 1 && cursor.Load() == 1 { // the dispatcher has just found that it need not wake late: now it must
			cursor.Store(2)
			w.kick()
			return false
		}
		return cursor.Load() > c
	})
	w.enter(&late, 1)
	cursor.Store(1)
	w.kicks.Store(1)
	w.wakeAll()
	if len(late.wake) != 1 || w.kicks.Load() != 0 {
		t.Errorf("signals %d, kicks %d", len(late.wake), w.kicks.Load())
	}
}

func TestDispatcherWakesOnlyThoseWithSomethingToRead(t *testing.T) {
	var w waitlist
	last := uint64(0)
	w.init(func(cursor uint64) bool { return last > cursor })
	const n = 3 * wakeBatch
	seats := make([]seat, n)
	for i := range seats {
		seats[i] = newSeat()
		last = uint64(i)
		w.enter(&seats[i], last)
	}
	for last = range n {
		w.kicks.Store(1)
		w.wakeAll()
		for i := range seats {
			if got, want := len(seats[i].wake) == 1, uint64(i) < last; got != want {
				t.Fatalf("last %d: seat %d has signal %v", last, i, got)
			}
		}
	}
}

func TestLogHasNoGoroutineWhileNothingHappens(t *testing.T) {
	// The bubble fails if a goroutine is left in it, and the log is not closed.
	synctest.Test(t, func(t *testing.T) {
		l := newTestLog(8)
		ctx, cancel := context.WithCancel(t.Context())
		for range 100 {
			r, buf := l.NewReader(0), make([]entry, 8)
			go func() {
				for err := error(nil); err == nil; {
					_, _, err = r.Next(ctx, buf)
				}
			}()
		}
		for range 10 {
			synctest.Wait()
			if parked, kicks := l.parked.size.Load(), l.parked.kicks.Load(); parked != 100 || kicks != 0 {
				t.Errorf("%d readers wait, %d kicks", parked, kicks)
			}
			appendN(l, 1)
		}
		cancel()
	})
}

func TestForgottenReaderIsKnownUntilTheNextAppend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLog(8)
		for range 100 {
			l.NewReader(0).Ready()
		}
		if got := l.parked.size.Load(); got != 100 {
			t.Errorf("%d in the list", got)
		}
		appendN(l, 1)
		synctest.Wait()
		if got := l.parked.size.Load(); got != 0 {
			t.Errorf("%d in the list", got)
		}
	})
}
