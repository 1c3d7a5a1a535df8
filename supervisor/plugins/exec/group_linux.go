package exec

import (
	"errors"
	"os"
	"syscall"
	"unsafe"

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

// reapAdopted reaps what a daemon has adopted of a group that was killed, whose leader has been reaped: nobody else would, and each would occupy a number
// for good. Only process 1 of a container and a subreaper adopt. A parent that dies passes its children on before it can be reaped itself, so that
// the first ECHILD means that the whole group is gone.
func reapAdopted(group int) {
	if !adopts() {
		return
	}
	for {
		if _, err := unix.Wait4(-group, nil, 0, nil); err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// adopts reports whether orphans become children of this process.
func adopts() bool {
	var subreaper int32
	_, _, errno := syscall.Syscall(syscall.SYS_PRCTL, unix.PR_GET_CHILD_SUBREAPER, uintptr(unsafe.Pointer(&subreaper)), 0)
	return os.Getpid() == 1 || errno == 0 && subreaper != 0
}

// inodeOf returns the number of a file, by which /proc/PID/fd names a pipe.
func inodeOf(f *os.File) (number uint64, ok bool) {
	info, err := f.Stat()
	if err != nil {
		return 0, false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return stat.Ino, true
}
