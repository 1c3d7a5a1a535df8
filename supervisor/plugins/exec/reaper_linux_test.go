package exec_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// reapOnly runs a script as process 1 of a container would. Nothing but a subreaper can play that part without privileges.
func reapOnly(script string) error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return err
	}
	body, err := build(map[string]any{"command": []string{"sh", "-c", script}})
	if err != nil {
		return err
	}
	if err := body.Run(context.Background()); err != nil {
		return err
	}
	pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
	if !errors.Is(err, syscall.ECHILD) {
		return fmt.Errorf("child %d, error %w; want that there are no children any more", pid, err)
	}
	return nil
}

// A daemon that is process 1 of a container adopts what a command leaves behind in its group, and reaps it.
func TestProcess1ReapsWhatItAdopts(t *testing.T) {
	for name, script := range map[string]string{
		"nothing":       "exit 0",
		"children":      "sleep 1000 & sleep 1000 & exit 0",
		"grandchildren": "(sleep 1000 & sleep 1000 & wait) & (trap '' TERM; sleep 1000; sleep 1000) & exit 0",
		"the dead":      "(true & exec sleep 1000) & exit 0",
	} {
		reaper := osexec.Command(os.Args[0])
		reaper.Env = append(os.Environ(), asDaemon+"="+script, asReaper+"=1", "GORACE=atexit_sleep_ms=0")
		if out, err := reaper.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
}
