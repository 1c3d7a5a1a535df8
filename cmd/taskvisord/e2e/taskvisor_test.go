//go:build e2e

package e2e

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestTaskvisorOutlivesTheServer has a person watch while the daemon is stopped and started anew: what happens then is told, and what is said in
// between.
func TestTaskvisorOutlivesTheServer(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", t.TempDir()) // no config of the developer's own
	const socket = "./s"                     // a longer path may be too long for a socket
	first := startDaemonIn(t, ".", "--socket", socket)
	watch := start(t, bin.taskvisor, "--server", socket, "watch", "--oldest")
	add := func(name string) {
		t.Helper()
		p := start(t, bin.taskvisor, "--server", socket, "add", name, "--plugin", "sleep", "--set", "duration=1ms", "--wait")
		if <-p.ended; p.cmd.ProcessState.ExitCode() != 0 {
			t.Fatalf("add %s: exit code %d", name, p.cmd.ProcessState.ExitCode())
		}
	}
	offset := 0
	await := func(what, words string) {
		t.Helper()
		_, next, ok := watch.stdout.find(offset, func(line string) bool {
			return strings.Contains(strings.Join(strings.Fields(line), " "), words)
		})
		if !ok {
			t.Fatalf("%s is not told", what)
		}
		offset = next
	}
	add("one")
	await("the end of the first task", "TASK_REMOVED one completed")
	first.signal(t, syscall.SIGTERM)
	first.exit(t)
	await("the end of the first daemon", "ALL_STOPPED_WITHIN_GRACE")
	startDaemonIn(t, ".", "--socket", socket)
	add("two")
	await("the second task", "TASK_REMOVED two completed")
	watch.signal(t, syscall.SIGINT)
	if <-watch.ended; watch.cmd.ProcessState.ExitCode() != 130 {
		t.Errorf("exit code %d after Ctrl-C", watch.cmd.ProcessState.ExitCode())
	}
	for _, words := range []string{"the server shuts down", "the server was started anew", "To go on from here: taskvisor watch --since ", "interrupted"} {
		if !strings.Contains(watch.stderr.String(), words) {
			t.Errorf("it does not say %q", words)
		}
	}
}

// TestTaskvisorCompletes asks as a shell does after TAB.
func TestTaskvisorCompletes(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir()) // no config of the developer's own
	d := startDaemonIn(t, root, "--tasks", filepath.Join("cmd", "taskvisord", "example", "tasks.yaml"), "--exec-allow", "sh,date,sleep")
	p := start(t, bin.taskvisor, "__complete", "--server", d.addr, "get", "cr")
	<-p.ended
	if out := p.stdout.String(); !strings.HasPrefix(out, "crash-loop\t") {
		t.Errorf("completed %q", out)
	}
}
