//go:build unix

package exec_test

import (
	"strings"
	"testing"

	"github.com/taskvisor/taskvisor/supervisor"
)

// withInput starts a shell script once, with something to read.
func withInput(t *testing.T, script, stdin string) *lab {
	t.Helper()
	return newLab(t, map[string]any{"command": []string{"sh", "-c", script}, "stdin": stdin})
}

func TestStandardInputIsTheTextAndThenTheEnd(t *testing.T) {
	l := withInput(t, `while IFS= read -r x; do echo "[$x]"; done; echo "[$x]"; echo the end`, "one\n\x01 tw\u00f6\n\nlast")
	for _, text := range []string{"[one]", "[\x01 tw\u00f6]", "[]", "[last]", "the end"} {
		l.expect("stdout", text)
	}
	l.wait()
}

func TestStandardInputIsEmptyUnlessThereIsAText(t *testing.T) {
	l := withInput(t, "wc -c | tr -d ' '", "")
	l.expect("stdout", "0")
	l.wait()
}

// A text that is larger than a pipe, and commands that read none of it, or leave it to others: none of them hangs.
func TestInputNeedNotBeRead(t *testing.T) {
	large := strings.Repeat("x", 1<<20)
	for script, want := range map[string]supervisor.Outcome{
		`test "$(wc -c)" -eq 1048576`:                supervisor.OutcomeCompleted,
		"head -c 1 >/dev/null":                       supervisor.OutcomeCompleted,
		"true":                                       supervisor.OutcomeCompleted,
		"exec <&-; exit 3":                           supervisor.OutcomeFailed,
		"sleep 1000 </dev/stdin & exit 3":            supervisor.OutcomeFailed,
		"setsid sh -c 'exec sleep 0.1' <&0 & exit 3": supervisor.OutcomeFailed,
	} {
		if snap := withInput(t, script, large).wait(); snap.Outcome != want {
			t.Errorf("%s: outcome %s, %+v", script, snap.Outcome, snap.LastError)
		}
	}
	l := withInput(t, "echo ready; exec sleep 1000", large)
	l.expect("stdout", "ready")
	if snap := l.remove(); snap.Outcome != supervisor.OutcomeCanceled {
		t.Errorf("outcome %s", snap.Outcome)
	}
}

// Each attempt has all of the text.
func TestEachAttemptReadsAllOfItsInput(t *testing.T) {
	l := newLab(t, map[string]any{"command": []string{"sh", "-c", "cat; exit 1"}, "stdin": "text\n"}, func(s *supervisor.Spec) {
		s.Restart = supervisor.RestartPolicy{Mode: supervisor.RestartOnFailure, MaxRetries: 2}
		s.Backoff.First = supervisor.None
	})
	for range 3 {
		l.expect("stdout", "text")
	}
	l.wait()
}
