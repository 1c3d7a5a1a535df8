//go:build unix

package exec_test

import (
	"context"
	"fmt"

	"github.com/taskvisor/taskvisor/supervisor/plugin"
	"github.com/taskvisor/taskvisor/supervisor/plugins/exec"
)

func Example() {
	guard := exec.NewGuard() // in a program: first thing in main
	defer guard.Close()
	commands, err := exec.New(exec.Options{Allow: []string{"sh"}, Guard: guard})
	if err != nil {
		fmt.Println(err)
		return
	}
	registry, err := plugin.NewRegistry(commands)
	if err != nil {
		fmt.Println(err)
		return
	}
	body, err := registry.Build("exec", map[string]any{"command": []string{"sh", "-c", "echo no database >&2; exit 3"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(body.Run(context.Background()))

	_, err = registry.Build("exec", map[string]any{"command": []string{"rm", "-rf", "/"}})
	fmt.Println(err)
	// Output:
	// exit status 3: no database
	// invalid config of plugin "exec": command[0]: "rm" is not allowed, only sh; give one of these as written here, or start the daemon with --exec-allow "rm" too
}
