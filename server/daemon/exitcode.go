package daemon

import (
	"os"
	"syscall"
)

// Exit codes of Main and Run. A daemon that a second signal ended exits with 128 and the number of that signal, as shells have it: 130
// for SIGINT (Ctrl-C), 143 for SIGTERM.
const (
	ExitClean   = 0 // it was asked to stop, and all tasks stopped within the grace period
	ExitFailure = 1 // it could not start, or it could not go on serving
	ExitUsage   = 2 // the flags, the environment, the config file or the tasks files are wrong; nothing was started
	ExitStuck   = 3 // it was asked to stop, and a task ignored that for the whole grace period
)

// exitForced returns the exit code for a second signal.
func exitForced(signal os.Signal) int {
	number, ok := signal.(syscall.Signal)
	if !ok {
		return ExitFailure
	}
	return 128 + int(number)
}

// exitHelp is what --help says about exit codes.
const exitHelp = `Exit codes:
  0  asked to stop, and all tasks stopped within the grace period
  1  could not start, or could not go on serving
  2  flags, environment, config file or tasks files are wrong; nothing was started
  3  asked to stop, and a task did not within the grace period
  130, 143  quit at once by a second Ctrl-C (SIGINT) or SIGTERM
`
