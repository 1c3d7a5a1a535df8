package supervisor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func (r *rig) subscribe(s Subscriber, opts SubscribeOptions) *Subscription {
	r.t.Helper()
	sub, err := r.Subscribe(s, opts)
	if err != nil {
		r.t.Fatal(err)
	}
	return sub
}

// sequences renders those of the events that a recorder got.
func (r *recorder) sequences() string {
	var b strings.Builder
	for _, e := range r.got {
		fmt.Fprintf(&b, "%d ", e.Sequence)
	}
	return strings.TrimSpace(b.String())
}

func TestSubscriberGetsEveryEventInOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		r.addBody("before", succeeds(0))
		r.sleepUntil(time.Second) // sequences 1 to 6
		late, early := &recorder{name: "new"}, &recorder{name: "oldest"}
		r.subscribe(late, SubscribeOptions{})
		r.subscribe(early, SubscribeOptions{Oldest: true})
		r.addBody("after", succeeds(time.Second))
		r.sleepUntil(time.Minute)
		_ = r.Shutdown(context.Background())
		if got, want := late.sequences(), "7 8 9 10 11 12 13 14"; got != want {
			t.Errorf("from now on: %s, want %s", got, want)
		}
		if got, want := early.sequences(), "1 2 3 4 5 6 7 8 9 10 11 12 13 14"; got != want {
			t.Errorf("from the oldest on: %s, want %s", got, want)
		}
	})
}

func TestSlowSubscriberIsToldWhatItLost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		r.addBody("a", succeeds(0))
		r.sleepUntil(time.Second) // sequences 1 to 6
		slow := &recorder{name: "slow", on: func(Event) { time.Sleep(time.Second) }}
		r.subscribe(slow, SubscribeOptions{Buffer: 2, Oldest: true})
		r.sleepUntil(2 * time.Second)
		r.addBody("b", succeeds(0)) // sequences 8 to 13, while it is at 5
		r.sleepUntil(time.Minute)
		// 7 tells of the loss of 1 to 4. After 5 and 6 there are 7 to 13: it loses 7 to 11, which 14 tells: but 7, which was a report itself, does not count.
		if got, want := slow.sequences(), "5 6 12 13 14"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got, want := overflows(r.events()), "4 4"; got != want {
			t.Errorf("lost %s, want %s", got, want)
		}
	})
}

func overflows(events []Event) string {
	var lost []string
	for _, e := range events {
		if e.Kind == SubscriberOverflow {
			lost = append(lost, fmt.Sprint(e.Lost))
		}
	}
	return strings.Join(lost, " ")
}

func TestSubscriberBehindTheLogIsToldWhatItLost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, err := New(Config{EventBuffer: 8})
		if err != nil {
			t.Fatal(err)
		}
		r := &rig{Supervisor: s, t: t} // not newRig, which checks the whole log
		goOn := make(chan struct{})
		slow := &recorder{name: "slow", on: func(Event) { <-goOn }}
		r.subscribe(slow, SubscribeOptions{Buffer: 1000})
		for i := range 20 {
			r.addBody(fmt.Sprint("t", i), succeeds(0))
			synctest.Wait()
		}
		close(goOn)
		synctest.Wait()
		var delivered, lost uint64
		for _, e := range slow.got {
			delivered++
			lost += e.Lost
		}
		if delivered+lost != r.Cursor().Sequence || lost == 0 {
			t.Errorf("%d delivered and %d lost of %d: %s", delivered, lost, r.Cursor().Sequence, slow.sequences())
		}
		_ = r.Shutdown(context.Background())
	})
}

func TestSubscriberPanicIsReportedOncePerEvent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		a := &recorder{name: "a", on: func(Event) { panic("boom") }}
		b := &recorder{name: "b", on: func(Event) { panic(errors.New("bang")) }}
		r.subscribe(a, SubscribeOptions{})
		r.subscribe(b, SubscribeOptions{})
		r.addBody("task", succeeds(0))
		r.sleepUntil(time.Second)
		_ = r.Shutdown(context.Background())
		reported := map[string]int{}
		for _, e := range r.events() {
			if e.Kind == SubscriberPanicked {
				reported[e.Subscriber+": "+e.Reason]++
			}
		}
		// Six events of the task; the two of the shutdown race with the end of the log.
		for _, who := range []string{"a: panic: boom", "b: panic: bang"} {
			if n := reported[who]; n < 6 || n > 8 {
				t.Errorf("%q reported %d times: %v", who, n, reported)
			}
		}
		for _, e := range a.got {
			if e.Kind == SubscriberPanicked && e.Subscriber == "a" {
				t.Error("a was told of its own panic")
			}
		}
	})
}

// "A panicking subscriber feeding on its own panics" is a fault of the original. Two of them must not feed on each other's either.
func TestFaultPanickingSubscriberFeedsOnItsOwnPanics(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		for _, name := range []string{"a", "b"} {
			r.subscribe(&recorder{name: name, on: func(Event) { panic("boom") }}, SubscribeOptions{})
		}
		r.addBody("task", succeeds(0))
		r.sleepUntil(time.Hour)
		var about, panics int
		for _, e := range r.events() {
			if e.Kind == SubscriberPanicked {
				panics++
			} else {
				about++
			}
		}
		if about != 6 || panics != 2*about {
			t.Errorf("%d panics of two subscribers over %d events", panics, about)
		}
	})
}

func TestSubscribeRefusesASecondOfTheSameName(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		first := r.subscribe(&recorder{name: "x"}, SubscribeOptions{})
		if _, err := r.Subscribe(&recorder{name: "x"}, SubscribeOptions{}); !errors.Is(err, ErrSubscriberExists) {
			t.Errorf("error %v", err)
		}
		if _, err := r.Subscribe(&recorder{name: "y"}, SubscribeOptions{Buffer: -1}); !errors.Is(err, ErrInvalidSpec) {
			t.Errorf("error %v", err)
		}
		first.Close()
		<-first.Done()
		r.subscribe(&recorder{name: "x"}, SubscribeOptions{})
	})
}

func TestClosedSubscriptionDeliversNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		s := &recorder{name: "s"}
		sub := r.subscribe(s, SubscribeOptions{})
		s.on = func(Event) { sub.Close() }
		r.addBody("task", succeeds(0))
		<-sub.Done()
		r.sleepUntil(time.Second)
		if got := s.sequences(); got != "1" {
			t.Errorf("got %s", got)
		}
	})
}

func TestShutdownDrainsSubscribers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		slow := &recorder{name: "slow", on: func(Event) { time.Sleep(time.Second) }}
		r.subscribe(slow, SubscribeOptions{Oldest: true})
		if err := r.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if last := slow.got[len(slow.got)-1].Kind; last != AllStoppedWithinGrace {
			t.Errorf("the last event was %s", last)
		}
	})
}

func TestShutdownNamesSubscribersThatDoNotDrain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{DrainTimeout: 3 * time.Second})
		release := make(chan struct{})
		for _, name := range []string{"stuck-b", "stuck-a"} {
			r.subscribe(&recorder{name: name, on: func(Event) { <-release }}, SubscribeOptions{})
		}
		r.subscribe(&recorder{name: "quick"}, SubscribeOptions{})
		began := time.Now()
		err := r.Shutdown(context.Background())
		var drain *DrainError
		if !errors.As(err, &drain) || !slices.Equal(drain.Subscribers, []string{"stuck-a", "stuck-b"}) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("took %s", took)
		}
		close(release)
	})
}

func TestAliveTrackerFollowsTheTasks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		alive := &AliveTracker{}
		r.subscribe(alive, SubscribeOptions{})
		check := func(at time.Duration, all, running string) {
			t.Helper()
			r.sleepUntil(at)
			if got := strings.Join(alive.Alive(), " "); got != all {
				t.Errorf("at %s alive: %q, want %q", at, got, all)
			}
			if got := strings.Join(alive.Running(), " "); got != running {
				t.Errorf("at %s running: %q, want %q", at, got, running)
			}
		}
		check(0, "", "")
		r.addBody("b", fails(time.Second, "boom"), succeeds(time.Second))
		r.addBody("a", succeeds(5*time.Second))
		check(500*time.Millisecond, "a b", "a b")
		check(1500*time.Millisecond, "a b", "a") // b backs off for a second
		check(2500*time.Millisecond, "a b", "a b")
		check(4*time.Second, "a", "a")
		check(6*time.Second, "", "")
	})
}

// TestAliveTrackerIgnoresWhatItHasSeen replays a log with random repetitions: the result is that of the log itself.
func TestAliveTrackerIgnoresWhatItHasSeen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		for i := range 20 {
			r.addBody(fmt.Sprint("t", i), fails(time.Duration(i)*time.Second, "boom"), succeeds(time.Duration(i)*time.Second))
		}
		r.sleepUntil(15 * time.Second)
		events := r.events()
		var once, often AliveTracker
		for i := range events {
			once.OnEvent(events[i])
			for range rand.IntN(3) {
				often.OnEvent(events[rand.IntN(i+1)])
			}
			often.OnEvent(events[i])
		}
		if !slices.Equal(once.Alive(), often.Alive()) || !slices.Equal(once.Running(), often.Running()) || once.Sequence() != often.Sequence() {
			t.Errorf("%v, %v", once.Running(), often.Running())
		}
		if len(once.Running()) == 0 {
			t.Error("nothing runs: the test shows nothing")
		}
	})
}
