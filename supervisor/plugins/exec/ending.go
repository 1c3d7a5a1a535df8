package exec

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/taskvisor/taskvisor/supervisor"
)

// ending is how a process ended.
type ending struct {
	code   int            // exit code; -1 with a signal
	signal syscall.Signal // that it died of; 0 for none
	dumped bool           // core
	lost   error          // why nothing is known about the end; nil when it is
	sent   syscall.Signal // the last signal that a cancellation sent; 0 for none
	grace  time.Duration  // from SIGTERM to SIGKILL
}

// result is what the body returns: nil for exit code 0; the error of ctx where the process did what the cancellation asked for; else an error
// with the exit code, the name of the signal, and the last lines of stderr.
func (e ending) result(ctx context.Context, stderr string) error {
	switch {
	case e.lost != nil:
		return fmt.Errorf("how the command ended is unknown: %w", e.lost)
	case e.sent == syscall.SIGKILL && e.signal == syscall.SIGKILL:
		return fmt.Errorf("killed, because it was still running %s after SIGTERM: %w", e.grace, ctx.Err())
	case e.sent != 0 && e.obeyed():
		return ctx.Err()
	case e.code == 0:
		return nil
	}
	text := e.String()
	if stderr != "" {
		text += ": " + stderr
	}
	err := errors.New(text)
	if e.signal == 0 {
		err = supervisor.ExitCode(err, e.code)
	}
	return err
}

// obeyed reports whether a process that was sent SIGTERM ended as one does that obeys: cleanly, of the signal, or with the exit code by which shells and
// others say that it was the signal.
func (e ending) obeyed() bool {
	return e.code == 0 || e.signal == syscall.SIGTERM || e.code == 128+int(syscall.SIGTERM)
}

// String is the end in words, as a shell would put it.
func (e ending) String() string {
	switch {
	case e.signal == 0:
		return fmt.Sprintf("exit status %d", e.code)
	case e.dumped:
		return fmt.Sprintf("killed by %s (core dumped)", signalName(e.signal))
	default:
		return "killed by " + signalName(e.signal)
	}
}
