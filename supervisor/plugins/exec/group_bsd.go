//go:build unix && !linux

package exec

import (
	"fmt"
	"os"
	"syscall"
)

// groupLeader makes a child the leader of a new process group. Only Linux can tie its life to that of the daemon.
func groupLeader(as *identity) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: as.credential()}
}

// cannotSwitch says why this process cannot run commands as other users; nil if it can.
func cannotSwitch() error {
	if uid := os.Geteuid(); uid != 0 {
		return fmt.Errorf("the daemon runs as user %d", uid)
	}
	return nil
}

// awaitExit reports that it cannot wait without reaping.
func awaitExit(int) bool { return false }

func reapAdopted(int) {}

// inodeOf returns nothing: nobody can ask for the pipes that a process has open.
func inodeOf(*os.File) (number uint64, ok bool) { return 0, false }
