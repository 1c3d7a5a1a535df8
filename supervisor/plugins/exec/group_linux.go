package exec

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// groupLeader makes a child the leader of a new process group, and has the kernel kill it when the daemon dies without a chance to do so itself.
// Setuid programs lose that protection; see prctl(2), PR_SET_PDEATHSIG.
func groupLeader() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// awaitExit waits until a child is a zombie, without reaping it. It reports whether it could.
func awaitExit(pid int) bool {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err == nil
		}
	}
}
