//go:build !unix

package exec

import (
	"os"
	"syscall"
)

// supported says that there are no process groups: the plugin is listed, but disabled, and nothing below is called.
const supported = false

func groupLeader(*identity) *syscall.SysProcAttr { return nil }

func cannotSwitch() error { return nil }

func awaitExit(int) bool { return false }

func reapAdopted(int) {}

func inodeOf(*os.File) (number uint64, ok bool) { return 0, false }

func signalGroup(int, syscall.Signal) {}

func signalName(s syscall.Signal) string { return s.String() }
