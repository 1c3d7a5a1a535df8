//go:build unix

package exec_test

import (
	"testing"
	"time"

	"github.com/taskvisor/taskvisor/supervisor/plugin/plugintest"
	"github.com/taskvisor/taskvisor/supervisor/plugins/exec"
)

func TestConformance(t *testing.T) {
	p, err := exec.New(exec.Options{Allow: []string{"**"}})
	if err != nil {
		t.Fatal(err)
	}
	command := func(argv ...any) map[string]any { return map[string]any{"command": argv} }
	plugintest.Run(t, p, plugintest.Config{
		Good: []plugintest.Case{
			{Config: command("true")},
			{Name: "failure", Config: command("sh", "-c", "echo no database >&2; exit 3"), End: plugintest.Fails, Reason: "no database", ExitCode: 3},
			{Name: "input", Config: map[string]any{"command": []any{"sh", "-c", "read x; exit $x"}, "stdin": "7"}, End: plugintest.Fails, ExitCode: 7},
			{Name: "no such command", Config: command("/no/such/command"), End: plugintest.Fails, Reason: "/no/such/command"},
		},
		Bad: []plugintest.Bad{
			{Path: "command", Config: map[string]any{}},
			{Path: "command", Config: command()},
			{Path: "command[1]", Config: command("true", "\x00")},
			{Path: "user", Config: map[string]any{"command": []any{"true"}, "user": "root"}},
			{Path: "dir", Config: map[string]any{"command": []any{"true"}, "dir": "tmp"}},
			{Path: "env.LD_PRELOAD", Config: map[string]any{"command": []any{"true"}, "env": map[string]any{"LD_PRELOAD": "x"}}},
		},
		Endless: command("sleep", "1000"),
		Within:  time.Minute, // a loaded machine may take seconds to start a few processes
	})
}
