package daemon

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// These tests run Main as a process of its own: the test binary, which asDaemon makes a daemon.

// child is a daemon in a process of its own.
type child struct {
	cmd    *exec.Cmd
	log    *bufio.Reader // its standard error
	closer io.Closer     // of the end of the pipe that the test reads
}

// spawn starts a daemon with a task that ignores its cancellation for as long as deaf says.
func spawn(t *testing.T, deaf string) *child {
	t.Helper()
	tasks := filepath.Join(t.TempDir(), "t.yaml")
	text := fmt.Sprintf("tasks:\n- {name: a, plugin: sleep, config: {duration: 1h, ignore_cancel: %s}}\n", deaf)
	if err := os.WriteFile(tasks, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "--listen=127.0.0.1:0", "--grace=1h", "--tasks="+tasks)
	cmd.Env = append(os.Environ(), asDaemon+"=1")
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{cmd, bufio.NewReader(pipe), pipe}
	c.await(t, "TASK_STARTING")
	return c
}

// await reads the log up to a line that has the text.
func (c *child) await(t *testing.T, text string) {
	t.Helper()
	for {
		line, err := c.log.ReadString('\n')
		if err != nil {
			t.Fatalf("the log ends without %q: %v", text, err)
		}
		if strings.Contains(line, text) {
			return
		}
	}
}

func (c *child) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// exit waits for the end of the process and returns its exit code; -1 when a signal killed it.
func (c *child) exit() int {
	_, _ = io.Copy(io.Discard, c.log) // fails where the test has closed it
	_ = c.cmd.Wait()                  // ProcessState has what matters
	return c.cmd.ProcessState.ExitCode()
}

// "SIGTERM and SIGINT drain within the grace period, a second signal quits at once."
func TestSignalsOfTheSystem(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run("drain on "+signal.String(), func(t *testing.T) {
			c := spawn(t, "20ms")
			c.signal(t, signal)
			c.await(t, "stopped; 1 task stopped in ")
			if code := c.exit(); code != ExitClean {
				t.Errorf("exit code %d", code)
			}
		})
		t.Run("quit on second "+signal.String(), func(t *testing.T) {
			c := spawn(t, "1h")
			c.signal(t, signal)
			c.await(t, "stopping 1 task, up to 1h0m0s; ")
			c.signal(t, signal)
			c.await(t, "quitting at once, without waiting for tasks")
			if code, want := c.exit(), 128+int(signal); code != want {
				t.Errorf("exit code %d, want %d", code, want)
			}
		})
	}
}

// Ctrl-C ends both sides of "taskvisord 2>&1 | tee": the daemon must drain although nobody is left to read its log.
func TestDrainWithoutAReaderOfTheLog(t *testing.T) {
	c := spawn(t, "20ms")
	c.closer.Close()
	c.signal(t, syscall.SIGINT)
	if code := c.exit(); code != ExitClean {
		t.Errorf("exit code %d, %s", code, c.cmd.ProcessState)
	}
}
