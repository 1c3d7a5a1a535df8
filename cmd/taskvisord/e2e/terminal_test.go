//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// terminal is a terminal of tmux, with a shell in it.
type terminal struct {
	t    *testing.T
	tmux string
	dir  string // of the socket of tmux, and of the shell
}

// newTerminal opens a terminal. Where there is no tmux, the test is skipped, since `make check` wants nothing but Go, git and make; unless
// TASKVISOR_E2E_REQUIRE says tmux, as CI does, which would not notice otherwise that it tests less.
func newTerminal(t *testing.T, width, height int) *terminal {
	t.Helper()
	tmux, err := exec.LookPath("tmux")
	switch {
	case err != nil && os.Getenv("TASKVISOR_E2E_REQUIRE") == "tmux":
		t.Fatal("TASKVISOR_E2E_REQUIRE is tmux, but there is none: install it")
	case err != nil:
		t.Skip("SKIPPED: taskvisor top is not tested on a terminal, for there is no tmux. Install it to have that tested.")
	}
	dir, err := os.MkdirTemp("", "tv-") //nolint:usetesting // that path may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	s := &terminal{t: t, tmux: tmux, dir: dir}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the screen:\n%s", s.screen())
		}
		_, _ = s.do("kill-server") // it may be gone
		_ = os.RemoveAll(dir)      // a temporary folder
	})
	s.must("-f", os.DevNull, "new-session", "-d", "-x", strconv.Itoa(width), "-y", strconv.Itoa(height), "exec sh")
	s.must("set-option", "-g", "status", "off")
	return s
}

// do has tmux do something.
func (s *terminal) do(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience) // that of the test is over when it is cleaned up
	defer cancel()
	cmd := exec.CommandContext(ctx, s.tmux, append([]string{"-L", "t"}, args...)...)
	cmd.Dir = s.dir
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return isSetting(v) || slices.Contains([]string{"NO_COLOR", "COLUMNS", "LINES", "TMUX", "ENV", "PS1"}, name)
	}), "TMUX_TMPDIR="+s.dir, "XDG_CONFIG_HOME="+s.dir, "LC_ALL=C.UTF-8", "PS1=$ ")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return string(out), nil
}

func (s *terminal) must(args ...string) string {
	s.t.Helper()
	out, err := s.do(args...)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// screen returns what is on it.
func (s *terminal) screen() string {
	out, err := s.do("capture-pane", "-p")
	if err != nil {
		return err.Error()
	}
	return out
}

// coloured returns what is on it, with what makes the colours.
func (s *terminal) coloured() string { return s.must("capture-pane", "-p", "-e") }

// press presses keys, by the names that tmux has for them.
func (s *terminal) press(keys ...string) { s.must(append([]string{"send-keys"}, keys...)...) }

// run types a command into the shell.
func (s *terminal) run(command string) {
	s.must("send-keys", "-l", command)
	s.press("Enter")
}

func (s *terminal) resize(width, height int) {
	s.must("resize-window", "-x", strconv.Itoa(width), "-y", strconv.Itoa(height))
}

// poll is how often the screen is looked at. tmux tells nobody that it has changed.
const poll = 20 * time.Millisecond

// until waits until the screen is as it is wanted.
func (s *terminal) until(what string, wanted func(screen string) bool) {
	s.t.Helper()
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	for deadline := time.Now().Add(patience); !wanted(s.screen()); <-ticker.C {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited %s for %s", patience, what)
		}
	}
}

// see waits until all the words are on the screen.
func (s *terminal) see(words ...string) {
	s.t.Helper()
	s.until(fmt.Sprintf("%q", words), func(screen string) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(screen, w) })
	})
}

// seeNo waits until none of the words is on the screen.
func (s *terminal) seeNo(words ...string) {
	s.t.Helper()
	s.until(fmt.Sprintf("none of %q", words), func(screen string) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return strings.Contains(screen, w) })
	})
}

// modes returns how the terminal is set: what stty says, and what tmux does.
func (s *terminal) modes() string {
	s.t.Helper()
	file := filepath.Join(s.dir, "modes")
	_ = os.Remove(file) // it need not be there
	s.run("stty -a > modes.part && mv modes.part modes")
	s.until("stty", func(string) bool {
		_, err := os.Stat(file)
		return err == nil
	})
	data, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(data) + s.must("display-message", "-p", "alternate screen #{alternate_on}, cursor #{cursor_flag}, keypad #{keypad_flag}, mouse #{mouse_any_flag}")
}
