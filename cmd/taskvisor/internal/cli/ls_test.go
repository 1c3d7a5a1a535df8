package cli

import (
	"strings"
	"testing"
)

func TestLs(t *testing.T) {
	inWorld(t, func(w *world) {
		w.run("ls")
		w.run("ls", "--all")
		w.populate()
		w.at80And120("ls")
		w.at80And120("ls", "--all", "-o", "wide")
		w.run("ls")
		w.run("ls", "-o", "name", "--all")
		w.run("ls", "export-*")
		w.run("ls", "-l", "app in (web,billing)", "-o", "json")
		w.run("ls", "--state", "queued,stuck")
		w.run("ls", "--state", "finished")
		w.run("ls", "nothing-*")
		w.run("ls", "web/front", "-o", "yaml")
		w.run("ls", "--state", "sleeping")
		w.run("ls", "-l", "app in (web")
		w.run("ls", "[", "x y")
		w.run("ls", "once", "00000000-0000-7000-8000-000000000001")
		w.run("ls", "-o", "xml")
	})
}

func TestColoursAreForTerminals(t *testing.T) {
	inWorld(t, func(w *world) {
		w.populate()
		w.terminal = Terminal{Is: true, Width: 80}
		if out, _, _ := w.output(0, "ls"); !strings.Contains(out, "\x1b[32mrunning\x1b[0m") {
			t.Errorf("no colours on a terminal:\n%s", out)
		}
		for _, environ := range []string{"NO_COLOR=1", "TERM=dumb"} {
			w.environ = []string{environ}
			if out, _, _ := w.output(0, "ls"); strings.Contains(out, "\x1b") {
				t.Errorf("%s: colours:\n%s", environ, out)
			}
		}
		w.environ, w.terminal = nil, Terminal{}
		if out, _, _ := w.output(0, "ls"); strings.Contains(out, "\x1b") {
			t.Errorf("colours in a pipe:\n%s", out)
		}
		w.run("ls", "-o", "name")
	})
}
