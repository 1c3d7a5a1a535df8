package daemon_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/taskvisor/taskvisor/server/daemon"
	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// Greeting is the config of a plugin.
type Greeting struct {
	Whom string `json:"whom" jsonschema:"who is greeted"`
}

// A daemon with a plugin of one's own. In a program of its own, main calls Main with the options, and that is all; Run lets this example
// bring its arguments and see how it ends.
func Example() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	tasks := filepath.Join(dir, "tasks.yaml")
	if err := os.WriteFile(tasks, []byte("tasks:\n- {name: hello, plugin: greet, config: {whom: world}}\n"), 0o600); err != nil {
		fmt.Println(err)
		return
	}

	ctx, stop := context.WithCancel(context.Background())
	greet := plugin.Definition[Greeting]{
		Name:        "greet",
		Description: "Greets somebody, and stops the daemon.",
		Build: func(c Greeting) (supervisor.Task, error) {
			return supervisor.TaskFunc(func(context.Context) error {
				fmt.Printf("hello, %s\n", c.Whom)
				stop()
				return nil
			}), nil
		},
	}
	plugins := func(daemon.Settings) ([]plugin.Plugin, error) { return []plugin.Plugin{greet}, nil }

	code := daemon.Run(ctx, daemon.Process{
		Args:   []string{"--listen", "127.0.0.1:0", "--tasks", tasks},
		Stdout: os.Stdout,
		Stderr: io.Discard, // the log
	}, daemon.Name("greeterd"), daemon.Plugins(plugins))
	fmt.Println("exit code", code)
	// Output:
	// hello, world
	// exit code 0
}
