//go:build unix

package exec_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	osexec "os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/taskvisor/taskvisor/supervisor"
)

// fifo returns the path of a named pipe and what is read from it. A read returns io.EOF once every process that had it open for writing is gone, which
// is how a test learns of the end of processes that are not its children.
func fifo(t *testing.T) (path string, opened <-chan *os.File) {
	t.Helper()
	dir := t.TempDir()
	path = filepath.Join(dir, "fifo")
	if err := errors.Join(syscall.Mkfifo(path, 0o600), os.Chmod(path, 0o666), os.Chmod(filepath.Dir(dir), 0o755)); err != nil { // for other users, too
		t.Fatal(err)
	}
	ch := make(chan *os.File, 1)
	go func() {
		f, err := os.Open(path) // returns when somebody opens it for writing
		if err != nil {
			t.Error(err)
		}
		ch <- f
	}()
	return path, ch
}

// expectEOF waits until all writers of a fifo are gone.
func expectEOF(t *testing.T, f *os.File) {
	t.Helper()
	defer f.Close()
	if _, err := io.Copy(io.Discard, f); err != nil {
		t.Error(err)
	}
}

func TestAnExitCodeDecidesBetweenSuccessAndFailure(t *testing.T) {
	if snap := sh(t, "exit 0").wait(); snap.Outcome != supervisor.OutcomeCompleted || snap.LastError != nil {
		t.Errorf("exit 0: outcome %s, error %+v", snap.Outcome, snap.LastError)
	}
	for _, code := range []int{1, 3, 127, 143, 255} {
		snap := sh(t, fmt.Sprint("exit ", code)).wait()
		reason, got, ok := failure(t, snap)
		if want := fmt.Sprint("exit status ", code); reason != want || got != code || !ok || snap.Outcome != supervisor.OutcomeFailed {
			t.Errorf("exit %d: reason %q, exit code %d %v, outcome %s", code, reason, got, ok, snap.Outcome)
		}
	}
}

func TestTheReasonEndsWithTheLastLinesOfStderr(t *testing.T) {
	for script, want := range map[string]string{
		"echo out; echo oops >&2; exit 3":                      "exit status 3: oops",
		"printf 'no newline' >&2; exit 3":                      "exit status 3: no newline",
		"for i in 1 2 3 4 5 6 7; do echo $i >&2; done; exit 3": "exit status 3: 3 | 4 | 5 | 6 | 7",
		`printf 'a\n\n  \n\tb\r\n' >&2; exit 3`:                "exit status 3: a | b",
		`printf '\033[31mred\033[0m\000\n' >&2; exit 3`:        "exit status 3: [31mred[0m",
		"echo last words >&2; kill -SEGV $$":                   "killed by SIGSEGV: last words",
	} {
		snap := sh(t, "ulimit -c 0; "+script).wait()
		if reason, _, _ := failure(t, snap); reason != want {
			t.Errorf("%s: reason %q, want %q", script, reason, want)
		}
	}
}

func TestDeathByASignalNamesTheSignalWithoutAnExitCode(t *testing.T) {
	reason, _, hasCode := failure(t, sh(t, "kill -KILL $$").wait())
	if reason != "killed by SIGKILL" || hasCode {
		t.Errorf("reason %q, exit code %v", reason, hasCode)
	}
}

func TestACommandThatCannotBeStartedIsAFailureThatSaysWhy(t *testing.T) {
	t.Setenv("PATH", "/bin:/usr/bin")
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, config := range map[string]map[string]any{
		`cannot start "no-such-thing": executable file not found in $PATH of the daemon (2 folders); install it there, or give an absolute path`: {"command": []string{"no-such-thing"}},
		`cannot start "/no/such": stat /no/such: no such file or directory`:                                                                      {"command": []string{"/no/such"}},
		`cannot start "` + plain + `": permission denied`:                                                                                        {"command": []string{plain}},
		`cannot start "sh": chdir /no/such: no such file or directory`:                                                                           {"command": []string{"sh"}, "dir": "/no/such"},
	} {
		reason, _, hasCode := failure(t, newLab(t, config).wait())
		if reason != want || hasCode {
			t.Errorf("reason %q, exit code %v, want %q", reason, hasCode, want)
		}
	}
}

func TestACommandMayComeLater(t *testing.T) {
	path := filepath.Join(t.TempDir(), "late")
	l := newLab(t, map[string]any{"command": []string{path}}, func(s *supervisor.Spec) {
		s.Restart.Mode = supervisor.RestartOnFailure
		s.Backoff.First = time.Millisecond
	})
	for snap := (supervisor.Snapshot{}); snap.LastError == nil; runtime.Gosched() {
		snap, _ = l.sup.Get(l.ref)
	}
	if err := os.WriteFile(path+".new", []byte("#!/bin/sh\nexit 0\n"), 0o700); err != nil { //nolint:gosec // a command
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	if snap := l.wait(); snap.Outcome != supervisor.OutcomeCompleted {
		t.Errorf("outcome %s, want COMPLETED", snap.Outcome)
	}
}

func TestANameIsLookedUpInThePathOfTheDaemonNeverInOneThatTheTaskSets(t *testing.T) {
	evil := t.TempDir()
	if err := os.WriteFile(filepath.Join(evil, "date"), []byte("#!/bin/sh\nexit 66\n"), 0o700); err != nil { //nolint:gosec // a command
		t.Fatal(err)
	}
	snap := newLab(t, map[string]any{"command": []string{"date"}, "env": map[string]any{"PATH": evil}}).wait()
	if snap.Outcome != supervisor.OutcomeCompleted {
		t.Errorf("outcome %s, want that of the real date", snap.Outcome)
	}
}

func TestTheEnvironmentIsThatOfTheDaemonWithoutItsSecrets(t *testing.T) {
	t.Setenv("TASKVISOR_AUTH_TOKENS", "secret")
	t.Setenv("KEPT", "kept")
	t.Setenv("REPLACED", "old")
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	l := newLab(t, map[string]any{
		"command": []string{"sh", "-c", `echo "$KEPT $REPLACED $ADDED"; echo "$TASKVISOR_TASK $TASKVISOR_UID $TASKVISOR_ATTEMPT"; echo "$PWD"; pwd -P; env | grep -c AUTH; cat`},
		"dir":     dir,
		"env":     map[string]any{"REPLACED": "new", "ADDED": "added"},
	})
	snap, err := l.sup.Get(l.ref)
	if err != nil {
		t.Fatal(err)
	}
	l.expect("stdout", "kept new added")
	l.expect("stdout", "lab "+snap.UID.String()+" 1")
	l.expect("stdout", dir)
	l.expect("stdout", dir)
	l.expect("stdout", "0")
	if snap := l.wait(); snap.Outcome != supervisor.OutcomeCompleted { // cat has ended: standard input is empty
		t.Errorf("outcome %s", snap.Outcome)
	}
}

func TestWithoutInheritEnvOnlyPathIsInherited(t *testing.T) {
	t.Setenv("SECRET", "x")
	l := newLab(t, map[string]any{"command": []string{"env"}, "inherit_env": false, "env": map[string]string{"A": "1"}})
	l.wait()
	names := map[string]bool{}
	for range len(l.lines) {
		name, _, _ := strings.Cut((<-l.lines).text, "=")
		names[name] = true
	}
	want := map[string]bool{"PATH": true, "A": true, "TASKVISOR_TASK": true, "TASKVISOR_UID": true, "TASKVISOR_ATTEMPT": true}
	if !maps.Equal(names, want) {
		t.Errorf("variables %v, want %v", names, want)
	}
}

func TestLinesOfOutputAreLogged(t *testing.T) {
	l := sh(t, `echo one; printf 'two\r\n'; echo; printf three`)
	l.expect("stdout", "one")
	l.expect("stdout", "two")
	l.expect("stdout", "")
	l.expect("stdout", "three")
	l = sh(t, "echo oops >&2")
	l.expect("stderr", "oops")
}

func TestACancellationSendsSIGTERMToTheProcessGroup(t *testing.T) {
	path, opened := fifo(t)
	l := sh(t, `(exec sleep 1000 9>"`+path+`") & exec 9>&-; echo ready; wait`)
	l.expect("stdout", "ready")
	f := <-opened
	snap := l.remove()
	if snap.Outcome != supervisor.OutcomeCanceled || snap.LastError != nil {
		t.Errorf("outcome %s, error %+v; want that it was canceled, as asked", snap.Outcome, snap.LastError)
	}
	expectEOF(t, f)
}

// A command that is canceled and ends as one does that obeys has not failed.
func TestCanceledAsAsked(t *testing.T) {
	for name, script := range map[string]string{
		"exit code 0": `trap 'exit 0' TERM; echo ready; while :; do read x < "$FIFO"; done`,
		"SIGTERM":     `echo ready; read x < "$FIFO"`,
		"143":         `trap 'exit 143' TERM; echo ready; while :; do read x < "$FIFO"; done`,
	} {
		path := filepath.Join(t.TempDir(), "fifo")
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		l := newLab(t, map[string]any{"command": []string{"sh", "-c", script}, "env": map[string]any{"FIFO": path}})
		l.expect("stdout", "ready")
		if snap := l.remove(); snap.Outcome != supervisor.OutcomeCanceled || snap.LastError != nil {
			t.Errorf("%s: outcome %s, error %+v", name, snap.Outcome, snap.LastError)
		}
	}
}

func TestAnotherExitCodeTellsMoreThanThatItWasCanceled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	l := sh(t, `exec 4>&2; trap 'echo cannot save >&4; exit 7' TERM; echo ready; while :; do read x < "`+path+`"; done 2>/dev/null`) // sh tells of an open that a signal interrupts
	l.expect("stdout", "ready")
	snap := l.remove()
	reason, code, _ := failure(t, snap)
	if reason != "exit status 7: cannot save" || code != 7 || snap.Outcome != supervisor.OutcomeCanceled {
		t.Errorf("reason %q, exit code %d, outcome %s", reason, code, snap.Outcome)
	}
}

func TestStopGraceLaterSIGKILL(t *testing.T) {
	path, opened := fifo(t)
	body, err := build(map[string]any{
		"command":    []string{"sh", "-c", `trap '' TERM; exec 9>"` + path + `"; echo ready >&9; sleep 1000; sleep 1000`},
		"stop_grace": "20ms",
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	go func() { result <- body.Run(ctx) }()
	f := <-opened
	ready, err := bufio.NewReader(f).ReadString('\n')
	if err != nil {
		t.Fatal(ready, err)
	}
	cancel()
	err = <-result
	if want := "killed, because it was still running 20ms after SIGTERM: context canceled"; !errors.Is(err, context.Canceled) || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	expectEOF(t, f)
}

func TestATimeoutStopsTheCommand(t *testing.T) {
	path, opened := fifo(t)
	l := sh(t, `exec 9>"`+path+`"; sleep 1000`, func(s *supervisor.Spec) { s.Timeout = 100 * time.Millisecond })
	if reason, _, _ := failure(t, l.wait()); reason != "timeout after 100ms" {
		t.Errorf("reason %q", reason)
	}
	select {
	case f := <-opened:
		expectEOF(t, f)
	default: // the timeout came before the fifo was opened; let the reader go
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		(<-opened).Close()
	}
}

func TestACommandThatIsSilentForTooLongHasFailed(t *testing.T) {
	l := sh(t, "exec sleep 1000", func(s *supervisor.Spec) { s.HeartbeatTimeout = 20 * time.Millisecond })
	if reason, _, _ := failure(t, l.wait()); reason != "no heartbeat for 20ms" {
		t.Errorf("reason %q", reason)
	}
}

func TestNothingIsStartedForAContextThatIsDone(t *testing.T) {
	body, err := build(map[string]any{"command": []string{"no-such-thing"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := body.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that of the context", err)
	}
}

func TestNoProcessOfTheGroupOutlivesItsAttempt(t *testing.T) {
	path, opened := fifo(t)
	l := sh(t, `(trap '' TERM; exec 9>"`+path+`"; while :; do sleep 1000; done) & exit 3`, func(s *supervisor.Spec) {})
	reason, _, _ := failure(t, l.wait())
	if reason != "exit status 3" {
		t.Errorf("reason %q", reason)
	}
	select {
	case f := <-opened:
		expectEOF(t, f)
	default: // killed before it had opened the fifo
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		(<-opened).Close()
	}
}

// A process that left the group cannot hang the attempt, even if it keeps the output open.
func TestAProcessThatLeftTheGroupCannotHangTheAttempt(t *testing.T) {
	if _, err := osexec.LookPath("setsid"); err != nil {
		t.Skip("no setsid here")
	}
	path, opened := fifo(t)
	if err := syscall.Mkfifo(path+".go", 0o600); err != nil {
		t.Fatal(err)
	}
	l := sh(t, `setsid sh -c 'exec 9>"`+path+`"; echo $$ >&9; exec sleep 1000' & read x < "`+path+`.go"`)
	f := <-opened
	text, err := bufio.NewReader(f).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	orphan, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".go", []byte("go\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if snap := l.wait(); snap.Outcome != supervisor.OutcomeCompleted {
		t.Errorf("outcome %s, want that of the command itself", snap.Outcome)
	}
	if got, want := <-l.warns, "a process that left its group still holds the output open; it may be an orphan"; got != want {
		t.Errorf("warning %q, want %q", got, want)
	}
	if err := syscall.Kill(orphan, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	expectEOF(t, f)
}

// What ends an attempt is the end of the command, not that of its output.
func TestACommandMayCloseItsOutputAndRunOn(t *testing.T) {
	path, opened := fifo(t)
	if err := syscall.Mkfifo(path+".go", 0o600); err != nil {
		t.Fatal(err)
	}
	l := sh(t, `exec 9>"`+path+`"; echo last words >&2; exec >&- 2>&-; echo closed >&9; read x < "`+path+`.go"; exit 5`)
	f := <-opened
	if _, err := bufio.NewReader(f).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if snap, err := l.sup.Get(l.ref); err != nil || snap.State != supervisor.StateRunning {
		t.Errorf("state %s, error %v, want that it runs on", snap.State, err)
	}
	if err := os.WriteFile(path+".go", []byte("go\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if reason, code, _ := failure(t, l.wait()); reason != "exit status 5: last words" || code != 5 {
		t.Errorf("reason %q, exit code %d", reason, code)
	}
	expectEOF(t, f)
}

func TestALongerLineIsCutAndMarked(t *testing.T) {
	l := sh(t, `head -c 10000 /dev/zero | tr '\0' x; echo; head -c 4096 /dev/zero | tr '\0' y; printf '\r\nend\n'`)
	l.expect("stdout", strings.Repeat("x", supervisor.MaxLine)+"… [cut at 4 KiB]")
	l.expect("stdout", strings.Repeat("y", supervisor.MaxLine))
	l.expect("stdout", "end")
}

// "Each line of standard output and of standard error is a TaskOutput event if the task has CaptureOutput."
func TestLinesBecomeEventsWhereTheTaskAsksForThem(t *testing.T) {
	script := `echo one; echo two >&2; head -c 5000 /dev/zero | tr '\0' x; exit 3`
	for _, capture := range []bool{false, true} {
		l := sh(t, script, func(s *supervisor.Spec) { s.CaptureOutput = capture })
		l.wait()
		reader, err := l.sup.Read(l.sup.OldestCursor())
		if err != nil {
			t.Fatal(err)
		}
		events := make([]supervisor.Event, 100)
		n, _, err := reader.Next(t.Context(), events)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for _, e := range events[:n] {
			if e.Kind == supervisor.TaskOutput {
				got[e.Stream.String()+" "+e.Line] = true
			}
		}
		want := []string{"STDOUT one", "STDERR two", "STDOUT " + strings.Repeat("x", supervisor.MaxLine-len("…")) + "…"}
		for _, line := range want {
			if got[line] != capture {
				t.Errorf("captured %v: the line %.20s… is an event: %v", capture, line, got[line])
			}
		}
		if capture && len(got) != len(want) {
			t.Errorf("%d lines, want %d", len(got), len(want))
		}
	}
}

func TestAFloodIsReadAsFastAsItComesInBoundedMemory(t *testing.T) {
	for name, flood := range map[string]struct {
		megabytes int
		filter    string
	}{
		"one line":    {64, "cat"},
		"empty lines": {4, `tr '\0' '\n'`}, // each costs some calls, and far more under the race detector
	} {
		body, err := build(map[string]any{"command": []string{"sh", "-c", fmt.Sprintf("head -c %dM /dev/zero | %s >&2", flood.megabytes, flood.filter)}})
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := body.Run(t.Context()); err != nil { // outside a supervisor, so the default logger: no debug lines
			t.Errorf("%s: %v", name, err)
		}
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
			t.Errorf("%s: %d MiB of output allocated %d KiB, want less than 1 MiB", name, flood.megabytes, grown>>10)
		}
	}
}

func TestAttemptsOfOneBodyShareNothing(t *testing.T) {
	body, err := build(map[string]any{"command": []string{"sh", "-c", "echo $$ >&2; exit 3"}})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[string]bool{}
	for range 20 {
		wg.Go(func() {
			err := body.Run(context.Background())
			mu.Lock()
			defer mu.Unlock()
			seen[err.Error()] = true
		})
	}
	wg.Wait()
	if len(seen) != 20 {
		t.Errorf("20 attempts gave %d different errors: %v", len(seen), seen)
	}
}
