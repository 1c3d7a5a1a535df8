package exec

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// groupLeader makes a child the leader of a new process group, and has the kernel kill it when the daemon dies without a chance to do so itself.
// Setuid programs lose that protection; see prctl(2), PR_SET_PDEATHSIG.
func groupLeader(as *identity) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Credential: as.credential()} // in the order that the kernel needs
}

// switching are what it takes to run commands as other users: to become one, and to signal it then.
var switching = []struct {
	bit  uint
	name string
}{{unix.CAP_SETUID, "CAP_SETUID"}, {unix.CAP_SETGID, "CAP_SETGID"}, {unix.CAP_KILL, "CAP_KILL"}}

// cannotSwitch says why this process cannot run commands as other users; nil if it can.
func cannotSwitch() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData // version 3 has two
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return fmt.Errorf("the capabilities of the daemon are unknown (%w)", err)
	}
	var missing []string
	for _, c := range switching {
		if sets[0].Effective&(1<<c.bit) == 0 {
			missing = append(missing, c.name)
		}
	}
	if missing == nil {
		return nil
	}
	return fmt.Errorf("the daemon, which runs as user %d, does not have %s", os.Geteuid(), strings.Join(missing, ", "))
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
