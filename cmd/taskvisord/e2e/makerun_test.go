//go:build e2e

package e2e

import (
	"bytes"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// startAsMakeRun starts the daemon as `make run` does, but on a free port.
func startAsMakeRun(t *testing.T) *daemon {
	t.Helper()
	return startDaemonIn(t, root, makeRunFlags(t)...)
}

// makeCommand returns a call of make at the root of the repository.
func makeCommand(args ...string) *exec.Cmd {
	cmd := exec.Command("make", append([]string{"--no-print-directory"}, args...)...)
	cmd.Dir = root
	// These tests may run under a make themselves, whose flags and job server are not meant for this one.
	cmd.Env = slices.DeleteFunc(cmd.Environ(), func(v string) bool { return strings.HasPrefix(v, "MAKE") || strings.HasPrefix(v, "MFLAGS") })
	return cmd
}

// daemonLine is the command of `make run` that starts the daemon, a built one or by go run.
var daemonLine = regexp.MustCompile(`(?m)^(?:go run )?\S*taskvisord (-.*)$`)

// makeRunFlags returns the flags of `make run`: make says what it would run, and the shell how that falls into words.
func makeRunFlags(t *testing.T) []string {
	t.Helper()
	dry := makeCommand("--dry-run", "run")
	var stderr bytes.Buffer
	dry.Stderr = &stderr
	out, err := dry.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", dry, err, &stderr)
	}
	m := daemonLine.FindSubmatch(out)
	if m == nil {
		t.Fatalf("make run does not start taskvisord:\n%s", out)
	}
	split, err := exec.CommandContext(t.Context(), "sh", "-c", `printf '%s\n' `+string(m[1])).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(split))
}
