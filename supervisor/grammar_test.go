package supervisor

import (
	"strings"
	"testing"
	"time"
)

// grammar checks a log, event by event, against what DESIGN §5 says of every log, whatever the tasks do.
type grammar struct {
	t        testing.TB
	sequence uint64
	time     time.Time
	lives    map[UID]*lifeGrammar
	names    map[string]UID // live tasks
	slots    map[string]SlotState
	closing  bool
	over     bool // the verdict of the shutdown is out: only more of GraceExceeded may follow
}

// lifeGrammar is what a log has said of one life.
type lifeGrammar struct {
	last      Kind // of the events that alternate: all but TaskRemoveRequested and GraceExceeded
	attempt   uint64
	requested bool
	timedOut  bool
	removed   bool
}

// follows lists, for each kind about a life, what it may come after.
var follows = map[Kind][]Kind{
	TaskAddRequested:    {0},
	TaskAdded:           {TaskAddRequested, ControllerSubmitted},
	ControllerSubmitted: {TaskAddRequested},
	ControllerRejected:  {TaskAddRequested, ControllerSubmitted},
	TaskStarting:        {TaskAdded, BackoffScheduled}, // in front of the first run of a schedule there is a BackoffScheduled
	TimeoutHit:          {TaskStarting},
	TaskStopped:         {TaskStarting},
	TaskFailed:          {TaskStarting, TimeoutHit},
	BackoffScheduled:    {TaskStopped, TaskFailed, TaskAdded}, // after TaskAdded it waits for the first time of a schedule
	ActorExhausted:      {TaskStopped, TaskFailed, TaskAdded}, // after TaskAdded no time of a schedule is left
	ActorDead:           {TaskFailed},
	TaskRemoved:         {ControllerSubmitted, ControllerRejected, TaskAdded, TaskStopped, TaskFailed, BackoffScheduled, ActorExhausted, ActorDead},
}

// checkLog checks a log from its first event on.
func checkLog(t testing.TB, events []Event) {
	t.Helper()
	g := grammar{t: t, lives: map[UID]*lifeGrammar{}, names: map[string]UID{}, slots: map[string]SlotState{}}
	for i := range events {
		if !g.event(&events[i]) {
			t.Errorf("…in the log:\n%s", render(events[max(0, i-50):i+1], events[0].Time))
			return
		}
	}
	if g.over {
		g.wholeLives(events)
	}
}

// wholeLives checks that each life in the log of a supervisor that has shut down has its end, or was reported as stuck.
func (g *grammar) wholeLives(events []Event) {
	g.t.Helper()
	stuck := map[UID]bool{}
	for i := range events {
		if events[i].Kind == GraceExceeded {
			stuck[events[i].UID] = true
		}
	}
	for name, uid := range g.names {
		if !stuck[uid] {
			g.t.Errorf("the life %s of %q has no end", uid, name)
		}
	}
}

func (g *grammar) event(e *Event) bool {
	ok := true
	check := func(cond bool, format string, args ...any) {
		if !cond {
			ok = false
			g.t.Errorf("event %d, %s of %q: "+format, append([]any{e.Sequence, e.Kind, e.Task}, args...)...)
		}
	}
	g.sequence++
	check(e.Sequence == g.sequence, "sequence is not %d", g.sequence)
	check(!e.Time.Before(g.time), "time goes back by %s", g.time.Sub(e.Time))
	g.time = e.Time
	check(!g.over || e.Kind == GraceExceeded || e.Kind == SubscriberPanicked || e.Kind == SubscriberOverflow, "comes after the verdict of the shutdown")
	checkFields(e, check)
	switch e.Kind {
	case ShutdownRequested:
		check(!g.closing, "comes twice")
		g.closing = true
	case AllStoppedWithinGrace:
		check(g.closing, "comes without a request")
		check(len(g.names) == 0, "comes while %d tasks are live", len(g.names))
		g.over = true
	case SubscriberOverflow, SubscriberPanicked:
	default:
		g.life(e, check)
	}
	return ok
}

// slot checks that the transitions of a slot follow each other.
func (g *grammar) slot(e *Event, check func(bool, string, ...any)) {
	before := g.slots[e.Slot]
	if before == 0 {
		before = SlotIdle
	}
	// The slot of a task that left it open is known only once another one wants it.
	check(e.PreviousSlotState == before || before == SlotIdle, "says the slot was %s, it was %s", e.PreviousSlotState, before)
	g.slots[e.Slot] = e.SlotState
}

func (g *grammar) life(e *Event, check func(bool, string, ...any)) {
	l := g.lives[e.UID]
	if l == nil {
		l = &lifeGrammar{}
		g.lives[e.UID] = l
	}
	check(!l.removed, "comes after TASK_REMOVED")
	switch e.Kind {
	case TaskRemoveRequested:
		check(!l.requested, "comes twice")
		check(l.last != 0 && l.last != ActorExhausted && l.last != ActorDead, "comes after %s", l.last)
		l.requested = true
		return
	case TaskOutput:
		check(l.last == TaskStarting || l.last == TimeoutHit, "comes after %s", l.last)
		check(e.Attempt == l.attempt, "attempt %d, not %d", e.Attempt, l.attempt)
		check(len(e.Line) <= MaxLine, "has a line of %d bytes", len(e.Line))
		return
	case ControllerSlotTransition:
		g.slot(e, check)
		return
	case GraceExceeded:
		running := l.last == TaskStarting || l.last == TimeoutHit
		check(running != strings.HasPrefix(e.Reason, "Close of the body"), "comes after %s: %s", l.last, e.Reason)
		check(e.Attempt == l.attempt, "attempt %d, not %d", e.Attempt, l.attempt)
		return
	}
	g.order(e, l, check)
	l.last = e.Kind
}

// order checks the events of a life that alternate.
func (g *grammar) order(e *Event, l *lifeGrammar, check func(bool, string, ...any)) {
	allowed := false
	for _, k := range follows[e.Kind] {
		allowed = allowed || k == l.last
	}
	check(allowed, "comes after %s", l.last)
	switch e.Kind {
	case TaskAddRequested:
		_, taken := g.names[e.Task]
		check(!taken, "comes while another life has the name")
		check(!g.closing, "comes after the shutdown was requested")
		g.names[e.Task] = e.UID
	case TaskStarting:
		l.attempt++
		l.timedOut = false
		check(!l.requested, "comes after the removal was requested")
	case TimeoutHit:
		l.timedOut = true
	case BackoffScheduled:
		check(!l.requested, "comes after the removal was requested")
	case TaskRemoved:
		check(g.names[e.Task] == e.UID, "does not have the name")
		check((e.Outcome == OutcomeRejected) == (l.last == ControllerRejected), "has outcome %s after %s", e.Outcome, l.last)
		check(!l.requested || e.Outcome == OutcomeCanceled || e.Outcome == OutcomeAbandoned, "has outcome %s", e.Outcome)
		delete(g.names, e.Task)
		l.removed = true
	case TaskStopped, TaskFailed, ActorExhausted, ActorDead, ControllerSubmitted, ControllerRejected:
	}
	if e.Attempt != 0 {
		check(e.Attempt == l.attempt, "attempt %d, not %d", e.Attempt, l.attempt)
	}
}
