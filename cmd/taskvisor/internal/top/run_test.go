package top

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/servertest"
)

// output is what a terminal got.
type output struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// running is a Run without a terminal: keys are written, and what would be on the screen is read.
type running struct {
	keys  io.WriteCloser
	out   *output
	ended chan error
}

func start(ctx context.Context, t *testing.T, c Config) *running {
	r, w := io.Pipe()
	started := &running{keys: w, out: &output{}, ended: make(chan error, 1)}
	c.In, c.Out, c.Environ = r, started.out, []string{"TERM=xterm-256color"}
	go func() { started.ended <- run(ctx, c, tea.WithWindowSize(80, 24)) }()
	t.Cleanup(func() { _ = w.Close() }) // so that nobody reads from it any more
	time.Sleep(time.Second)
	synctest.Wait()
	return started
}

// press writes what a terminal sends for keys.
func (r *running) press(keys string) {
	_, _ = r.keys.Write([]byte(keys)) // into a pipe that is read
}

// expectRestored wants the last word on the alternate screen, and on the cursor, to be that they are gone, and there.
func (r *running) expectRestored(t *testing.T) {
	t.Helper()
	out := r.out.String()
	if strings.LastIndex(out, "\x1b[?1049h") < 0 || strings.LastIndex(out, "\x1b[?1049l") < strings.LastIndex(out, "\x1b[?1049h") ||
		strings.LastIndex(out, "\x1b[?25h") < strings.LastIndex(out, "\x1b[?25l") {
		t.Errorf("the terminal was not given back:\n%q", out)
	}
}

// brokenWords have a fault that shows with a task of one name.
type brokenWords struct{ testWords }

func (w *brokenWords) State(t *pb.Task) (string, Mood) {
	if t.GetName() == "broken" {
		panic("a fault")
	}
	return w.testWords.State(t)
}

func TestRunGivesTheTerminalBack(t *testing.T) {
	for name, tt := range map[string]struct {
		end  func(r *running, h *servertest.Harness, cancel func())
		want func(err error) bool
	}{
		"q":           {func(r *running, _ *servertest.Harness, _ func()) { r.press("q") }, func(err error) bool { return err == nil }},
		"Ctrl-C":      {func(r *running, _ *servertest.Harness, _ func()) { r.press("\x03") }, func(err error) bool { return err == nil }},
		"the context": {func(_ *running, _ *servertest.Harness, cancel func()) { cancel() }, func(err error) bool { return errors.Is(err, context.Canceled) }},
		"a fault": {func(_ *running, h *servertest.Harness, _ func()) { h.Add("broken", servertest.Wait) }, func(err error) bool {
			return err != nil && strings.Contains(err.Error(), "this is a fault of this program")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			stderr := os.Stderr // where Bubble Tea tells of a fault
			os.Stderr = nil
			defer func() { os.Stderr = stderr }()
			synctest.Test(t, func(t *testing.T) {
				h := servertest.New(t, servertest.WithoutLeakCheck())
				h.Add("a", servertest.Wait)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				r := start(ctx, t, Config{Client: client.New(h.Conn), Words: &brokenWords{}, Server: "there"})
				tt.end(r, h, cancel)
				if err := <-r.ended; !tt.want(err) {
					t.Errorf("it ended with %v", err)
				}
				if !strings.Contains(r.out.String(), "live") {
					t.Errorf("it did not show the server: %q", r.out)
				}
				r.expectRestored(t)
			})
		})
	}
}

// TestRunIsRefused has a server that refuses to be followed.
func TestRunIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := servertest.New(t, servertest.WithoutLeakCheck())
		r := start(t.Context(), t, Config{Client: client.New(h.Conn), Words: &testWords{}, Filter: &pb.EventFilter{LabelSelector: "="}})
		if err := <-r.ended; !client.IsInvalid(err) {
			t.Errorf("it ended with %v", err)
		}
		r.expectRestored(t)
	})
}
