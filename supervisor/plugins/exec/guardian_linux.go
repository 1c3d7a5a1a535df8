package exec

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// guardianProgram returns this very program, even if its file has been replaced or removed.
func guardianProgram() (string, error) { return "/proc/self/exe", nil }

// nameGuardian has ps and top show what it is; without it, that would be "exe".
func nameGuardian() {
	_ = os.WriteFile("/proc/self/comm", []byte(guardianName), 0) // a matter of beauty
}

// closeInherited lets go of what the daemon was given by its own parent to pass on: somebody may wait for the end of it. The runtime keeps what is its.
func closeInherited() {
	open, _ := os.ReadDir("/proc/self/fd") // without it they stay open until the guardian ends, which is soon after the daemon
	for _, entry := range open {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil || fd <= guardianPipe {
			continue
		}
		if target, err := os.Readlink("/proc/self/fd/" + entry.Name()); err == nil && !strings.HasPrefix(target, "anon_inode:") {
			unix.Close(fd)
		}
	}
}

// sweep kills the processes that are wanted, until there are none or the deadline has passed.
//
// One look at /proc is no snapshot, so it takes two that find nothing: a process may be born with a number that was looked at already, of a
// parent that is gone when its own turn comes.
func sweep(who wanted, deadline time.Time) {
	for clean := 0; clean < 2 && time.Now().Before(deadline); {
		found := lookAround(who)
		if len(found) == 0 {
			clean++
			continue
		}
		clean = 0
		for _, p := range found {
			p.kill()
		}
		awaitGone(found)
	}
}

// suspect is a process that is wanted, or may be in a moment.
type suspect struct {
	pid   int
	pidfd int  // -1 where the kernel has none
	sure  bool // it is wanted
}

// lookAround returns all suspects but this process.
func lookAround(who wanted) []suspect {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer proc.Close()
	names, _ := proc.Readdirnames(-1) // what was read before an error is better than nothing
	var found []suspect
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil || pid == os.Getpid() || who.spares(pid) || judge(pid, who) == innocent {
			continue
		}
		// The number may have gone to another process meanwhile. The second judgement is about the process that pidfd stands for, or about
		// nobody if that is gone: then a signal through pidfd goes nowhere.
		pidfd, err := unix.PidfdOpen(pid, 0)
		if err != nil && !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM) {
			continue
		}
		if err != nil {
			pidfd = -1
		}
		if v := judge(pid, who); v != innocent {
			found = append(found, suspect{pid, pidfd, v == guilty})
		} else if pidfd >= 0 {
			unix.Close(pidfd)
		}
	}
	return found
}

// spares reports whether a process is the daemon. If that is dead, the guardian has another parent, and its number may have another process.
func (w wanted) spares(pid int) bool { return pid == w.spare && os.Getppid() == w.spare }

// verdict is what is known about a process.
type verdict uint8

const (
	innocent verdict = iota
	unclear          // in the middle of execve(2), where it has no environment for a moment
	guilty           // it is wanted
)

// judge looks at the open files and the environment of a process. A process whose environment may not be seen belongs to somebody else, or has made itself unreadable.
func judge(pid int, who wanted) verdict {
	if hasOpen(pid, who.pipes) {
		return guilty
	}
	environ, err := os.ReadFile(procFile(pid, "environ"))
	switch {
	case err != nil:
		return innocent
	case len(environ) > 0:
		if marked(string(environ), who.id) {
			return guilty
		}
		return innocent
	}
	stat, err := os.ReadFile(procFile(pid, "stat"))
	if err == nil && betweenImages(stat) {
		return unclear
	}
	return innocent
}

// hasOpen reports whether a process has one of some pipes open. There are none unless the daemon was killed in the moment of a start.
func hasOpen(pid int, pipes map[uint64]struct{}) bool {
	if len(pipes) == 0 {
		return false
	}
	files, _ := os.ReadDir(procFile(pid, "fd")) // what was read before an error is better than nothing
	for _, file := range files {
		target, err := os.Readlink(procFile(pid, "fd/"+file.Name()))
		number, found := strings.CutPrefix(target, "pipe:[")
		if err != nil || !found {
			continue
		}
		inode, err := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 64)
		if _, ours := pipes[inode]; err == nil && ours {
			return true
		}
	}
	return false
}

func procFile(pid int, name string) string { return "/proc/" + strconv.Itoa(pid) + "/" + name }

// Fields of /proc/PID/stat, counted from the state, which is the first one after the name; see proc(5).
const (
	statState  = 0
	statVsize  = 20
	statEnvEnd = 48
)

// betweenImages reports whether a process has memory, but no environment in it yet, not even an empty one: execve(2) sets it up last.
func betweenImages(stat []byte) bool {
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // the name may contain anything
	return len(fields) > statEnvEnd && fields[statState] != "Z" && fields[statState] != "X" &&
		fields[statVsize] != "0" && fields[statEnvEnd] == "0"
}

// kill kills a process that is wanted.
func (s suspect) kill() {
	switch {
	case !s.sure:
	case s.pidfd >= 0:
		_ = unix.PidfdSendSignal(s.pidfd, unix.SIGKILL, nil, 0) // gone already, or of a user who is none of our business
	default:
		_ = unix.Kill(s.pid, unix.SIGKILL)
	}
}

// Pauses between two looks around.
const (
	gonePatience    = time.Second          // for the killed to die
	unclearPatience = 2 * time.Millisecond // for an execve(2), of whose end nobody tells
)

// awaitGone waits until the processes that were killed are gone, but not for ever, and for a moment where there are others.
func awaitGone(found []suspect) {
	pause := time.NewTimer(unclearPatience)
	defer pause.Stop()
	unsure := false
	until := time.Now().Add(gonePatience)
	for _, s := range found {
		if s.pidfd < 0 || !s.sure {
			unsure = true
		} else {
			awaitPidfd(s.pidfd, until)
		}
		if s.pidfd >= 0 {
			unix.Close(s.pidfd)
		}
	}
	if unsure {
		<-pause.C
	}
}

// awaitPidfd waits until a process is gone, or at most until a moment.
func awaitPidfd(pidfd int, until time.Time) {
	for {
		left := time.Until(until)
		if left <= 0 {
			return
		}
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, int(left.Milliseconds())+1)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}
