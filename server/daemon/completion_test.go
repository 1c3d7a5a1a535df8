package daemon

import (
	"strings"
	"testing"
)

func TestCompletion(t *testing.T) {
	for _, shell := range shellNames() {
		code, stdout, stderr := once(t, nil, "completion", shell)
		if code != ExitClean || stderr != "" || !strings.Contains(stdout, "taskvisord") {
			t.Errorf("%s: exit code %d, stderr %q, stdout\n%.200s", shell, code, stderr, stdout)
		}
	}
}

// What the scripts ask for at each press of the key.
func TestCompletionOfFlags(t *testing.T) {
	code, stdout, _ := once(t, nil, "__complete", "--max-")
	if code != ExitClean || !strings.Contains(stdout, "--max-tasks") || !strings.Contains(stdout, "--max-concurrent") {
		t.Errorf("exit code %d, stdout %q", code, stdout)
	}
}

func TestHelpOfCommands(t *testing.T) {
	for _, args := range [][]string{{"help", "completion"}, {"completion", "--help"}} {
		code, stdout, stderr := once(t, nil, args...)
		if code != ExitClean || stderr != "" || !strings.Contains(stdout, "Usage:\n  taskvisord completion SHELL\n\nFlags:") {
			t.Errorf("%q: exit code %d, stderr %q, stdout\n%s", args, code, stderr, stdout)
		}
	}
}
