package cli

import (
	"testing"

	"github.com/taskvisor/taskvisor/server/servertest"
	"github.com/taskvisor/taskvisor/supervisor/plugins/exec"
	"github.com/taskvisor/taskvisor/supervisor/plugins/sleep"
)

// TestPlugins has two of the built-in plugins: with all of them, each new one would change the file.
func TestPlugins(t *testing.T) {
	command, err := exec.New(exec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	inWorld(t, func(w *world) {
		w.at80And120("plugins")
		w.at80And120("plugins", "sleep")
		w.run("plugins", "disabled")
		w.run("plugins", "-o", "name")
		w.run("plugins", "script", "-o", "json")
		w.run("plugins", "-o", "yaml")
		w.run("plugins", "slep")
		w.run("plugins", "a", "b")
	}, servertest.WithPlugins(command, sleep.New()))
}
