package cli

import (
	"errors"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 1234 * time.Nanosecond: "1µs", 12345 * time.Microsecond: "12ms", 1234 * time.Millisecond: "1.2s", 12345 * time.Millisecond: "12s",
		time.Minute: "1m", 61 * time.Second: "1m1s", time.Hour: "1h", 61 * time.Minute: "1h1m", 47 * time.Hour: "47h", 48 * time.Hour: "2d", 73*time.Hour + time.Minute: "3d1h",
		-time.Second: "-1s",
	} {
		if got := span(d); got != want {
			t.Errorf("%d ns: got %s, want %s", d, got, want)
		}
	}
}

func TestOrdinal(t *testing.T) {
	for n, want := range map[uint64]string{1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 12: "12th", 13: "13th", 21: "21st", 101: "101st", 111: "111th"} {
		if got := ordinal(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}

func TestEnumsInAllSpellings(t *testing.T) {
	e := pb.RestartMode(0).Descriptor()
	for _, text := range []string{"on-failure", "on_failure", "ON_FAILURE", "RESTART_MODE_ON_FAILURE", "On-Failure"} {
		if n, err := parseEnum(e, text); err != nil || pb.RestartMode(n) != pb.RestartMode_RESTART_MODE_ON_FAILURE {
			t.Errorf("%s: %d, %v", text, n, err)
		}
	}
	for _, text := range []string{"", "unspecified", "RESTART_MODE_UNSPECIFIED", "failure", "2"} {
		if n, err := parseEnum(e, text); err == nil {
			t.Errorf("%q: %d", text, n)
		}
	}
	if got := words(e); !slices.Equal(got, []string{"never", "on-failure", "always"}) {
		t.Errorf("got %q", got)
	}
}

// TestEveryOutcomeHasItsOwnCode walks the outcomes that the contract has.
func TestEveryOutcomeHasItsOwnCode(t *testing.T) {
	codes := map[int]pb.Outcome{}
	for n := range pb.Outcome_name {
		o := pb.Outcome(n)
		code := outcomeCode(o)
		if other, taken := codes[code]; taken {
			t.Errorf("%s and %s both have the exit code %d", o, other, code)
		}
		codes[code] = o
		if (code == ExitClean) != (o == pb.Outcome_OUTCOME_COMPLETED) {
			t.Errorf("%s: exit code %d", o, code)
		}
	}
}

// TestEveryStateIsExplained walks the states and outcomes: each is explained in words of its own, with none left to "does not know".
func TestEveryStateIsExplained(t *testing.T) {
	seen := map[string]bool{}
	explained := func(task *pb.Task) {
		text := why(task, asked{})[0]
		if seen[text] {
			t.Errorf("%v: explained like another: %s", task, text)
		}
		seen[text] = true
	}
	for n := range pb.TaskState_name {
		if pb.TaskState(n) != pb.TaskState_TASK_STATE_FINISHED {
			explained(&pb.Task{State: pb.TaskState(n)})
		}
	}
	for n := range pb.Outcome_name {
		explained(&pb.Task{State: pb.TaskState_TASK_STATE_FINISHED, Outcome: pb.Outcome(n)})
	}
}

func TestExitCodeOfErrorsWithoutReason(t *testing.T) {
	for code, want := range map[codes.Code]int{
		codes.Unavailable: ExitNoServer, codes.DeadlineExceeded: ExitTimeout, codes.Unimplemented: ExitFailure, codes.Internal: ExitFailure,
	} {
		if got := exitCode(status.Error(code, "x")); got != want {
			t.Errorf("%s: exit code %d, want %d", code, got, want)
		}
	}
	if got := exitCode(errors.New("x")); got != ExitFailure {
		t.Errorf("any error: exit code %d", got)
	}
}

func TestIsNear(t *testing.T) {
	for _, tt := range []struct {
		typed, name string
		want        bool
	}{{"clok", "clock", true}, {"sevrer", "server", true}, {"tikc", "tick", true}, {"front", "web/front", true}, {"Clock", "clock", true}, {"we", "web", false}, {"eb", "web/front", false}, {"abc", "xyz", false}} {
		if got := isNear(tt.typed, tt.name); got != tt.want {
			t.Errorf("%q and %q: got %t", tt.typed, tt.name, got)
		}
	}
}
