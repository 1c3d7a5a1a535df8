package exec

import (
	"context"
	"errors"
	"os"
	osexec "os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// child is a process that leads a process group, and the signals that go to that group.
//
//	running ──ctx done──▶ SIGTERM sent ──grace──▶ SIGKILL sent
//	   └────────────────────────┴─────exit──────────────┴──────▶ exited: SIGKILL to what is left of the group, then reaped (terminal)
type child struct {
	cmd   *osexec.Cmd
	as    *identity     // to run as; nil for that of the daemon
	grace time.Duration // from SIGTERM to SIGKILL
	guard *Guard        // of the group, should the daemon be killed
	pipes []uint64      // inodes of those for the output

	mu     sync.Mutex     // guards what is below, and orders signals before the reaping
	reaped bool           // from here on the number of the group may belong to strangers
	sent   syscall.Signal // the last signal that a cancellation sent; 0 for none
	timer  *time.Timer    // runs from SIGTERM to SIGKILL
}

// run starts the process, stops its group when ctx is done, and returns when the process has been reaped and its group killed. started is called
// between. The error says that the process could not be started.
//
// The thread is locked from start to end because the kernel sends the parent-death signal when the thread that forked dies, not the process, and the
// runtime ends a thread when a goroutine that locked it returns: any library may do that to a thread that was borrowed for the fork. This way the
// thread cannot go before the child. It costs nothing, since waitid blocks a thread all that time anyway.
func (c *child) run(ctx context.Context, started func()) (ending, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c.cmd.SysProcAttr = groupLeader(c.as)
	c.guard.expect(c.pipes)
	if err := c.cmd.Start(); err != nil {
		c.guard.enter(0, c.pipes)
		return ending{}, c.startError(err)
	}
	c.guard.enter(c.cmd.Process.Pid, c.pipes)
	started()
	stop := context.AfterFunc(ctx, c.terminate)
	defer stop()
	err := c.reap()
	return c.ending(err), nil
}

// startError tells of a missing directory: with SysProcAttr set, the error of a fork names the command for that too.
func (c *child) startError(err error) error {
	if c.cmd.Dir == "" {
		return err
	}
	if _, dirErr := os.Stat(c.cmd.Dir); dirErr != nil {
		var cause *os.PathError
		if errors.As(dirErr, &cause) {
			return &os.PathError{Op: "chdir", Path: c.cmd.Dir, Err: cause.Err}
		}
	}
	return err
}

// reap waits for the process, and kills its group while the process is still a zombie, where awaitExit can arrange that: the zombie keeps the number of
// the group from being given to strangers until the signal is out. Elsewhere a window of microseconds remains.
func (c *child) reap() error {
	if awaitExit(c.cmd.Process.Pid) {
		c.abandonGroup()
		err := c.cmd.Wait()
		reapAdopted(c.cmd.Process.Pid)
		return err
	}
	err := c.cmd.Wait()
	c.abandonGroup()
	return err
}

// terminate asks the group to end, and kills it when the grace is over.
func (c *child) terminate() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reaped {
		return
	}
	c.sent = syscall.SIGTERM
	signalGroup(c.cmd.Process.Pid, syscall.SIGTERM)
	c.timer = time.AfterFunc(c.grace, c.kill)
}

func (c *child) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reaped {
		return
	}
	c.sent = syscall.SIGKILL
	signalGroup(c.cmd.Process.Pid, syscall.SIGKILL)
}

// abandonGroup kills what the process left behind in its group, and sends no signal any more.
func (c *child) abandonGroup() {
	c.mu.Lock()
	defer c.mu.Unlock()
	signalGroup(c.cmd.Process.Pid, syscall.SIGKILL)
	c.guard.leave(c.cmd.Process.Pid)
	c.reaped = true
	if c.timer != nil {
		c.timer.Stop()
	}
}

// ending says how the process ended; err is that of Wait.
func (c *child) ending(err error) ending {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := ending{sent: c.sent, grace: c.grace}
	state := c.cmd.ProcessState
	if state == nil {
		e.lost = err
		return e
	}
	e.code = state.ExitCode()
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		e.signal, e.dumped = status.Signal(), status.CoreDump()
	}
	return e
}
