//go:build unix && !linux

package exec

import "syscall"

// groupLeader makes a child the leader of a new process group. Only Linux can tie its life to that of the daemon.
func groupLeader() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// awaitExit reports that it cannot wait without reaping.
func awaitExit(int) bool { return false }

func reapAdopted(int) {}
