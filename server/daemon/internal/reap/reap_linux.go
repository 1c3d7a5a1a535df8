package reap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pause is the time between two looks. Children of our own end all the time, and to the table of processes a second is nothing.
const pause = time.Second

// Adopts reports whether orphans become children of this process.
func Adopts() bool {
	var subreaper int32
	_, _, errno := syscall.Syscall(syscall.SYS_PRCTL, unix.PR_GET_CHILD_SUBREAPER, uintptr(unsafe.Pointer(&subreaper)), 0)
	return os.Getpid() == 1 || errno == 0 && subreaper != 0
}

// Orphans reaps what this process has adopted, within a second, until ctx is done. The error says why it cannot at all. Each process that was reaped is
// logged at level debug. It is to be called once.
func Orphans(ctx context.Context, log *slog.Logger) error { return orphans(ctx, log, pause) }

func orphans(ctx context.Context, log *slog.Logger, pause time.Duration) error {
	ended := make(chan os.Signal, 1) // one stands for any number
	signal.Notify(ended, syscall.SIGCHLD)
	defer signal.Stop(ended)
	if err := possible(); err != nil {
		return err
	}
	for {
		if err := look(log); err != nil {
			log.Warn("cannot reap processes that were adopted; the next one that ends is the next occasion", "reason", err)
		}
		rest := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			rest.Stop()
			return nil
		case <-rest.C:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ended:
		}
	}
}

// possible returns why orphans cannot be told from children of our own.
func possible() error {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.WithHandle(func(uintptr) {})
	}
	if err != nil {
		return fmt.Errorf("the system has no pidfds, by which to tell them from commands of tasks: %w", err)
	}
	if number, err := os.Readlink("/proc/self"); err != nil || number != strconv.Itoa(os.Getpid()) {
		return fmt.Errorf("/proc is not that of the processes here: %q, %w", number, err)
	}
	return nil
}

// zombie is a child that has ended and was not reaped when it was looked at.
type zombie struct{ pid, pidfd int }

// look reaps all orphans that have ended.
func look(log *slog.Logger) error {
	if !waitable(unix.P_ALL, 0, unix.WNOWAIT) {
		return nil
	}
	zombies, err := findZombies()
	defer closeAll(zombies)
	if err != nil || len(zombies) == 0 {
		return err
	}
	own, err := awaited(zombies)
	if err != nil {
		return err
	}
	for _, z := range zombies {
		if !own[z.pid] && waitable(unix.P_PIDFD, z.pidfd, 0) {
			log.Debug("reaped a process that was adopted", "pid", z.pid)
		}
	}
	return nil
}

// waitable reports whether children that are selected by these have ended, and reaps one unless the options say otherwise.
func waitable(idType, id, options int) bool {
	for {
		var info unix.Siginfo
		err := unix.Waitid(idType, id, &info, unix.WEXITED|unix.WNOHANG|options, nil)
		if !errors.Is(err, unix.EINTR) {
			return err == nil && info.Signo != 0 // 0: there are such children, and none has ended
		}
	}
}

// findZombies returns the children that have ended, each with a pidfd that the caller has to close.
func findZombies() (zombies []zombie, err error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	for _, name := range stats {
		stat, err := os.ReadFile(name)
		if err != nil || !isZombie(stat, os.Getpid()) {
			continue // gone meanwhile, or none of ours
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil {
			continue // not in what the pattern matches, but for numbers that no process has
		}
		pidfd, err := unix.PidfdOpen(pid, 0)
		switch {
		case errors.Is(err, unix.ESRCH):
		case err != nil:
			return zombies, fmt.Errorf("open a pidfd: %w", err)
		case !waitable(unix.P_PIDFD, pidfd, unix.WNOWAIT): // another process that has the number now
			unix.Close(pidfd)
		default:
			zombies = append(zombies, zombie{pid, pidfd})
		}
	}
	return zombies, nil
}

// isZombie judges a line of /proc/PID/stat: the state and the parent are behind the name, which may contain anything. (proc(5).)
func isZombie(stat []byte, parent int) bool {
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	return len(fields) > 1 && fields[0] == "Z" && fields[1] == strconv.Itoa(parent)
}

// awaited returns the numbers of the processes of which there is a pidfd beside those of the zombies themselves.
func awaited(zombies []zombie) (map[int]bool, error) {
	ours := map[string]bool{}
	for _, z := range zombies {
		ours[strconv.Itoa(z.pidfd)] = true
	}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil, err
	}
	found := map[int]bool{}
	for _, entry := range open {
		target, err := os.Readlink("/proc/self/fd/" + entry.Name())
		if err != nil || ours[entry.Name()] || !strings.Contains(target, "pidfd") {
			continue // closed meanwhile, or no pidfd
		}
		info, err := os.ReadFile("/proc/self/fdinfo/" + entry.Name())
		if err != nil {
			continue
		}
		if pid, ok := pidIn(info); ok {
			found[pid] = true
		}
	}
	return found, nil
}

// pidIn returns the number of the process that a pidfd stands for. It is -1 once that was reaped.
func pidIn(fdinfo []byte) (pid int, ok bool) {
	for line := range strings.Lines(string(fdinfo)) {
		if value, found := strings.CutPrefix(line, "Pid:"); found {
			pid, err := strconv.Atoi(strings.TrimSpace(value))
			return pid, err == nil
		}
	}
	return 0, false
}

func closeAll(zombies []zombie) {
	for _, z := range zombies {
		unix.Close(z.pidfd)
	}
}
