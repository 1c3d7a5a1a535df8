// Command taskvisord is the daemon with the built-in plugins. To build one with plugins of your own, copy this file, change the list, and
// leave the rest to package daemon.
package main

import (
	"github.com/taskvisor/taskvisor/server/daemon"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
	"github.com/taskvisor/taskvisor/supervisor/plugins"
	"github.com/taskvisor/taskvisor/supervisor/plugins/exec"
)

func main() {
	guard := exec.NewGuard() // first: this program is its own guardian too
	daemon.Main(daemon.Plugins(func(s daemon.Settings) ([]plugin.Plugin, error) {
		return plugins.Default(plugins.Options{Exec: exec.Options{Allow: s.ExecAllow, Users: s.ExecUser, Guard: guard}})
	}))
}
