//go:build unix && !linux

package exec

import (
	"os"
	"syscall"
)

// groupLeader makes a child the leader of a new process group. Only Linux can tie its life to that of the daemon.
func groupLeader() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// awaitExit reports that it cannot wait without reaping.
func awaitExit(int) bool { return false }

func reapAdopted(int) {}

// inodeOf returns nothing: nobody can ask for the pipes that a process has open.
func inodeOf(*os.File) (number uint64, ok bool) { return 0, false }
