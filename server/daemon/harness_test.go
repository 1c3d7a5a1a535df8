package daemon

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
	"github.com/taskvisor/taskvisor/supervisor/plugins/exec"
	"github.com/taskvisor/taskvisor/supervisor/plugins/sleep"
)

// asDaemon makes the test binary a daemon: see process_test.go.
const asDaemon = "TEST_AS_DAEMON"

func TestMain(m *testing.M) {
	if os.Getenv(asDaemon) != "" {
		Main(Plugins(builtIn))
	}
	goleak.VerifyTestMain(m)
}

// builtIn are two of the built-in plugins, so that another one more changes no message here.
func builtIn(s Settings) ([]plugin.Plugin, error) {
	command, err := exec.New(exec.Options{Allow: s.ExecAllow, Users: s.ExecUser})
	if err != nil {
		return nil, err
	}
	return []plugin.Plugin{command, sleep.New()}, nil
}

// stubborn is a plugin whose bodies ignore their cancellation until they are released.
type stubborn struct{ released chan struct{} }

func newStubborn() *stubborn { return &stubborn{make(chan struct{})} }

func (s *stubborn) release() { close(s.released) }

// plugins are the built-in ones and this one.
func (s *stubborn) plugins(settings Settings) ([]plugin.Plugin, error) {
	list, err := builtIn(settings)
	return append(list, plugin.Definition[struct{}]{
		Name:        "stubborn",
		Description: "Ignores its cancellation.",
		Build: func(struct{}) (supervisor.Task, error) {
			return supervisor.TaskFunc(func(context.Context) error {
				<-s.released
				return nil
			}), nil
		},
	}), err
}

// console collects what is written, and lets a test wait for it.
type console struct {
	mu      sync.Mutex // guards what is below
	text    bytes.Buffer
	written chan struct{} // closed by the next write
}

func newConsole() *console { return &console{written: make(chan struct{})} }

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.written)
	c.written = make(chan struct{})
	return c.text.Write(p)
}

func (c *console) String() string {
	text, _ := c.read()
	return text
}

func (c *console) read() (text string, written <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String(), c.written
}

// running is a daemon that runs inside a test.
type running struct {
	stdout, stderr *console
	signals        chan os.Signal
	ended          chan struct{} // closed when code is set
	code           int
}

// launch runs a daemon on a free port. It is stopped at the end of the test, if it is still running.
func launch(t *testing.T, option Option, args ...string) *running {
	t.Helper()
	return launchIn(t, nil, option, args...)
}

// launchIn is launch with an environment.
func launchIn(t *testing.T, env []string, option Option, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{stdout: newConsole(), stderr: newConsole(), signals: make(chan os.Signal, 2), ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		r.code = Run(ctx, Process{
			Args: append([]string{"--listen=127.0.0.1:0"}, args...), Env: env,
			Stdout: r.stdout, Stderr: r.stderr, Signals: r.signals,
		}, option, Version("v1.2.3"))
	}()
	t.Cleanup(func() {
		cancel()
		<-r.ended
	})
	return r
}

// await waits until the log has the text, and returns the line that does.
func (r *running) await(t *testing.T, text string) (line string) {
	t.Helper()
	for {
		all, written := r.stderr.read()
		for line := range strings.Lines(all) {
			if strings.Contains(line, text) {
				return line
			}
		}
		select {
		case <-written:
		case <-r.ended:
			if all = r.stderr.String(); !strings.Contains(all, text) {
				t.Fatalf("the daemon ended with %d and never wrote %q:\n%s", r.code, text, all)
			}
		case <-t.Context().Done():
			t.Fatalf("the daemon does not write %q:\n%s", text, r.stderr)
		}
	}
}

// exit waits for the end and returns the exit code.
func (r *running) exit() int {
	<-r.ended
	return r.code
}

// address returns where the daemon listens.
func (r *running) address(t *testing.T) string {
	t.Helper()
	_, after, _ := strings.Cut(r.await(t, "ready address="), "address=")
	address, _, _ := strings.Cut(after, " ")
	return address
}

// once runs a daemon that is to end by itself.
func once(t *testing.T, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // should it start against expectation, it stops
	var out, err bytes.Buffer
	code = Run(ctx, Process{Args: args, Env: env, Stdout: &out, Stderr: &err}, Plugins(builtIn), Version("v1.2.3"))
	return code, out.String(), err.String()
}

// timeless returns the lines of a log without their times.
func timeless(log string) (lines []string) {
	for line := range strings.Lines(log) {
		_, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		lines = append(lines, rest)
	}
	return lines
}

// write makes files in a temporary directory, which becomes the working directory, so that messages have short names.
func write(t *testing.T, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
}
