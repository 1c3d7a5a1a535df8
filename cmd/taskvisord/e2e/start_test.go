//go:build e2e

package e2e

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// TestStartThatFails: what the built binary answers to what it cannot do, as its --help has it: 1 when it could not start, 2 when what
// it was given is wrong.
func TestStartThatFails(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"tasks.yaml":  "tasks:\n- name: a\n  plugin: sleep\n  timeout: -1s\n- name: a\n  plugin: slep\n",
		"config.yaml": "listen: none\ngrase: 5s\n",
		"file":        "",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, tt := range []struct {
		name  string
		flags []string
		code  int
		says  []string // how the lines of standard error begin
	}{
		{"unknown flag", []string{"--max_task", "3"}, 2, []string{"taskvisord: unknown flag: --max_task; did you mean --max-tasks?"}},
		{"bad value", []string{"--grace", "5"}, 2, []string{`taskvisord: --grace: "5" is not a duration; `}},
		{"exposed address", []string{"--listen", "0.0.0.0:0"}, 2, []string{"taskvisord: --listen: 0.0.0.0:0 is not a loopback address, "}},
		{"mistake in the config file", []string{"--config", "config.yaml"}, 2, []string{"taskvisord: config.yaml:2: grase: is no known field; did you mean grace?"}},
		{"mistakes in the tasks file", []string{"--listen", "127.0.0.1:0", "--tasks", "tasks.yaml"}, 2,
			[]string{"taskvisord: 3 problems:", "  tasks.yaml:4: tasks[0].timeout: ", "  tasks.yaml:5: tasks[1].name: ", "  tasks.yaml:6: tasks[1].plugin: "}},
		{"address in use", []string{"--listen", taken.Addr().String()}, 1, []string{"taskvisord: --listen: " + taken.Addr().String() + " is in use; "}},
		{"file in the place of the socket", []string{"--listen", "none", "--socket", "file"}, 1, []string{"taskvisord: --socket: file exists and is no socket; "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := startCommand(t, func(ctx context.Context) *exec.Cmd {
				cmd := exec.CommandContext(ctx, bin.daemon, tt.flags...)
				cmd.Dir = dir
				return cmd
			})
			if code := p.exit(t); code != tt.code || p.stdout.String() != "" {
				t.Errorf("exit code %d, want %d; standard output %q", code, tt.code, p.stdout)
			}
			lines := strings.Split(strings.TrimSuffix(p.stderr.String(), "\n"), "\n")
			if len(lines) != len(tt.says) {
				t.Fatalf("%d lines:\n%s", len(lines), p.stderr)
			}
			for i, want := range tt.says {
				if !strings.HasPrefix(lines[i], want) {
					t.Errorf("got  %s\nwant %s…", lines[i], want)
				}
			}
		})
	}
}

// TestSocket: grpcurl reaches the daemon by its unix socket, and the socket of a daemon that was killed does not keep the next one from its
// place.
func TestSocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	for _, end := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		d := startDaemon(t, "--socket", socket)
		info, err := os.Lstat(socket)
		if err != nil || info.Mode() != os.ModeSocket|0o600 {
			t.Errorf("the socket is %v, %v", info, err)
		}
		overSocket := &daemon{process: d.process, addr: "unix:" + socket}
		overSocket.call(t, "AddTask", `{"task":{"name":"a","plugin":"sleep","config":{"duration":"1h"}}}`, &taskvisorv1.AddTaskResponse{})
		listed := &taskvisorv1.ListTasksResponse{}
		if d.call(t, "ListTasks", `{}`, listed); len(listed.GetTasks()) != 1 {
			t.Errorf("what was added over the socket is not listed over TCP: %v", listed)
		}
		second := start(t, bin.daemon, "--listen", "127.0.0.1:0", "--socket", socket)
		if code := second.exit(t); code != 1 || !strings.Contains(second.stderr.String(), "a program listens on "+socket+" already") {
			t.Errorf("a second daemon on the socket exits with %d: %s", code, second.stderr)
		}
		d.signal(t, end)
		<-d.ended
		if _, err := os.Lstat(socket); os.IsNotExist(err) != (end == syscall.SIGTERM) {
			t.Errorf("after %s: %v", end, err)
		}
	}
}
