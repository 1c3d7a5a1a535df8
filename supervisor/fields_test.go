package supervisor

import (
	"context"
	"maps"
	"testing"
	"testing/synctest"
	"time"
)

// setFields returns the fields of e that are not zero.
func setFields(e *Event) Fields {
	var f Fields
	for field, set := range map[Fields]bool{
		FieldTask:     e.Task != "" || !e.UID.IsZero() || e.Labels != nil,
		FieldAttempt:  e.Attempt != 0,
		FieldDuration: e.Duration != 0,
		FieldTimeout:  e.Timeout != 0,
		FieldDelay:    e.Delay != 0,
		FieldReason:   e.Reason != "",
		FieldExitCode: e.HasExitCode || e.ExitCode != 0,
		FieldSource:   e.Source != 0,
		FieldOutcome:  e.Outcome != 0,

		FieldSlot:       e.Slot != "",
		FieldRejection:  e.Rejection != 0,
		FieldTransition: e.PreviousSlotState != 0 || e.SlotState != 0,
		FieldDepth:      e.Depth != 0,
		FieldSubscriber: e.Subscriber != "",
		FieldLost:       e.Lost != 0,
		FieldLine:       e.Stream != 0 || e.Line != "",
		FieldPrincipal:  e.Principal != "",
	} {
		if set {
			f |= field
		}
	}
	return f
}

// mayBeZero are the fields for which zero is a value like others.
const mayBeZero = FieldDuration | FieldDelay | FieldDepth

// checkFields compares an event with the table. Every event of every test in this package with a rig comes here.
func checkFields(e *Event, check func(ok bool, format string, args ...any)) {
	always, sometimes := KindFields(e.Kind)
	set := setFields(e)
	check(set&^(always|sometimes) == 0, "sets the fields %b, which its kind does not", set&^(always|sometimes))
	check(set.Has(always&^mayBeZero), "does not set the fields %b", always&^mayBeZero&^set)
	check(len(e.Reason) <= MaxReason, "has a reason of %d bytes", len(e.Reason))
	if always.Has(FieldTask) {
		check(e.Task != "" && !e.UID.IsZero(), "lacks the task or its uid")
	}
}

func TestKindFieldsCoverEveryKind(t *testing.T) {
	for k := range namedKinds(t) {
		always, sometimes := KindFields(k)
		if always&sometimes != 0 {
			t.Errorf("%s: fields %b are both always and sometimes set", k, always&sometimes)
		}
		if always == 0 && k != AllStoppedWithinGrace {
			t.Errorf("%s has no row in kindFields", k)
		}
	}
	for _, k := range []Kind{0, Kind(len(kindFields)), 255} {
		if always, sometimes := KindFields(k); always|sometimes != 0 {
			t.Errorf("unknown kind %d has fields", k)
		}
	}
}

// namedKinds returns every kind that has a name.
func namedKinds(t *testing.T) map[Kind]bool {
	t.Helper()
	kinds := map[Kind]bool{}
	for k := Kind(1); int(k) < len(kindNames); k++ {
		kinds[k] = true
	}
	if len(kinds) != len(kindNames)-1 || len(kindFields) != len(kindNames) {
		t.Errorf("%d kinds, %d names, %d rows of fields", len(kinds), len(kindNames)-1, len(kindFields)-1)
	}
	return kinds
}

// TestEveryKindIsSeen provokes every kind of event, and checks the fields of each through the rig.
func TestEveryKindIsSeen(t *testing.T) {
	seen := map[Kind]bool{}
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{Grace: time.Second})
		r.addBody("flaky", fails(0, "boom"), succeeds(time.Millisecond))
		r.add(talks(func(ctx context.Context) error { OutputLine(ctx, Stdout, "line"); return nil }))
		r.addBody("dead", ends(0, returns(Fatal(ExitCode(problem("boom"), 3)))))
		removed := r.add(Spec{Name: "removed", Task: plays(hangs()), Labels: map[string]string{"a": "b"}})
		slow := plain(Restartable("slow", plays(hangs())))
		slow.Timeout = time.Second
		r.add(slow)
		r.sleepUntil(2 * time.Second)
		provokeController(r)
		provokeSubscriber(t, r)
		if _, err := r.Remove(context.Background(), ByUID(removed.UID), 0); err != nil {
			t.Error(err)
		}
		r.addBody("stuck", hangs().ignoring(time.Minute, nil))
		synctest.Wait() // the attempt runs
		if _, err := r.Remove(context.Background(), ByName("stuck"), time.Second); err == nil {
			t.Error("the stuck task was removed")
		}
		r.sleepUntil(2 * time.Minute)
		if err := r.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		for _, e := range r.events() {
			seen[e.Kind] = true
			if e.UID == removed.UID && !maps.Equal(e.Labels, removed.Spec.Labels) {
				t.Errorf("%s has labels %v", e.Kind, e.Labels)
			}
		}
	})
	for k := range namedKinds(t) {
		if !seen[k] {
			t.Errorf("no test has seen %s", k)
		}
	}
}
