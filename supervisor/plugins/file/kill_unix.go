//go:build unix

package file

import "syscall"

// kill sends a signal to a process.
func kill(pid int, name string) error {
	signals := map[string]syscall.Signal{
		"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT, "TERM": syscall.SIGTERM, "USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2,
	}
	return syscall.Kill(pid, signals[name])
}
