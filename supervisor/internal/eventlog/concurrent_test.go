package eventlog

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// concurrently runs f n times at once and returns when all are done.
func concurrently(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// follow reads to the end of the log, checks that each sequence comes once, as a value or in a gap, and returns how many came as
// values. It calls pause now and then.
func follow(t *testing.T, r *Reader[entry], size int, pause func()) (got uint64) {
	buf := make([]entry, size)
	for next := r.Cursor() + 1; ; {
		n, gap, err := r.Next(context.Background(), buf)
		if err != nil {
			if last := r.log.Last(); !errors.Is(err, ErrClosed) || next != last+1 {
				t.Errorf("%v before %d, last is %d", err, next, last)
			}
			return got
		}
		if !gap.IsZero() {
			if gap.First != next || gap.Last < gap.First {
				t.Errorf("gap %v before %d", gap, next)
			}
			next = gap.Last + 1
		}
		if n == 0 {
			t.Error("no value and no error")
		}
		for _, e := range buf[:n] {
			if e.sequence != next {
				t.Errorf("got %d, want %d", e.sequence, next)
			}
			next++
		}
		got += uint64(n)
		pause()
	}
}

// stall returns a pause that is long at random.
func stall(seed int) func() {
	random := rand.New(rand.NewPCG(uint64(seed), 1))
	return func() {
		if random.IntN(8) == 0 {
			for range random.IntN(200) {
				runtime.Gosched()
			}
		}
	}
}

func TestConcurrentReadersSeeEverySequenceOnceOrInAGap(t *testing.T) {
	const publishers, readers, each = 4, 12, 3000
	for _, capacity := range []int{1, 2, 64, 128, 1 << 16} {
		t.Run(fmt.Sprint(capacity), func(t *testing.T) {
			l := newTestLog(capacity)
			var fewest atomic.Uint64
			fewest.Store(publishers * each)
			var done sync.WaitGroup
			for i := range readers {
				r := l.NewReader(0)
				done.Go(func() {
					got := follow(t, r, 1+i*10, stall(i))
					for old := fewest.Load(); got < old && !fewest.CompareAndSwap(old, got); old = fewest.Load() {
					}
				})
			}
			concurrently(publishers, func(i int) {
				pause := stall(100 + i)
				for range each / 3 {
					l.Append(&entry{})
					l.AppendAll(entry{}, entry{})
					pause()
				}
			})
			l.Close()
			done.Wait()
			if l.Last() != publishers*each {
				t.Errorf("last %d", l.Last())
			}
			if capacity > publishers*each && fewest.Load() != publishers*each {
				t.Errorf("a reader got %d values of a log that keeps all", fewest.Load())
			}
		})
	}
}

// The publisher appends the next value when all readers have the one before: whoever misses a wake-up stops everything.
func TestReaderNeverMissesAWakeUp(t *testing.T) {
	const readers, rounds = 8, 100
	l := newTestLog(1)
	var acks sync.WaitGroup
	var done sync.WaitGroup
	for i := range readers {
		r := l.NewReader(0)
		wait := map[bool]func(*Reader[entry], []entry) bool{false: waitNext, true: waitReady}[i%2 == 0]
		done.Go(func() {
			for buf := make([]entry, 1); wait(r, buf); acks.Done() {
			}
		})
	}
	for range rounds {
		acks.Add(readers)
		l.Append(&entry{})
		acks.Wait()
	}
	l.Close()
	done.Wait()
	if got := l.parked.size.Load(); got != 0 {
		t.Errorf("%d in the list", got)
	}
}

func waitNext(r *Reader[entry], buf []entry) bool {
	_, _, err := r.Next(context.Background(), buf)
	return err == nil
}

func waitReady(r *Reader[entry], buf []entry) bool {
	<-r.Ready()
	n, _ := r.TryNext(buf)
	return n > 0
}

// Readers come, wait, give up and close while values are appended: nothing must remain of them.
func TestReadersComeAndGo(t *testing.T) {
	l := newTestLog(16)
	stop := make(chan struct{})
	var publisher sync.WaitGroup
	publisher.Go(func() {
		pause := stall(0)
		for {
			select {
			case <-stop:
				return
			default:
				l.Append(&entry{})
				pause()
			}
		}
	})
	concurrently(8, func(i int) {
		random, buf := rand.New(rand.NewPCG(uint64(i), 2)), make([]entry, 8)
		for range 300 {
			r := l.NewReader(l.Last())
			ctx, cancel := context.WithCancel(context.Background())
			if random.IntN(2) == 0 {
				go cancel()
			}
			_, _, err := r.Next(ctx, buf)
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			r.Ready()
			r.Close()
			cancel()
		}
	})
	close(stop)
	publisher.Wait()
	if got := l.parked.size.Load(); got != 0 {
		t.Errorf("%d in the list", got)
	}
}

func TestCloseDuringAppends(t *testing.T) {
	const publishers, each = 4, 500
	for range 50 {
		l := newTestLog(publishers * each) // keeps all, so that what the readers get has to be all there is
		var readers sync.WaitGroup
		for range 4 {
			r := l.NewReader(0)
			readers.Go(func() {
				if got := follow(t, r, 7, func() {}); got != l.Last() {
					t.Errorf("got %d of %d", got, l.Last())
				}
			})
		}
		concurrently(publishers+1, func(i int) {
			if i == publishers/2 {
				l.Close()
				return
			}
			previous := uint64(0)
			for range each {
				sequence := l.Append(&entry{})
				if sequence == 0 {
					return
				}
				if sequence <= previous {
					t.Errorf("%d after %d", sequence, previous)
				}
				previous = sequence
			}
		})
		readers.Wait()
	}
}
