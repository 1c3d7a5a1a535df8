package supervisor

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"
)

// asked returns "KIND task principal" for each event that somebody asked for.
func asked(events []Event) (lines []string) {
	for i := range events {
		e := &events[i]
		if _, sometimes := KindFields(e.Kind); sometimes.Has(FieldPrincipal) {
			lines = append(lines, strings.TrimSpace(e.Kind.String()+" "+e.Task+" "+e.Principal))
		}
	}
	return lines
}

// "What Add, Replace, Run, Start and Remove are asked to do with it is on record as the wish of that principal", however the slot takes the task.
func TestPrincipalsAreOnRecord(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{SlotQueue: 1})
		as := func(name string) context.Context { return WithPrincipal(context.Background(), name) }
		idle := func(name string, policy AdmissionPolicy) Spec { return in("db", policy, Once(name, plays(hangs()))) }
		add := func(who string, spec Spec) { _, _ = r.Add(as(who), spec) } // the log shows what came of it
		add("ann", idle("owner", AdmitQueue))
		add("bob", idle("queued", AdmitQueue))
		add("cid", idle("full", AdmitQueue))
		add("dan", idle("busy", DropIfRunning))
		if _, err := r.Remove(as("eve"), ByName("queued"), 0); err != nil {
			t.Error(err)
		}
		add("fay", idle("next", AdmitReplace)) // on whose behalf the owner is removed
		synctest.Wait()
		if _, err := r.Replace(as("joy"), idle("next", AdmitQueue)); err != nil { // in its place in the slot
			t.Error(err)
		}
		synctest.Wait()
		if _, err := r.Add(as("kim"), idle("waits", AdmitQueue)); err != nil {
			t.Error(err)
		}
		if _, err := r.Replace(as("leo"), idle("waits", AdmitQueue)); err != nil { // in its place in the queue
			t.Error(err)
		}
		if err := r.Start(as("gil"), Once("batch", plays(hangs()))); err != nil {
			t.Error(err)
		}
		if _, err := r.Remove(as("hal"), ByName("batch"), time.Second); err != nil {
			t.Error(err)
		}
		if _, err := r.Add(context.Background(), Once("nobody", plays(hangs()))); err != nil {
			t.Error(err)
		}
		if err := r.Shutdown(as("ian")); err != nil {
			t.Error(err)
		}
		want := []string{
			"TASK_ADD_REQUESTED owner ann", "TASK_ADD_REQUESTED queued bob", "TASK_ADD_REQUESTED full cid", "TASK_ADD_REQUESTED busy dan",
			"TASK_REMOVE_REQUESTED queued eve", "TASK_ADD_REQUESTED next fay", "TASK_REMOVE_REQUESTED owner fay",
			"TASK_REMOVE_REQUESTED next joy", "TASK_ADD_REQUESTED next joy",
			"TASK_ADD_REQUESTED waits kim", "TASK_REMOVE_REQUESTED waits leo", "TASK_ADD_REQUESTED waits leo", "TASK_ADD_REQUESTED batch gil", "TASK_REMOVE_REQUESTED batch hal", "TASK_ADD_REQUESTED nobody",
		}
		if got := asked(r.events()); !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	})
}

// Two who remove the same task: the first to ask is on record.
func TestThePrincipalOfARemovalIsTheFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		r.addBody("slow", hangs().ignoring(time.Second, nil))
		synctest.Wait()
		remove := func(who string) {
			if _, err := r.Remove(WithPrincipal(context.Background(), who), ByName("slow"), time.Minute); err != nil {
				t.Errorf("%s: %v", who, err)
			}
		}
		go remove("first")
		synctest.Wait()
		remove("second")
		if got, want := asked(r.events()), []string{"TASK_ADD_REQUESTED slow", "TASK_REMOVE_REQUESTED slow first"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestPrincipalsAreBounded(t *testing.T) {
	if name := Principal(context.Background()); name != "" {
		t.Errorf("nobody is %q", name)
	}
	for _, name := range []string{"", "ann", strings.Repeat("x", MaxPrincipal), strings.Repeat("ä", MaxPrincipal), "bad \xff"} {
		got := Principal(WithPrincipal(t.Context(), name))
		if fits := len(name) <= MaxPrincipal && utf8.ValidString(name); len(got) > MaxPrincipal || !utf8.ValidString(got) || fits && got != name {
			t.Errorf("%q is on record as %q", name, got)
		}
	}
}
