package supervisor

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// in puts a spec into a slot.
func in(slot string, policy AdmissionPolicy, spec Spec) Spec {
	spec.Admission = Admission{Slot: slot, Policy: policy}
	return spec
}

// TestControllerTable is the table of DESIGN §4: what a policy meets in each state of the slot.
func TestControllerTable(t *testing.T) {
	tests := []struct {
		policy AdmissionPolicy
		state  SlotState
		queued int
		want   admission
	}{
		{AdmitQueue, SlotIdle, 0, admitStart},
		{AdmitReplace, SlotIdle, 0, admitStart},
		{DropIfRunning, SlotIdle, 0, admitStart},
		{0, SlotIdle, 0, admitStart},
		{AdmitQueue, SlotOwned, 0, admitAppend},
		{0, SlotOwned, 0, admitAppend},
		{AdmitQueue, SlotOwned, 2, admitAppend},
		{AdmitQueue, SlotOwned, 3, rejectFull},
		{AdmitQueue, SlotStopping, 2, admitAppend},
		{AdmitQueue, SlotStopping, 3, rejectFull},
		{AdmitReplace, SlotOwned, 0, admitReplace},
		{AdmitReplace, SlotOwned, 3, admitReplace},
		{AdmitReplace, SlotStopping, 3, admitReplace},
		{DropIfRunning, SlotOwned, 0, rejectBusy},
		{DropIfRunning, SlotStopping, 0, rejectBusy},
	}
	for _, test := range tests {
		if got := admit(test.policy, test.state, test.queued, 3); got != test.want {
			t.Errorf("%s at a slot that is %s with %d queued: %d, want %d", test.policy, test.state, test.queued, got, test.want)
		}
	}
}

func TestControllerLogs(t *testing.T) {
	tests := []struct {
		name string
		run  func(r *rig)
		want string
	}{
		{"own slot, nobody else: no word of it", func(r *rig) {
			r.put(plain(Restartable("a", plays(succeeds(time.Second)))))
		}, `
			0s: A D S1
			1s: STOPPED1(1s) X1(COMPLETED) R(COMPLETED)`},
		{"named slot, nobody else", func(r *rig) {
			r.put(in("db", 0, Once("a", plays(succeeds(time.Second)))))
		}, `
			0s: A SLOT(db, IDLE→OWNED, depth 0) D(db) S1
			1s: STOPPED1(1s) X1(COMPLETED) SLOT(db, OWNED→IDLE, depth 0) R(COMPLETED)`},
		{"QUEUE: one after the other", func(r *rig) {
			r.put(in("db", AdmitQueue, Once("a", plays(succeeds(time.Second)))))
			r.put(in("db", AdmitQueue, Once("b", plays(succeeds(time.Second)))))
			r.put(in("db", AdmitQueue, Once("c", plays(fails(time.Second, "boom")))))
		}, `
			0s: a.A a.SLOT(db, IDLE→OWNED, depth 0) a.D(db) a.S1 b.A b.SUBMITTED(db, depth 1) c.A c.SUBMITTED(db, depth 2)
			1s: a.STOPPED1(1s) a.X1(COMPLETED) a.R(COMPLETED) b.SLOT(db, OWNED→OWNED, depth 1) b.D(db) b.S1
			2s: b.STOPPED1(1s) b.X1(COMPLETED) b.R(COMPLETED) c.SLOT(db, OWNED→OWNED, depth 0) c.D(db) c.S1
			3s: c.FAILED1(1s, boom) c.X1(FAILED, boom) c.SLOT(db, OWNED→IDLE, depth 0) c.R(FAILED, boom)`},
		{"QUEUE: the queue is full", func(r *rig) {
			r.put(in("db", 0, Once("a", plays(succeeds(time.Second)))))
			r.put(in("db", 0, Once("b", plays(succeeds(0)))))
			r.put(in("db", 0, Once("c", plays(succeeds(0)))))
			r.refused(in("db", 0, Once("d", plays(succeeds(0)))), ErrQueueFull)
		}, `
			0s: a.A a.SLOT(db, IDLE→OWNED, depth 0) a.D(db) a.S1 b.A b.SUBMITTED(db, depth 1) c.A c.SUBMITTED(db, depth 2) d.A d.REJECTED(db, QUEUE_FULL) d.R(REJECTED)
			1s: a.STOPPED1(1s) a.X1(COMPLETED) a.R(COMPLETED) b.SLOT(db, OWNED→OWNED, depth 1) b.D(db) b.S1 b.STOPPED1(0s) b.X1(COMPLETED) b.R(COMPLETED) c.SLOT(db, OWNED→OWNED, depth 0) c.D(db) c.S1 c.STOPPED1(0s) c.X1(COMPLETED) c.SLOT(db, OWNED→IDLE, depth 0) c.R(COMPLETED)`},
		{"DROP_IF_RUNNING", func(r *rig) {
			r.put(in("db", DropIfRunning, Once("a", plays(succeeds(time.Second)))))
			r.refused(in("db", DropIfRunning, Once("b", plays(succeeds(0)))), ErrSlotBusy)
		}, `
			0s: a.A a.SLOT(db, IDLE→OWNED, depth 0) a.D(db) a.S1 b.A b.REJECTED(db, SLOT_BUSY) b.R(REJECTED)
			1s: a.STOPPED1(1s) a.X1(COMPLETED) a.SLOT(db, OWNED→IDLE, depth 0) a.R(COMPLETED)`},
		{"REPLACE: the next one starts only when the old body is back", func(r *rig) {
			r.put(in("db", 0, Once("a", plays(hangs().ignoring(time.Second, nil)))))
			r.sleepUntil(time.Second)
			r.put(in("db", AdmitReplace, Once("b", plays(succeeds(0)))))
		}, `
			0s: a.A a.SLOT(db, IDLE→OWNED, depth 0) a.D(db) a.S1
			1s: b.A b.SUBMITTED(db, depth 1) a.Q(replaced by "b") a.SLOT(db, OWNED→STOPPING, depth 1)
			2s: a.STOPPED1(2s) a.R(CANCELED, replaced by "b") b.SLOT(db, STOPPING→OWNED, depth 0) b.D(db) b.S1 b.STOPPED1(0s) b.X1(COMPLETED) b.SLOT(db, OWNED→IDLE, depth 0) b.R(COMPLETED)`},
		{"REPLACE while the owner stops: the head is superseded, no second cancel", func(r *rig) {
			r.put(in("db", 0, Once("a", plays(hangs().ignoring(2*time.Second, nil)))))
			r.put(in("db", 0, Once("q", plays(succeeds(0)))))
			r.sleepUntil(time.Second)
			r.put(in("db", AdmitReplace, Once("b", plays(succeeds(0)))))
			r.sleepUntil(2 * time.Second)
			r.put(in("db", AdmitReplace, Once("c", plays(succeeds(0)))))
		}, `
			0s: a.A a.SLOT(db, IDLE→OWNED, depth 0) a.D(db) a.S1 q.A q.SUBMITTED(db, depth 1)
			1s: q.REJECTED(db, SUPERSEDED) q.R(REJECTED) b.A b.SUBMITTED(db, depth 1) a.Q(replaced by "b") a.SLOT(db, OWNED→STOPPING, depth 1)
			2s: b.REJECTED(db, SUPERSEDED) b.R(REJECTED) c.A c.SUBMITTED(db, depth 1)
			3s: a.STOPPED1(3s) a.R(CANCELED, replaced by "b") c.SLOT(db, STOPPING→OWNED, depth 0) c.D(db) c.S1 c.STOPPED1(0s) c.X1(COMPLETED) c.SLOT(db, OWNED→IDLE, depth 0) c.R(COMPLETED)`},
		{"the slot of a task that left it open", func(r *rig) {
			r.put(plain(Restartable("a", plays(succeeds(time.Second)))))
			r.put(in("a", 0, Once("b", plays(succeeds(0)))))
		}, `
			0s: a.A a.D a.S1 b.A b.SUBMITTED(a, depth 1)
			1s: a.STOPPED1(1s) a.X1(COMPLETED) a.R(COMPLETED) b.SLOT(a, OWNED→OWNED, depth 0) b.D(a) b.S1 b.STOPPED1(0s) b.X1(COMPLETED) b.SLOT(a, OWNED→IDLE, depth 0) b.R(COMPLETED)`},
		{"a task whose own slot is somebody else's", func(r *rig) {
			r.put(in("b", 0, Once("a", plays(succeeds(time.Second)))))
			r.put(plain(Restartable("b", plays(succeeds(0)))))
		}, `
			0s: a.A a.SLOT(b, IDLE→OWNED, depth 0) a.D(b) a.S1 b.A b.SUBMITTED(depth 1)
			1s: a.STOPPED1(1s) a.X1(COMPLETED) a.R(COMPLETED) b.SLOT(OWNED→OWNED, depth 0) b.D b.S1 b.STOPPED1(0s) b.X1(COMPLETED) b.SLOT(OWNED→IDLE, depth 0) b.R(COMPLETED)`},
		{"a queued task is removed", func(r *rig) {
			r.put(in("db", 0, Once("a", plays(succeeds(time.Second)))))
			r.put(in("db", 0, Once("b", plays(succeeds(0)))))
			r.mustState(ByName("b"), StateQueued)
			if snap, err := r.Remove(context.Background(), ByName("b"), 0); err != nil || snap.Outcome != OutcomeCanceled {
				r.t.Error(snap, err)
			}
		}, `
			0s: a.A a.SLOT(db, IDLE→OWNED, depth 0) a.D(db) a.S1 b.A b.SUBMITTED(db, depth 1) b.Q(removed) b.R(CANCELED, removed)
			1s: a.STOPPED1(1s) a.X1(COMPLETED) a.SLOT(db, OWNED→IDLE, depth 0) a.R(COMPLETED)`},
		{"the owner is removed", func(r *rig) {
			r.put(in("db", 0, Once("a", plays(hangs()))))
			r.put(in("db", 0, Once("b", plays(succeeds(0)))))
			r.sleepUntil(time.Second)
			if _, err := r.Remove(context.Background(), ByName("a"), 0); err != nil {
				r.t.Error(err)
			}
		}, `
			0s: a.A a.SLOT(db, IDLE→OWNED, depth 0) a.D(db) a.S1 b.A b.SUBMITTED(db, depth 1)
			1s: a.Q(removed) a.SLOT(db, OWNED→STOPPING, depth 1) a.STOPPED1(1s) a.R(CANCELED, removed) b.SLOT(db, STOPPING→OWNED, depth 0) b.D(db) b.S1 b.STOPPED1(0s) b.X1(COMPLETED) b.SLOT(db, OWNED→IDLE, depth 0) b.R(COMPLETED)`},
		{"a slot is purged", func(r *rig) {
			r.put(in("db", 0, Once("a", plays(succeeds(time.Second)))))
			r.put(in("db", 0, Once("b", plays(succeeds(0)))))
			r.put(in("db", 0, Once("c", plays(succeeds(0)))))
			if n := r.PurgeSlot("db"); n != 2 {
				r.t.Errorf("purged %d", n)
			}
		}, `
			0s: a.A a.SLOT(db, IDLE→OWNED, depth 0) a.D(db) a.S1 b.A b.SUBMITTED(db, depth 1) c.A c.SUBMITTED(db, depth 2) b.REJECTED(db, PURGED) b.R(REJECTED) c.REJECTED(db, PURGED) c.R(REJECTED)
			1s: a.STOPPED1(1s) a.X1(COMPLETED) a.SLOT(db, OWNED→IDLE, depth 0) a.R(COMPLETED)`},
		{"queued work is rejected at the shutdown, never started", func(r *rig) {
			r.put(in("db", 0, Once("a", plays(hangs()))))
			r.put(in("db", 0, Once("b", plays(succeeds(0)))))
			r.sleepUntil(time.Second)
			if err := r.Shutdown(context.Background()); err != nil {
				r.t.Error(err)
			}
		}, `
			0s: a.A a.SLOT(db, IDLE→OWNED, depth 0) a.D(db) a.S1 b.A b.SUBMITTED(db, depth 1)
			1s: SHUTDOWN(shutdown) b.REJECTED(db, SHUTDOWN) b.R(REJECTED) a.SLOT(db, OWNED→STOPPING, depth 0) a.STOPPED1(1s) a.SLOT(db, STOPPING→IDLE, depth 0) a.R(CANCELED, shutdown) ALL_STOPPED`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, Config{SlotQueue: 2})
				test.run(r)
				r.sleepUntil(time.Minute)
				mustLog(t, uidsLeftOut.ReplaceAllString(r.log(), "$1"), test.want)
			})
		})
	}
}

// put adds a task that must be accepted, and waits for everything to come to rest.
func (r *rig) put(spec Spec) {
	r.t.Helper()
	r.add(spec)
	synctest.Wait()
}

// refused adds a task that its slot must refuse.
func (r *rig) refused(spec Spec, want error) {
	r.t.Helper()
	snap, err := r.Add(context.Background(), spec)
	if !errors.Is(err, want) {
		r.t.Errorf("Add(%q): error %v, want %v", spec.Name, err, want)
	}
	var slot *SlotError
	if !errors.As(err, &slot) || slot.Slot != spec.Admission.Slot || slot.Owner.IsZero() {
		r.t.Errorf("Add(%q): error %#v does not tell of the slot", spec.Name, err)
	}
	if snap.Outcome != OutcomeRejected || snap.State != StateFinished {
		r.t.Errorf("Add(%q): %s, %s", spec.Name, snap.State, snap.Outcome)
	}
	kept := r.end(ByUID(snap.UID))
	if kept.Outcome != OutcomeRejected {
		r.t.Errorf("the rejected life is kept as %s", kept.Outcome)
	}
	if _, err := r.Get(ByName(spec.Name)); !errors.Is(err, ErrTaskNotFound) {
		r.t.Errorf("the rejected task has the name: %v", err)
	}
}

func TestSlotSnapshot(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		check := func(name string, want SlotSnapshot) {
			t.Helper()
			want.Name = name
			if got := r.Slot(name); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("Slot(%q) = %v, want %v", name, got, want)
			}
		}
		check("db", SlotSnapshot{State: SlotIdle})
		if n := r.PurgeSlot("db"); n != 0 {
			t.Errorf("%d tasks wait for an idle slot", n)
		}
		a := r.add(in("db", 0, Once("a", plays(hangs().ignoring(time.Second, nil)))))
		b := r.add(in("db", 0, Once("b", plays(hangs()))))
		c := r.add(Once("c", plays(hangs())))
		check("db", SlotSnapshot{State: SlotOwned, Owner: a.UID, Queue: []UID{b.UID}})
		check("c", SlotSnapshot{State: SlotOwned, Owner: c.UID})
		if a.Slot != "db" || b.Slot != "db" || c.Slot != "c" {
			t.Error(a.Slot, b.Slot, c.Slot)
		}
		d := r.add(in("db", AdmitReplace, Once("d", plays(hangs()))))
		check("db", SlotSnapshot{State: SlotStopping, Owner: a.UID, Queue: []UID{d.UID}})
		r.sleepUntil(2 * time.Second)
		check("db", SlotSnapshot{State: SlotOwned, Owner: d.UID})
		_ = r.Shutdown(context.Background())
		check("db", SlotSnapshot{State: SlotIdle})
		if len(r.slots) != 0 {
			t.Errorf("%d slots are left", len(r.slots))
		}
	})
}

// TestSlotHasOneOwner lets many tasks with random policies and bodies fight for few slots.
func TestSlotHasOneOwner(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{SlotQueue: 3, EventBuffer: 1 << 16})
		slots := []string{"x", "y", "z"}
		owners := map[string]*int{"x": new(int), "y": new(int), "z": new(int)}
		for i := range 500 {
			slot := slots[i%3]
			held := owners[slot]
			body := plays(succeeds(time.Duration(i%7)*time.Second), fails(time.Second, "boom").ignoring(3*time.Second, nil))
			spec := in(slot, AdmissionPolicy(i/3%3+1), Once(fmt.Sprintf("t%d", i), TaskFunc(func(ctx context.Context) error {
				if *held++; *held > 1 {
					t.Errorf("slot %s has %d bodies", slot, *held)
				}
				defer func() { *held-- }()
				return body.Run(ctx)
			})))
			_, _ = r.Add(context.Background(), spec)
			if i%5 == 0 {
				time.Sleep(time.Second)
				synctest.Wait()
			}
			if i%11 == 0 {
				go func() { _, _ = r.Remove(context.Background(), ByName(fmt.Sprintf("t%d", max(0, i-5))), 0) }()
			}
		}
		r.sleepUntil(time.Hour)
		if live := r.List(ListOptions{}); len(live) > 0 || len(r.slots) > 0 {
			t.Errorf("%d tasks and %d slots are left", len(live), len(r.slots))
		}
	})
}

// "Queued work started during shutdown" is a fault of the original.
func TestFaultQueuedWorkIsStartedDuringShutdown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		r.put(in("db", 0, Once("owner", plays(hangs().ignoring(time.Second, nil)))))
		queued := []Snapshot{
			r.add(in("db", 0, Once("next", plays(hangs())))),
			r.add(in("db", 0, Once("last", plays(hangs())))),
		}
		if err := r.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		for _, q := range queued {
			end := r.end(ByUID(q.UID))
			if end.Outcome != OutcomeRejected || end.Attempt != 0 {
				t.Errorf("%q: %s after %d attempts", q.Spec.Name, end.Outcome, end.Attempt)
			}
		}
		for _, e := range r.events() {
			if e.Kind == TaskStarting && e.Task != "owner" || e.Kind == ControllerRejected && e.Rejection != RejectedShutdown {
				t.Errorf("%s of %q, %s", e.Kind, e.Task, e.Rejection)
			}
		}
	})
}

// provokeController makes the controller publish each of its kinds.
func provokeController(r *rig) {
	r.add(in("slot", 0, Once("owner", plays(hangs()))))
	r.add(in("slot", 0, Once("next", plays(succeeds(0)))))
	r.add(in("slot", AdmitReplace, Once("instead", plays(succeeds(0)))))
}

// recorder is a Subscriber that keeps what it gets.
type recorder struct {
	name string
	got  []Event
	on   func(Event)
}

func (r *recorder) Name() string { return r.name }
func (r *recorder) OnEvent(e Event) {
	r.got = append(r.got, e)
	if r.on != nil {
		r.on(e)
	}
}

func (r *recorder) kinds() []Kind {
	var kinds []Kind
	for _, e := range r.got {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

// provokeSubscriber makes a subscriber panic and another one fall behind.
func provokeSubscriber(t *testing.T, r *rig) {
	panicking := &recorder{name: "panicking", on: func(Event) { panic("boom") }}
	slow := &recorder{name: "slow", on: func(Event) { time.Sleep(time.Second) }}
	for _, s := range []*recorder{panicking, slow} {
		sub, err := r.Subscribe(s, SubscribeOptions{Buffer: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(sub.Close)
	}
	for i := range 5 {
		r.add(Once(fmt.Sprintf("noise-%d", i), plays(succeeds(0))))
		synctest.Wait()
	}
	time.Sleep(10 * time.Second)
	synctest.Wait()
	if slices.Contains(panicking.kinds(), SubscriberPanicked) {
		t.Error("the subscriber that panicked was told of its own panics")
	}
}

// uidsLeftOut removes uids from the reasons of replacements.
var uidsLeftOut = regexp.MustCompile(`task ("[^"]+") \(uid [^)]+\)`)
