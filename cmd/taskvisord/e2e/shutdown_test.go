//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"google.golang.org/grpc/codes"

	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// Scripts of tasks. Each says that it is up once its trap is set and its children run, which would all go on by themselves.
const (
	// alone is one process that ignores SIGTERM.
	alone = `exec 3>"$LIFELINE"; trap '' TERM; echo up >&3; exec sleep 100`
	// family has a child and ends on SIGTERM.
	family = `exec 3>"$LIFELINE"; trap 'echo term >&3; exit 0' TERM; sleep 100 & echo up >&3; wait`
	// deafFamily has a child and ignores SIGTERM, as does the child.
	deafFamily = `exec 3>"$LIFELINE"; trap '' TERM; sleep 100 & echo up >&3; wait`
	// runaway has a grandchild that has left its group, its session and its parents, as a service does that goes into the background. Both
	// ignore SIGTERM.
	runaway = `trap '' TERM HUP; (exec 3>"$LIFELINE"; setsid sh -c 'echo up >&3; exec sleep 100' &); exec sleep 100`
)

// supervise adds a task that runs a script, which gets stopGrace from SIGTERM to SIGKILL, and returns when it is up.
func (d *daemon) supervise(t *testing.T, script, stopGrace string) *lifeline {
	t.Helper()
	return d.superviseAs(t, "child", script, stopGrace)
}

// superviseAs does so with a task of that name.
func (d *daemon) superviseAs(t *testing.T, name, script, stopGrace string) *lifeline {
	t.Helper()
	l := newLifeline(t)
	d.superviseOn(t, l, name, script, stopGrace)
	return l
}

// superviseOn is superviseAs with a lifeline that is there. It returns the uid of the task.
func (d *daemon) superviseOn(t *testing.T, l *lifeline, name, script, stopGrace string) (uid string) {
	t.Helper()
	added := &taskvisorv1.AddTaskResponse{}
	d.call(t, "AddTask", fmt.Sprintf(`{"task":{"name":%q,"plugin":"exec","restart":{"mode":"RESTART_MODE_ALWAYS"},
		"config":{"command":["sh","-c",%q],"env":{"LIFELINE":%q},"stop_grace":%q}}}`, name, script, l.path, stopGrace), added)
	l.hear(t, "up")
	l.holdOn(t)
	return added.GetTask().GetUid()
}

// TestTermStopsTheChildFirst is the drain as it should be: the child is asked to stop, is gone before the life of its task ends, and everybody who
// watches learns of it before the daemon leaves.
func TestTermStopsTheChildFirst(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			d := startDaemon(t, "--exec-allow", "sh")
			w := d.watch(t, `{}`)
			l := d.supervise(t, family, "60s")
			w.until(t, "TASK_STARTING")

			d.signal(t, signal)
			l.hear(t, "term")
			tail := kindsOf(w.until(t, "TASK_REMOVED"))
			if !l.ended(t) {
				t.Error("the task is removed, but its processes are there")
			}
			if tail[0] != "SHUTDOWN_REQUESTED" || !slices.Contains(tail, "TASK_STOPPED") {
				t.Errorf("the life ends with %q", tail)
			}
			expectVerdict(t, w, "ALL_STOPPED_WITHIN_GRACE")
			if code := d.exit(t); code != 0 {
				t.Errorf("the daemon exits with %d", code)
			}
		})
	}
}

// expectVerdict expects the last event and the end of the stream.
func expectVerdict(t *testing.T, w *watch, kind string) {
	t.Helper()
	w.expect(t, kind)
	rest, end := w.rest(t)
	if len(rest) != 0 {
		t.Errorf("after the verdict: %q", kindsOf(rest))
	}
	m := mistake{code: codes.Unavailable, reason: "SERVER_SHUTDOWN"}
	m.check(t, end)
}

func TestChildThatIgnoresTermIsKilled(t *testing.T) {
	d := startDaemon(t, "--exec-allow", "sh")
	w := d.watch(t, `{}`)
	l := d.supervise(t, deafFamily, "0.2s")
	w.until(t, "TASK_STARTING")

	d.signal(t, syscall.SIGTERM)
	w.until(t, "TASK_REMOVED")
	if !l.ended(t) {
		t.Error("the task is removed, but its processes are there")
	}
	expectVerdict(t, w, "ALL_STOPPED_WITHIN_GRACE")
	if code := d.exit(t); code != 0 {
		t.Errorf("the daemon exits with %d", code)
	}
}

// TestDrain looks at a daemon that waits for a child, and then ends the wait by a second signal.
func TestDrain(t *testing.T) {
	d := startDaemon(t, "--exec-allow", "sh", "--grace", "100s")
	w := d.watch(t, `{}`)
	l := d.supervise(t, alone, "100s")
	w.until(t, "TASK_STARTING")
	d.signal(t, syscall.SIGTERM)
	w.until(t, "SHUTDOWN_REQUESTED")

	m := mistake{code: codes.Unavailable, reason: "SERVER_SHUTDOWN"}
	m.check(t, d.refuse(t, "AddTask", `{"task":{"plugin":"sleep"}}`))
	if code := d.probe(t); code != probeUnhealthy {
		t.Errorf("grpc-health-probe exits with %d", code)
	}
	listed := &taskvisorv1.ListTasksResponse{}
	if d.call(t, "ListTasks", `{}`, listed); listed.GetTasks()[0].GetState() != taskvisorv1.TaskState_TASK_STATE_STOPPING {
		t.Errorf("listed: %v", listed)
	}
	if l.ended(t) {
		t.Error("the child is gone before its grace was over")
	}

	d.signal(t, syscall.SIGTERM)
	if code, want := d.exit(t), 128+int(syscall.SIGTERM); code != want {
		t.Errorf("the daemon exits with %d after a second signal, want %d", code, want)
	}
	l.end(t)
}

// TestNobodyOutlivesTheDaemon: however the daemon ends, no process of a task is left behind, not even one that the command has started.
func TestNobodyOutlivesTheDaemon(t *testing.T) {
	for name, script := range map[string]string{"alone": alone, "family": family, "deaf family": deafFamily, "runaway": runaway} {
		t.Run(name+", killed", func(t *testing.T) {
			d := startDaemon(t, "--exec-allow", "sh")
			l := d.supervise(t, script, "100s")
			d.signal(t, syscall.SIGKILL)
			<-d.ended
			l.end(t)
		})
		t.Run(name+", clean exit", func(t *testing.T) {
			d := startDaemon(t, "--exec-allow", "sh")
			l := d.supervise(t, script, "0.2s")
			d.signal(t, syscall.SIGTERM)
			if script == family {
				l.hear(t, "term")
			}
			if code := d.exit(t); code != 0 {
				t.Errorf("the daemon exits with %d", code)
			}
			l.end(t)
		})
		if script == family {
			continue // it does not wait for a second signal
		}
		t.Run(name+", second signal", func(t *testing.T) {
			d := startDaemon(t, "--exec-allow", "sh", "--grace", "100s")
			w := d.watch(t, `{}`)
			l := d.supervise(t, script, "100s")
			d.signal(t, syscall.SIGTERM)
			w.until(t, "SHUTDOWN_REQUESTED")
			d.signal(t, syscall.SIGTERM)
			<-d.ended
			l.end(t)
		})
	}
}

// TestGuardianThatIsKilledIsReplaced: the log tells of it, the commands notice nothing, and the next guardian knows them all.
func TestGuardianThatIsKilledIsReplaced(t *testing.T) {
	d := startDaemon(t, "--exec-allow", "sh")
	first := d.superviseAs(t, "first", deafFamily, "100s")
	if err := syscall.Kill(guardianOf(t, d.cmd.Process.Pid), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := d.stderr.find(0, regexp.MustCompile(`WARN .*the guardian process (is gone|has died young)`).MatchString); !ok {
		t.Fatal("the log does not tell of it")
	}
	second := d.superviseAs(t, "second", runaway, "100s")
	if first.ended(t) {
		t.Error("the command has noticed")
	}
	d.signal(t, syscall.SIGKILL)
	<-d.ended
	first.end(t)
	second.end(t)
}

// guardianOf returns the process that guards a daemon.
func guardianOf(t *testing.T, daemon int) (pid int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if cmdline, err := os.ReadFile(file); err != nil || string(cmdline) != fmt.Sprintf("taskvisor-guard\x00%d\x00", daemon) {
			continue
		}
		if pid, err = strconv.Atoi(filepath.Base(filepath.Dir(file))); err != nil {
			t.Fatal(err)
		}
		return pid
	}
	t.Fatal("the daemon has no guardian")
	return 0
}

func TestStuckTaskIsReported(t *testing.T) {
	d := startDaemon(t, "--grace", "0.2s")
	w := d.watch(t, `{}`)
	d.call(t, "AddTask", `{"task":{"name":"stuck","plugin":"sleep","config":{"duration":"1h","ignore_cancel":"1h"}}}`, &taskvisorv1.AddTaskResponse{})
	w.until(t, "TASK_STARTING")

	d.signal(t, syscall.SIGTERM)
	w.until(t, "SHUTDOWN_REQUESTED")
	if last := w.until(t, "GRACE_EXCEEDED"); last[len(last)-1].GetTask() != "stuck" {
		t.Errorf("the verdict is %v", last)
	}
	_, end := w.rest(t)
	m := mistake{code: codes.Unavailable, reason: "SERVER_SHUTDOWN"}
	m.check(t, end)
	const exitStuck = 3
	if code := d.exit(t); code != exitStuck {
		t.Errorf("the daemon exits with %d, want %d", code, exitStuck)
	}
}
