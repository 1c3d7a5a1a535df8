package supervisor

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// How plans, logs and answers are printed when they differ. Moments are counted from the beginning of the bubble.

func (e simEvent) String() string {
	if e.kind == 0 {
		return "nothing"
	}
	return e.at.String() + " " + word(&Event{
		Kind: e.kind, Attempt: e.attempt, Duration: e.d, Timeout: e.d, Delay: e.d, Source: e.source, Outcome: e.outcome,
		ExitCode: e.code, HasExitCode: e.has, Reason: e.reason,
	})
}

func (s simState) String() string {
	if s.state == 0 {
		return "no task"
	}
	text := fmt.Sprintf("%s, attempt %d, streak %d, created %s, started %s", s.state, s.attempt, s.streak, s.created, s.started)
	for _, part := range []struct {
		what string
		at   time.Duration
	}{{"next", s.planned}, {"finished", s.finished}, {"failed", s.failed}} {
		if part.at != 0 {
			text += fmt.Sprintf(", %s %s", part.what, part.at)
		}
	}
	if s.outcome != 0 {
		text += ", " + s.outcome.String()
	}
	return text + ", " + s.reason
}

func (r simReply) String() string {
	return fmt.Sprintf("at %s: %v; life %d: %s; %s", r.at, r.err, r.life, r.simState, r.list)
}

func (a *simAct) String() string {
	text := fmt.Sprintf("%s at %s", a.do, a.at)
	switch {
	case len(a.specs) > 0:
	case a.target >= 0:
		text += fmt.Sprintf(" of the life that act %d added", a.target)
	default:
		text += " " + a.name
	}
	if a.grace > 0 {
		text += fmt.Sprintf(", grace %s", a.grace)
	}
	if a.patience > 0 {
		text += fmt.Sprintf(", patience %s", a.patience)
	}
	for i := range a.specs {
		text += "\n  " + a.specs[i].String()
	}
	return text
}

func (s *simSpec) String() string {
	text := fmt.Sprintf("%s, timeout %s, heartbeat timeout %s, restart %+v, backoff %+v, closes after %s, steps",
		s.Name, s.Timeout, s.HeartbeatTimeout, s.Restart, s.Backoff, s.closes)
	for _, step := range s.steps {
		text += fmt.Sprintf(" (%s: %s; deaf %s: %s; beats %t)", step.work, step.end, step.deaf, step.late, step.beats)
	}
	return strings.ReplaceAll(text, None.String(), "None")
}

// String names the end by what it means and what is left of it in the log.
func (e *simEnd) String() string {
	if e == simLeaves {
		return "leaves"
	}
	return [...]string{succeeded: "succeeds", canceled: "is canceled", failed: "fails", fatal: "fatal"}[e.how] + " " + e.reason
}

// diff compares the log of a life with what the model says, and shows both up to the first difference.
func diff(t testing.TB, what fmt.Stringer, got, want []simEvent) {
	at := func(log []simEvent, i int) simEvent {
		if i < len(log) {
			return log[i]
		}
		return simEvent{}
	}
	for i := range max(len(got), len(want)) {
		if at(got, i) == at(want, i) {
			continue
		}
		var b strings.Builder
		for _, e := range got[:i] {
			fmt.Fprintf(&b, "\n  %s", e)
		}
		t.Errorf("%s%s\n  %s\nwant:\n  %s", what, b.String(), at(got, i), at(want, i))
		return
	}
}

// diffWhole is what diff compares when it is no life.
type diffWhole struct{}

func (diffWhole) String() string { return "the supervisor itself" }
