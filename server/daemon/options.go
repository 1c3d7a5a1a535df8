package daemon

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// Option changes what the daemon is made of. What it does is up to its settings, which its user gives.
type Option func(*options)

type options struct {
	name    string
	version string
	plugins func(Settings) ([]plugin.Plugin, error)
	whole   bool // the process is there for the daemon, and for nothing else
}

// Settings are the settings that the list of plugins may depend on.
type Settings struct {
	// ExecAllow lists the commands that the plugin exec may run, as globs. Empty: exec is disabled.
	ExecAllow []string
	// ExecUser lists those, besides the user of the daemon, as whom the plugin exec may run commands: USER or USER:GROUP, names or numbers.
	ExecUser []string
}

// Plugins gives the plugins that tasks may choose from. Without it, there are none. An error is about the settings: the daemon reports it
// and does not start.
func Plugins(list func(Settings) ([]plugin.Plugin, error)) Option {
	return func(o *options) { o.plugins = list }
}

// Name is the name of the program in its messages. Default: taskvisord.
func Name(name string) Option {
	return func(o *options) { o.name = name }
}

// Version is the version of the program. Default, also for "": that of its main module, which the go command takes from the tag or commit.
func Version(version string) Option {
	return func(o *options) { o.version = cmp.Or(version, moduleVersion()) }
}

func newOptions(list []Option) *options {
	o := &options{name: "taskvisord", version: moduleVersion()}
	for _, option := range list {
		option(o)
	}
	return o
}

// fullVersion is what the version command prints.
func (o *options) fullVersion() string {
	return fmt.Sprintf("%s %s (%s, %s/%s)", o.name, o.version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// moduleVersion returns the version of the main module: "(devel)" where the go command could not tell.
func moduleVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	return info.Main.Version
}
