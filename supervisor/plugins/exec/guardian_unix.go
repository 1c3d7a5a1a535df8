//go:build unix

package exec

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

// guardianPipe is the file descriptor on which a guardian reads.
const guardianPipe = 3

// sessionLeader keeps the guardian out of the reach of the terminal: Ctrl-C is for the daemon.
func sessionLeader() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// guardianID reports whether this process is a guardian: it is called one, has an id and has a pipe. One of these alone may come from anywhere.
func guardianID() (id string, ok bool) {
	id = os.Getenv(guardianVar)
	if len(os.Args) == 0 || os.Args[0] != guardianName || !validGuardID(id) {
		return "", false
	}
	var stat syscall.Stat_t
	if err := syscall.Fstat(guardianPipe, &stat); err != nil || stat.Mode&syscall.S_IFMT != syscall.S_IFIFO {
		return "", false
	}
	return id, true
}

// guardianMain waits until the daemon is gone and kills what is left of its commands. The groups come first, all at once and each in one
// system call, from which not even a process that forks all the time can escape; then those that left their group.
func guardianMain(id string) {
	// Who stops a service signals all of its processes. The guardian ends when the daemon does, not before.
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM)
	nameGuardian()
	closeInherited()
	daemon := os.Getppid()
	told := readTold(os.NewFile(guardianPipe, "daemon"))
	for group := range told.groups {
		signalGroup(group, syscall.SIGKILL)
	}
	sweep(wanted{id, told.pipes, daemon}, time.Now().Add(sweepPatience))
}

// wanted says which processes belong to commands.
type wanted struct {
	id    string              // of the guard, in their environments
	pipes map[uint64]struct{} // one of which they have open; see told
	spare int                 // the daemon, which has the pipes open too and goes on if it was Guard.Close that ended the watch
}

// sweepPatience is when a guardian gives up: a process that a dead network file system holds in the kernel does not even die of SIGKILL.
const sweepPatience = time.Minute
