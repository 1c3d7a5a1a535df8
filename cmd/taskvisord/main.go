// Command taskvisord is the daemon with the built-in plugins. To build one with plugins of your own, copy this file, change the list, and
// leave the rest to package daemon.
package main

import (
	"github.com/taskvisor/taskvisor/server/daemon"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
	"github.com/taskvisor/taskvisor/supervisor/plugins"
	"github.com/taskvisor/taskvisor/supervisor/plugins/exec"
)

// version is for the linker, and for nobody else to write: -X main.version=v1.2.3, as make build VERSION=v1.2.3 has it. Empty for what the go command
// took from git, which it cannot where there is none, as in the build of an image.
var version string

func main() {
	guard := exec.NewGuard() // first: this program is its own guardian too
	daemon.Main(daemon.Version(version), daemon.Plugins(func(s daemon.Settings) ([]plugin.Plugin, error) {
		return plugins.Default(plugins.Options{Exec: exec.Options{Allow: s.ExecAllow, Users: s.ExecUser, Guard: guard}})
	}))
}
