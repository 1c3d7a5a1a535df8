//go:build e2e

package e2e

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is the deadline of each process: far more than any takes, on a machine that is busy with other things as well.
const patience = 90 * time.Second

// process is a program that runs, or has run, beside the test.
type process struct {
	cmd    *exec.Cmd
	stdout *transcript
	stderr *transcript
	ended  chan struct{} // closed when the process has ended and all of its output is there
	late   func() bool   // whether the deadline has passed
}

// start starts a program. It is killed at its deadline, or with the end of the test. When the test fails, all that it printed is shown.
func start(t *testing.T, program string, args ...string) *process {
	t.Helper()
	return startCommand(t, func(ctx context.Context) *exec.Cmd { return exec.CommandContext(ctx, program, args...) })
}

func startCommand(t *testing.T, command func(ctx context.Context) *exec.Cmd) *process {
	t.Helper()
	return startCommandFor(t, patience, nil, command)
}

// startCommandFor is startCommand with a deadline of its own, and with which lines of standard error to keep; nil for all.
func startCommandFor(t *testing.T, deadline time.Duration, keep func(line string) bool, command func(ctx context.Context) *exec.Cmd) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	cmd := command(ctx)
	p := &process{cmd: cmd, stdout: newTranscript(), stderr: newTranscript(), ended: make(chan struct{})}
	p.stderr.keep = keep
	p.late = func() bool { return ctx.Err() == context.DeadlineExceeded }
	cmd.Stdout, cmd.Stderr = p.stdout, p.stderr
	cmd.Env = slices.DeleteFunc(cmd.Environ(), isSetting)
	cmd.WaitDelay = 5 * time.Second // for children of the process that have its output open
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	go p.wait()
	t.Cleanup(func() {
		cancel()
		<-p.ended
		if t.Failed() {
			t.Logf("%s\n%s", strings.Join(cmd.Args, " "), p.output())
		}
	})
	return p
}

// isSetting recognises what the developer may have set for daemons of their own.
func isSetting(variable string) bool { return strings.HasPrefix(variable, "TASKVISOR_") }

func (p *process) wait() {
	_ = p.cmd.Wait() // ProcessState has the exit code, which is what tests look at
	p.stdout.close()
	p.stderr.close()
	close(p.ended)
}

// output returns all that the process printed.
func (p *process) output() string {
	return p.stdout.String() + p.stderr.String()
}

// exit waits for the end of the process and returns its exit code.
func (p *process) exit(t *testing.T) int {
	t.Helper()
	<-p.ended
	if p.late() {
		t.Fatalf("%s did not end within %s", p.cmd.Path, patience)
	}
	return p.cmd.ProcessState.ExitCode()
}

// signal sends a signal to the process alone.
func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}
