// Package plugins lists the built-in plugins. It is the only place that knows all of them: to add one, write a package that returns a
// plugin.Plugin and put it into Default.
package plugins

import (
	"fmt"

	"github.com/taskvisor/taskvisor/supervisor/plugin"
	"github.com/taskvisor/taskvisor/supervisor/plugins/exec"
	"github.com/taskvisor/taskvisor/supervisor/plugins/file"
	"github.com/taskvisor/taskvisor/supervisor/plugins/http"
	"github.com/taskvisor/taskvisor/supervisor/plugins/sleep"
	"github.com/taskvisor/taskvisor/supervisor/plugins/tcp"
)

// Options are what the operator of a daemon decides about the built-in plugins. The zero value works: plugins that need a decision are
// listed, but disabled.
type Options struct {
	Exec exec.Options
}

// Default returns the built-in plugins, for plugin.NewRegistry. The error says which option is wrong.
func Default(o Options) ([]plugin.Plugin, error) {
	command, err := exec.New(o.Exec)
	if err != nil {
		return nil, fmt.Errorf("plugin exec: %w", err)
	}
	return []plugin.Plugin{
		command,
		file.New(),
		http.New(),
		sleep.New(),
		tcp.New(),
	}, nil
}
