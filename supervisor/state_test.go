package supervisor

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestTransitions tries every state after every other: the table's pass, all others panic and leave the state as it was.
func TestTransitions(t *testing.T) {
	const states = State(len(transitions))
	for from := range states + 2 {
		for to := range states + 2 {
			want := from < states && slices.Contains(transitions[from], to)
			if got := enters(from, to); got != want {
				t.Errorf("%s → %s: %v, want %v", from, to, got, want)
			}
		}
	}
}

// enters reports whether a task can go from one state to the other.
func enters(from, to State) (ok bool) {
	task := &task{state: from, sup: &Supervisor{counts: new(counts)}}
	defer func() {
		if recover() != nil {
			ok = false
			if task.state != from {
				panic(fmt.Sprintf("%s → %s was refused, and made", from, to))
			}
		}
	}()
	task.enterLocked(to)
	return task.state == to
}

// TestTransitionTable says the table again, for a change to it to be meant.
func TestTransitionTable(t *testing.T) {
	want := strings.Join([]string{
		"State(0) → WAITING QUEUED FINISHED",
		"QUEUED → WAITING FINISHED",
		"WAITING → RUNNING BACKOFF STOPPING FINISHED",
		"RUNNING → BACKOFF STOPPING FINISHED",
		"BACKOFF → WAITING RUNNING STOPPING",
		"STOPPING → BACKOFF STUCK FINISHED",
		"STUCK → BACKOFF FINISHED",
		"FINISHED →",
	}, "\n")
	var got []string
	for from, next := range transitions {
		line := fmt.Sprint(State(from), " →")
		for _, to := range next {
			line += " " + to.String()
		}
		got = append(got, line)
	}
	if got := strings.Join(got, "\n"); got != want {
		t.Errorf("the table is\n%s\nwant\n%s", got, want)
	}
}

// reachable returns the states that a task can come to from some state.
func reachable(from State) map[State]bool {
	seen := map[State]bool{}
	for todo := []State{from}; len(todo) > 0; {
		next := todo[0]
		todo = todo[1:]
		for _, to := range transitions[next] {
			if !seen[to] {
				seen[to] = true
				todo = append(todo, to)
			}
		}
	}
	return seen
}

func TestEveryStateIsOnTheWayFromAddToFinished(t *testing.T) {
	fromAdd := reachable(0)
	for s := State(1); int(s) < len(transitions); s++ {
		if !fromAdd[s] {
			t.Errorf("no life gets to %s", s)
		}
		if s != StateFinished && !reachable(s)[StateFinished] {
			t.Errorf("no life ends that gets to %s", s)
		}
	}
	if len(transitions[StateFinished]) != 0 {
		t.Error("FINISHED is not terminal")
	}
}

// TestEnumNames walks every enum until its names end: no gap, no name twice, and a value out of range is seen for what it is.
func TestEnumNames(t *testing.T) {
	for _, enum := range []struct {
		typ   string
		names []string
		value func(int) fmt.Stringer
		last  uint8
	}{
		{"State", stateNames[:], func(i int) fmt.Stringer { return State(i) }, uint8(StateFinished)},
		{"Outcome", outcomeNames[:], func(i int) fmt.Stringer { return Outcome(i) }, uint8(OutcomeAbandoned)},
		{"RestartMode", restartModeNames[:], func(i int) fmt.Stringer { return RestartMode(i) }, uint8(RestartAlways)},
		{"Jitter", jitterNames[:], func(i int) fmt.Stringer { return Jitter(i) }, uint8(JitterDecorrelated)},
		{"BackoffSource", backoffSourceNames[:], func(i int) fmt.Stringer { return BackoffSource(i) }, uint8(BackoffUntilSchedule)},
		{"AdmissionPolicy", admissionPolicyNames[:], func(i int) fmt.Stringer { return AdmissionPolicy(i) }, uint8(DropIfRunning)},
		{"SlotState", slotStateNames[:], func(i int) fmt.Stringer { return SlotState(i) }, uint8(SlotStopping)},
		{"Rejection", rejectionNames[:], func(i int) fmt.Stringer { return Rejection(i) }, uint8(RejectedPurged)},
		{"OutputStream", outputStreamNames[:], func(i int) fmt.Stringer { return OutputStream(i) }, uint8(Stderr)},
		{"Kind", kindNames[:], func(i int) fmt.Stringer { return Kind(i) }, uint8(len(kindFields) - 1)},
	} {
		if len(enum.names) != int(enum.last)+1 {
			t.Errorf("%s has %d names for %d values", enum.typ, len(enum.names)-1, enum.last)
		}
		seen := map[string]bool{}
		for i := 1; i < len(enum.names); i++ {
			name := enum.value(i).String()
			if !regexp.MustCompile(`^[A-Z]+(_[A-Z]+)*$`).MatchString(name) || seen[name] {
				t.Errorf("%s %d is named %q", enum.typ, i, name)
			}
			seen[name] = true
		}
		for _, i := range []int{0, len(enum.names), 255} {
			if got, want := enum.value(i).String(), fmt.Sprintf("%s(%d)", enum.typ, i); got != want {
				t.Errorf("%s without a name is %q, want %q", enum.typ, got, want)
			}
		}
	}
	if len(transitions) != len(stateNames) {
		t.Errorf("%d rows of transitions for %d states", len(transitions), len(stateNames))
	}
}
