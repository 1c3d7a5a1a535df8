package supervisor

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// idle is a spec of a task that runs until it is canceled.
func idle(name string) Spec { return Once(name, plays(hangs())) }

// A batch is registered as a whole or not at all; what its tasks would meet at their slots counts.
func TestBatchIsRegisteredAsAWholeOrNotAtAll(t *testing.T) {
	bad := Spec{Name: "bad name", Task: noop}
	tests := []struct {
		name  string
		specs []Spec
		want  error // nil: all are registered
	}{
		{"no specs", nil, nil},
		{"a spec that breaks the rules", []Spec{idle("a"), bad}, ErrInvalidSpec},
		{"a name twice", []Spec{idle("a"), idle("b"), idle("a")}, ErrTaskExists},
		{"a name that is taken", []Spec{idle("a"), idle("live")}, ErrTaskExists},
		{"more than may be live", []Spec{idle("a"), idle("b"), idle("c"), idle("d"), idle("e"), idle("f")}, ErrTaskLimit},
		{"one slot, in turn", []Spec{in("s", 0, idle("a")), in("s", 0, idle("b")), in("s", 0, idle("c"))}, nil},
		{"one slot, too many", []Spec{in("s", 0, idle("a")), in("s", 0, idle("b")), in("s", 0, idle("c")), in("s", 0, idle("d"))}, ErrQueueFull},
		{"one slot, the second drops", []Spec{in("s", 0, idle("a")), in("s", DropIfRunning, idle("b"))}, ErrSlotBusy},
		{"a slot that the batch leaves idle", []Spec{in("s", DropIfRunning, idle("a")), in("r", DropIfRunning, idle("b"))}, nil},
		{"a slot that is owned", []Spec{idle("a"), in("live", DropIfRunning, idle("b"))}, ErrSlotBusy},
		{"a slot that a task of the batch has by default", []Spec{idle("a"), in("a", DropIfRunning, idle("b"))}, ErrSlotBusy},
		{"one slot, replaced in turn", []Spec{in("s", 0, idle("a")), in("s", AdmitReplace, idle("b")), in("s", AdmitReplace, idle("c"))}, nil},
		{"one slot, full and then replaced", []Spec{
			in("s", 0, idle("a")), in("s", 0, idle("b")), in("s", 0, idle("c")), in("s", AdmitReplace, idle("d")),
		}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) { testBatch(t, test.specs, test.want) })
		})
	}
}

func testBatch(t *testing.T, specs []Spec, want error) {
	r := newRig(t, Config{MaxTasks: 6, SlotQueue: 2})
	r.put(idle("live"))
	before := r.Cursor()
	err := r.Start(t.Context(), specs...)
	if !errors.Is(err, want) || (want == nil) != (err == nil) {
		t.Errorf("error %v, want %v", err, want)
	}
	if want != nil {
		if now := r.Cursor(); now != before {
			t.Errorf("%d events of a batch that was refused", now.Sequence-before.Sequence)
		}
		if live := r.List(ListOptions{Finished: true}); len(live) != 1 {
			t.Errorf("%d tasks after a batch that was refused", len(live))
		}
		return
	}
	synctest.Wait()
	known := r.List(ListOptions{Finished: true})
	for _, spec := range specs {
		if !slices.ContainsFunc(known, func(s Snapshot) bool { return s.Spec.Name == spec.Name }) {
			t.Errorf("%q is not registered", spec.Name)
		}
	}
}

// Rehearse says what Add then does.
func TestRehearseAnswersAsAddAndChangesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{SlotQueue: 1, MaxTasks: 5})
		r.put(idle("live"))
		for _, spec := range []Spec{
			{Name: "bad name"}, idle("live"), idle("a"), in("s", 0, idle("b")), in("s", DropIfRunning, idle("c")), in("s", 0, idle("c")),
			in("s", 0, idle("d")), in("s", AdmitReplace, idle("d")), in("live", DropIfRunning, idle("e")), in("live", 0, idle("e")), idle("f"),
		} {
			before, slots := r.Cursor(), len(r.slots)
			state, foreseen := r.Rehearse(spec)
			if now := r.Cursor(); now != before || len(r.slots) != slots {
				t.Errorf("%d events and %d slots of a rehearsal", now.Sequence-before.Sequence, len(r.slots)-slots)
			}
			snap, err := r.Add(t.Context(), spec)
			synctest.Wait()
			for _, sentinel := range []error{ErrInvalidSpec, ErrTaskExists, ErrTaskLimit, ErrSlotBusy, ErrQueueFull} {
				if errors.Is(err, sentinel) != errors.Is(foreseen, sentinel) {
					t.Errorf("Add(%q): error %v, foreseen %v", spec.Name, err, foreseen)
				}
			}
			if err == nil && snap.State != state || (err == nil) != (foreseen == nil) {
				t.Errorf("Add(%q): %s %v, foreseen %s %v", spec.Name, snap.State, err, state, foreseen)
			}
		}
		if err := r.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := r.Rehearse(idle("z")); !errors.Is(err, ErrShutdown) {
			t.Errorf("error %v", err)
		}
	})
}

func TestSlotErrorNamesWhatIsInTheWay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{SlotQueue: 1})
		owner := r.add(in("s", 0, idle("a")))
		r.put(in("s", 0, idle("b")))
		for _, test := range []struct {
			specs []Spec
			want  string
		}{
			{[]Spec{in("s", DropIfRunning, idle("c"))}, `task 0: task "c": slot "s": the slot is owned by another task (uid ` + owner.UID.String() + `)`},
			{[]Spec{in("s", 0, idle("c"))}, `task 0: task "c": slot "s": the queue of the slot is full: 1 tasks wait`},
			{[]Spec{idle("c"), in("c", DropIfRunning, idle("d"))}, `task 1: task "d": slot "c": the slot is owned by another task of the same batch`},
		} {
			if err := r.Start(t.Context(), test.specs...); err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		}
	})
}

func TestStartEndsWithItsContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		ctx, cancel := context.WithCancel(t.Context())
		if err := r.Start(ctx, idle("a")); err != nil {
			t.Fatal(err)
		}
		r.put(idle("b"))
		r.sleepUntil(time.Second)
		cancel()
		synctest.Wait()
		for _, name := range []string{"a", "b"} {
			if end, err := r.Get(ByName(name)); err == nil && end.Outcome != OutcomeCanceled {
				t.Errorf("%s: %s, %s", name, end.State, end.Outcome)
			}
		}
		if err := r.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := r.Start(t.Context(), idle("c")); !errors.Is(err, ErrShutdown) {
			t.Errorf("error %v", err)
		}
	})
}

// A supervisor that was shut down in another way leaves nothing behind in the context of Start.
func TestShutdownDetachesFromTheContextOfStart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if err := r.Start(ctx); err != nil {
			t.Fatal(err)
		}
		if err := r.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		for _, detach := range r.detach {
			if detach() {
				t.Error("it was attached still")
			}
		}
	})
}

// Two subscribers that are always behind tell each other so; that ends when the events do.
func TestSubscribersDoNotFeedOnEachOthersLosses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		for _, name := range []string{"a", "b", "c"} {
			slow := &recorder{name: name, on: func(Event) { time.Sleep(time.Millisecond) }}
			r.subscribe(slow, SubscribeOptions{Buffer: 1})
		}
		for i := range 10 {
			r.put(Once("t"+string(rune('a'+i)), noop))
		}
		r.sleepUntil(time.Second)
		settled := r.Cursor().Sequence
		r.sleepUntil(time.Hour)
		if now := r.Cursor().Sequence; now != settled {
			t.Errorf("%d events about nothing", now-settled)
		}
	})
}
