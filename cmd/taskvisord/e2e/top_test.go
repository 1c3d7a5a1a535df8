//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// topTasks are what the screen shows. They do what they do slowly, so that the screen stays what it is for as long as it takes to look.
const topTasks = `
tasks:
- name: beat
  plugin: sleep
  config: {duration: 1ms}
  restart: {mode: RESTART_MODE_ALWAYS, interval: 3600s}
- name: flaky
  plugin: sleep
  config: {duration: 1ms, then: failure, reason: "the database\tis \e[31mgone"}
  backoff: {first: 3600s, max: 3600s, jitter: JITTER_NONE}
- name: nap
  plugin: sleep
  config: {duration: 3600s}
  labels: {app: nap}
`

// colour is what makes text red, green and so on; 39 is no colour.
var colour = regexp.MustCompile(`\x1b\[(\d+;)*3[0-8](;\d+)*m`)

// TestTop has a person look at a daemon, press keys, change the size of the terminal, and outlive the daemon.
func TestTop(t *testing.T) {
	s := newTerminal(t, 80, 24)
	if err := os.WriteFile(filepath.Join(s.dir, "tasks.yaml"), []byte(topTasks), 0o600); err != nil {
		t.Fatal(err)
	}
	d := startDaemonIn(t, s.dir, "--tasks", "tasks.yaml", "--socket", "./s")
	before := s.modes()
	s.run(bin.taskvisor + ` --server ./s top; echo "exit $?"`)
	s.see("taskvisor top  ./s", "● live", "3 tasks  1 failing  1 running", "▸ flaky", "the database is", "task-failed")
	if !colour.MatchString(s.coloured()) {
		t.Errorf("there are no colours:\n%q", s.coloured())
	}
	topKeys(s)
	topSizes(s)

	s.press("End", "d")
	s.see("Stop nap and remove it?")
	s.press("y")
	s.see(`task "nap" canceled after 1 attempt`, "2 tasks", "task-removed")

	d.signal(t, syscall.SIGTERM)
	d.exit(t)
	s.see("○ reconnecting", "as of")
	startDaemonIn(t, s.dir, "--tasks", "tasks.yaml", "--socket", "./s")
	s.see("● live", "server restarted", "3 tasks")

	s.press("q")
	s.see("exit 0")
	if after := s.modes(); after != before {
		t.Errorf("the terminal is not what it was. It was\n%s\nand is\n%s", before, after)
	}
	topEnds(s, before)
}

// topKeys looks, filters, sorts and comes back.
func topKeys(s *terminal) {
	s.press("Down", "j", "k", "Enter")
	s.see("beat: backoff", "UID:", "EVENTS of this task")
	s.press("Escape")
	s.see("▸ beat")
	s.press("/")
	s.see("filter:")
	s.press("n", "a")
	s.see("1 task of 3", "▸ nap")
	s.press("Enter", "/", "C-u")
	s.must("send-keys", "-l", "app=nap")
	s.press("Enter")
	s.see("only app=nap", "▸ nap", "● live")
	s.seeNo("flaky")
	s.press("Escape")
	s.see("3 tasks")
	s.press("s")
	s.see("sort: name")
	s.press("?")
	s.see("Ctrl-Z")
	s.press("q")
	s.see("sort: name")
}

// topSizes changes the size of the terminal. Nothing of the frame before is left on the screen.
func topSizes(s *terminal) {
	s.resize(120, 40)
	s.see("AGE", "FAILS", "↑↓ select")
	s.resize(40, 10)
	s.see("STATE", "NEXT", "nap")
	s.seeNo("RESTARTS", "EVENTS")
	s.resize(80, 24)
	s.see("RESTARTS", "EVENTS", "p pause")
	s.seeNo("AGE")
}

// topEnds ends it in other ways. The terminal is always as it was.
func topEnds(s *terminal, before string) {
	for _, end := range []struct {
		signal syscall.Signal
		want   string
	}{
		{syscall.SIGTERM, "exit 130."},
		{syscall.SIGHUP, "exit 1."},
	} {
		s.run("clear; sh -c 'echo $$ > pid; NO_COLOR=1 exec " + bin.taskvisor + " --server ./s top'")
		s.see("● live", "▸ flaky")
		if text := s.coloured(); colour.MatchString(text) {
			s.t.Errorf("NO_COLOR is set, and there are colours:\n%q", text)
		}
		s.press("C-z")
		s.seeNo("● live")
		s.run(`clear; fg; echo "exit $?."`)
		s.see("● live", "▸ flaky")
		data, err := os.ReadFile(filepath.Join(s.dir, "pid"))
		if err != nil {
			s.t.Fatal(err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
		if err == nil {
			err = syscall.Kill(pid, end.signal)
		}
		if err != nil {
			s.t.Fatal(err)
		}
		s.see(end.want)
		if after := s.modes(); after != before {
			s.t.Errorf("%s: the terminal is not what it was. It was\n%s\nand is\n%s", end.signal, before, after)
		}
	}
	s.run("clear; " + bin.taskvisor + ` --server ./s top > file; echo "exit $?"`)
	s.see("standard output is none", "taskvisor ls", "exit 2")
}
