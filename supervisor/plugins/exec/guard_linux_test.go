package exec_test

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/taskvisor/taskvisor/supervisor/plugins/exec"
)

// guardianOf returns the process that guards a daemon.
func guardianOf(t *testing.T, daemon int) (pid int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	want := "taskvisor-guard\x00" + strconv.Itoa(daemon) + "\x00"
	for _, file := range files {
		if cmdline, err := os.ReadFile(file); err == nil && string(cmdline) == want {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	t.Fatalf("process %d has no guardian", daemon)
	return 0
}

// A reader of the output of the daemon sees its end, a folder can be removed, a port is free, a terminal is not asked for anything.
func TestTheGuardianHasNothingOfTheDaemonButAPipe(t *testing.T) {
	held, err := os.Open(os.DevNull) // what a daemon is given to pass on
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	inheritable, err := syscall.Dup(int(held.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(inheritable)
	daemon, lifeline := startDaemon(t, `exec 9>"$FIFO"; echo ready >&9; exec sleep 1000`)
	guardian := "/proc/" + strconv.Itoa(guardianOf(t, daemon.Process.Pid))

	if environ, err := os.ReadFile(guardian + "/environ"); err != nil || strings.Contains(string(environ), "FIFO") {
		t.Errorf("environment %q, %v", environ, err)
	}
	if dir, err := os.Readlink(guardian + "/cwd"); err != nil || dir != "/" {
		t.Errorf("working directory %s, %v", dir, err)
	}
	stat, err := os.ReadFile(guardian + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(stat))
	if pid, group, session := fields[0], fields[4], fields[5]; group != pid || session != pid {
		t.Errorf("process %s is in group %s of session %s", pid, group, session)
	}
	for { // it lets go of what it was given once it runs
		open := openFiles(t, guardian)
		if slices.Equal(open, []string{"/dev/null", "/dev/null", "/dev/null", "pipe"}) {
			break
		}
	}
	kill(t, daemon)
	expectEOF(t, lifeline)
}

// openFiles returns what a process has open, besides what the runtime needs.
func openFiles(t *testing.T, proc string) (open []string) {
	t.Helper()
	files, err := os.ReadDir(proc + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		target, err := os.Readlink(proc + "/fd/" + file.Name())
		if err == nil && !strings.HasPrefix(target, "anon_inode:") {
			name, _, _ := strings.Cut(target, ":")
			open = append(open, name)
		}
	}
	return open
}

// Whoever stops a service signals all its processes; the guardian is to stay.
func TestTheGuardianIgnoresWhatIsMeantForTheDaemon(t *testing.T) {
	daemon, lifeline := startDaemon(t, `setsid sh -c 'exec 9>"$FIFO"; sleep 1000 & echo ready >&9' & wait; exec sleep 1000`)
	guardian := guardianOf(t, daemon.Process.Pid)
	for !ignores(t, guardian, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM) {
	}
	for _, signal := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM} {
		if err := syscall.Kill(guardian, signal); err != nil {
			t.Fatal(err)
		}
	}
	kill(t, daemon)
	expectEOF(t, lifeline)
}

// ignores reports whether a process ignores signals. It does not from the first moment on.
func ignores(t *testing.T, pid int, signals ...syscall.Signal) bool {
	t.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "\nSigIgn:\t")
	mask, err := strconv.ParseUint(rest[:16], 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return !slices.ContainsFunc(signals, func(s syscall.Signal) bool { return mask&(1<<(s-1)) == 0 })
}

// A command may be a daemon that has a guard of its own; the processes of that one are also those of the outer one.
func TestTheMarkOfAGuardIsPassedOn(t *testing.T) {
	t.Setenv("TASKVISOR_GUARD", "outer")
	guard := exec.NewGuard()
	defer guard.Close()
	l := newGuardedLab(t, guard, map[string]any{"command": []string{"sh", "-c", "echo ${TASKVISOR_GUARD%,*}; echo ${#TASKVISOR_GUARD}"}})
	l.expect("stdout", "outer")
	l.expect("stdout", strconv.Itoa(len("outer,")+32))
	l.wait()
	l = sh(t, "echo $TASKVISOR_GUARD")
	l.expect("stdout", "outer")
}

func TestCloseKillsWhatIsLeft(t *testing.T) {
	guard := exec.NewGuard()
	for range 2 { // a later command brings a new guardian
		path, opened := fifo(t)
		l := newGuardedLab(t, guard, map[string]any{"command": []string{"sh", "-c",
			`setsid sh -c 'exec 9>"` + path + `"; echo ready >&9; exec sleep 1000' & exec sleep 1000`}})
		f := <-opened
		if _, err := bufio.NewReader(f).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		guard.Close()
		expectEOF(t, f)
		if reason, _, _ := failure(t, l.wait()); reason != "killed by SIGKILL" {
			t.Errorf("reason %q", reason)
		}
	}
	guard.Close()
	var none *exec.Guard
	none.Close()
}
