package bench

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestFloodStaysAWindowAheadOfTheSlowest(t *testing.T) {
	for _, of := range []uint64{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			throttle := newThrottle(100, 2)
			var published atomic.Uint64
			var publisher sync.WaitGroup
			publisher.Go(func() { flood(ctx, throttle, of, func() { published.Add(1) }) })
			expect := func(perWatcher uint64) {
				t.Helper()
				synctest.Wait()
				if got := published.Load(); got != perWatcher*of {
					t.Errorf("%d published, want %d of %d", got, perWatcher, of)
				}
			}
			expect(100)
			throttle.report(0, 70)
			expect(100) // the other process may be behind
			throttle.report(1, 40)
			expect(140)
			throttle.report(1, 90)
			expect(170)
			throttle.report(1, 80) // overtaken by the report before
			expect(170)
			cancel()
			publisher.Wait()
		})
	}
}

func TestARoundIsOverWhenAllHaveCome(t *testing.T) {
	var over []uint64
	r := &rounds{streams: 3, size: 10, over: func(events uint64) { over = append(over, events) }}
	for _, step := range []struct{ before, now, ended uint64 }{
		{0, 9, 0}, {9, 10, 0}, // the first stream
		{0, 25, 0}, // the second
		{0, 10, 1}, // the third
		{10, 20, 1}, {10, 19, 1}, {19, 20, 2},
		{20, 20, 2},
	} {
		r.pass(step.before, step.now)
		if uint64(len(over)) != step.ended {
			t.Fatalf("%+v: over %v", step, over)
		}
	}
	if over[0] != 10 || over[1] != 20 {
		t.Errorf("over %v", over)
	}
}

// TestRoundsAndThrottleTogether has many streams and a publisher that runs as fast as it may: nobody is ever further behind than the window, and
// all of them come to the end.
func TestRoundsAndThrottleTogether(t *testing.T) {
	const streams, window, total = 20, 8 * roundsPerWindow, 5000
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	throttle := newThrottle(window, 1)
	r := &rounds{streams: streams, size: window / roundsPerWindow, over: func(events uint64) { throttle.report(0, events) }}
	queues := make([]chan struct{}, streams)
	var receivers sync.WaitGroup
	for i := range queues {
		queues[i] = make(chan struct{}, window) // a send that would block fails the test
		receivers.Go(func() {
			for n := range uint64(total) {
				<-queues[i]
				r.pass(n, n+1)
			}
		})
	}
	published := 0
	flood(ctx, throttle, 1, func() {
		if published == total {
			cancel()
			return
		}
		published++
		for _, queue := range queues {
			select {
			case queue <- struct{}{}:
			default:
				t.Error("the publisher is more than a window ahead")
				queue <- struct{}{}
			}
		}
	})
	receivers.Wait()
}

func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		n := 0
		pace(ctx, 2000, func() {
			if n++; n == 1000 {
				time.Sleep(100 * time.Millisecond) // the machine is busy; the next 200 events are late
			}
		})
		if n < 1999 || n > 2000 {
			t.Errorf("%d events in a second, want 2000", n)
		}
	})
}

func TestWaitEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		if err := wait(ctx, 400*time.Millisecond); err != nil || time.Since(begin) != 400*time.Millisecond {
			t.Errorf("%v after %s", err, time.Since(begin))
		}
		if err := wait(ctx, time.Minute); err == nil || time.Since(begin) != time.Second {
			t.Errorf("%v after %s", err, time.Since(begin))
		}
	})
}
