//go:build e2e

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// "config check" of the built daemon, with its plugins: what it lets pass starts, and what it does not, does not either.
func TestConfigCheckAgreesWithTheStart(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) *process {
		return startCommand(t, func(ctx context.Context) *exec.Cmd {
			cmd := exec.CommandContext(ctx, bin.daemon, args...)
			cmd.Dir = dir
			return cmd
		})
	}
	write("c.yaml", "listen: 127.0.0.1:0\nexec-allow: [date]\ntasks: t.yaml\n")
	write("t.yaml", "tasks:\n- name: probe\n  plugin: http\n  config: {ulr: \"http://127.0.0.1\"}\n- {name: list, plugin: exec, config: {command: [ls]}}\n")
	check, begun := run("config", "check", "--config", "c.yaml"), run("--config", "c.yaml")
	for _, p := range []*process{check, begun} {
		if code := p.exit(t); code != 2 || p.stdout.String() != "" || p.stderr.String() != check.stderr.String() {
			t.Errorf("exit code %d\n%s", code, p.output())
		}
	}
	for _, want := range []string{`t.yaml:4: tasks[0].config.ulr: there is no key "ulr" here; did you mean "url"?`, `t.yaml:5: tasks[1].config.command[0]: "ls" is not allowed`} {
		if text := check.stderr.String(); !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	write("t.yaml", "tasks:\n- {name: nap, plugin: sleep, config: {duration: 1h}}\n")
	if p := run("config", "check", "--config", "c.yaml"); p.exit(t) != 0 || p.stdout.String() != "taskvisord: the settings are good: tasks=1 plugins=exec,file,http,sleep,tcp\n" {
		t.Error(p.output())
	}
	startDaemonIn(t, dir, "--config", "c.yaml")
}
