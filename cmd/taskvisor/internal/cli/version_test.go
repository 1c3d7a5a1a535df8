package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/server/servertest"
)

func TestVersion(t *testing.T) {
	inWorld(t, func(w *world) {
		w.at80And120("version")
		w.at80And120("version", "-o", "json")
		w.run("version", "-o", "yaml")
		w.run("version", "-o", "name")
		w.run("version", "--client")
		w.run("version", "--client", "-o", "json")
		w.run("version", "--server", "localhost:7700")
		w.run("version", "now")
		w.run("--version")
	})
}

func TestAServerWithoutAVersion(t *testing.T) {
	inWorld(t, func(w *world) {
		w.run("version")
		w.run("version", "-o", "json")
	}, servertest.WithServer(server.Config{}))
}

// TestVersionOfTheBuild: what is not given is read from the binary.
func TestVersionOfTheBuild(t *testing.T) {
	var stdout bytes.Buffer
	if code := Run(t.Context(), Process{Args: []string{"--version"}, Stdout: &stdout}); code != ExitClean || !strings.HasPrefix(stdout.String(), "taskvisor ") ||
		strings.Count(stdout.String(), "\n") != 1 {
		t.Errorf("code %d, %q", code, &stdout)
	}
}

// TestVersionWithoutAServer prints what it knows, as an object with -o json, and then the error.
func TestVersionWithoutAServer(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"version", "-o", "json"}} {
		stdout, stderr, code := asksAll(t, append(args, "--server", closedPort(t))...)
		if code != ExitNoServer || !strings.Contains(stdout, "go1") || !strings.Contains(stderr, "nothing listens there") {
			t.Errorf("code %d: %q, %q", code, stdout, stderr)
		}
	}
}

// TestCompletionScripts prints one for each shell.
func TestCompletionScripts(t *testing.T) {
	for _, shell := range shellNames() {
		var stdout, stderr bytes.Buffer
		code := Run(t.Context(), Process{Args: []string{"completion", shell}, Stdout: &stdout, Stderr: &stderr})
		if code != ExitClean || !strings.Contains(stdout.String(), "__complete") || stderr.Len() > 0 {
			t.Errorf("%s: code %d, %d bytes, %s", shell, code, stdout.Len(), &stderr)
		}
	}
	inWorld(t, func(w *world) {
		w.at80And120("completion")
		w.run("completion", "tcsh")
		w.run("completion", "bash", "zsh")
		w.run("completion", "bash", "-o", "json")
	})
}
