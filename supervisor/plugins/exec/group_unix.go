//go:build unix

package exec

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// supported says that there are process groups.
const supported = true

// signalGroup sends a signal to all processes of a group. That there are none left is as good.
func signalGroup(group int, s syscall.Signal) { _ = syscall.Kill(-group, s) }

// credential returns what the kernel has to know; nil where the user is not to change.
func (id *identity) credential() *syscall.Credential {
	if id == nil {
		return nil
	}
	return &syscall.Credential{Uid: id.uid, Gid: id.gid, Groups: id.groups}
}

func signalName(s syscall.Signal) string {
	if name := unix.SignalName(s); name != "" {
		return name
	}
	return s.String() // a real-time signal
}
