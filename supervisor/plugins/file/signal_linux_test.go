package file_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// script has a worker of its own name, and says which signal it got; so would the worker.
const script = `#!/bin/sh
trap 'kill $! 2>/dev/null; echo HUP $1; exit 0' HUP
trap 'kill $! 2>/dev/null; echo USR1 $1; exit 0' USR1
sleep 1000 >/dev/null &
echo ready
wait
`

// start starts the script under a name, and returns its output and number.
func start(t *testing.T, name string) (output *bufio.Scanner, pid int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	must(t, os.WriteFile(path, []byte(script), 0o700))
	cmd := exec.Command(path)
	pipe, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it has ended, if all is well
		_ = cmd.Wait()
	})
	output = bufio.NewScanner(pipe)
	if !output.Scan() || output.Text() != "ready" {
		t.Fatalf("the process does not begin: %q", output.Text())
	}
	return output, cmd.Process.Pid
}

func TestSignals(t *testing.T) {
	dir := t.TempDir()
	send := func(signal map[string]any) error {
		return build(t, map[string]any{"path": dir, "then": map[string]any{"signal": signal}}).Run(t.Context())
	}
	for name, test := range map[string]struct {
		signal func(name, pidFile string) map[string]any
		want   string
	}{
		"number":          {func(_, pidFile string) map[string]any { return map[string]any{"pid_file": pidFile} }, "HUP"},
		"name":            {func(name, _ string) map[string]any { return map[string]any{"process": name, "signal": "USR1"} }, "USR1"},
		"number and name": {func(name, pidFile string) map[string]any { return map[string]any{"process": name, "pid_file": pidFile} }, "HUP"},
	} {
		called := fmt.Sprintf("tv-%d", os.Getpid())
		output, pid := start(t, called)
		pidFile := filepath.Join(dir, "pid")
		write(t, pidFile, fmt.Sprintf(" %d \nmore\n", pid))
		if err := send(test.signal(called, pidFile)); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if output.Scan(); strings.TrimSpace(output.Text()) != test.want {
			t.Errorf("%s: the process got %q, want %s", name, output.Text(), test.want)
		}
	}
}

func TestSignalsThatCannotBeSent(t *testing.T) {
	dir := t.TempDir()
	pidFile := filepath.Join(dir, "pid")
	for text, want := range map[string]string{
		"secret":                 `pid_file "` + pidFile + `" does not begin with the number of a process`,
		"-1":                     `pid_file "` + pidFile + `" does not begin with the number of a process`,
		"0":                      `pid_file "` + pidFile + `" does not begin with the number of a process`,
		"":                       `pid_file "` + pidFile + `" does not begin with the number of a process`,
		fmt.Sprint(os.Getpid()):  `pid_file "` + pidFile + `" has the number of this daemon, which no task may signal`,
		"2147483647":             "cannot send SIGHUP to process 2147483647: no such process",
		fmt.Sprint(os.Getppid()): fmt.Sprintf(`process %d of pid_file %q is not called "other", but `, os.Getppid(), pidFile),
	} {
		write(t, pidFile, text)
		signal := map[string]any{"pid_file": pidFile}
		if text == fmt.Sprint(os.Getppid()) {
			signal["process"] = "other"
		}
		err := build(t, map[string]any{"path": dir, "then": map[string]any{"signal": signal}}).Run(t.Context())
		if err == nil || !strings.HasPrefix(err.Error(), dir+": "+want) {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
	err := build(t, map[string]any{"path": dir, "then": map[string]any{"signal": map[string]any{"process": "no-such-one"}}}).Run(t.Context())
	if want := dir + `: no process is called "no-such-one"`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
