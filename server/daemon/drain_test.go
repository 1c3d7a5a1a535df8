package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

const stubbornTasks = "tasks:\n- {name: deaf, plugin: stubborn}\n- {name: calm, plugin: sleep, config: {duration: 1h}}\n"

// rounded makes durations that time decides equal.
func rounded(lines []string) string {
	return regexp.MustCompile(`in [0-9.]+(s|ms|µs)$`).ReplaceAllString(strings.Join(lines, "\n"), "in T")
}

// logOfDrain returns what the log says of the drain, without events.
func logOfDrain(r *running) string {
	_, drain, _ := strings.Cut(r.stderr.String(), " tasks=") // of the ready line
	lines := timeless(drain)[1:]
	sentences := lines[:0]
	for _, line := range lines {
		if !regexp.MustCompile(`^\w+ +[A-Z_]+\b`).MatchString(line) {
			sentences = append(sentences, line)
		}
	}
	return rounded(sentences)
}

// Each way in which a daemon that serves ends: what makes it, what it says, and its exit code.
func TestEndings(t *testing.T) {
	const calm = "tasks:\n- {name: calm, plugin: sleep, config: {duration: 1h}}\n"
	tests := []struct {
		name    string
		tasks   string
		args    []string
		signals []os.Signal // each is sent once the log has the beginning of the drain
		code    int
		log     []string
	}{
		{"SIGTERM, nothing to do", "tasks:\n", nil, []os.Signal{syscall.SIGTERM}, ExitClean, []string{
			"INFO  stopping; no task is running; a second signal quits at once",
			"INFO  stopped",
		}},
		{"SIGTERM", calm, nil, []os.Signal{syscall.SIGTERM}, ExitClean, []string{
			"INFO  stopping 1 task, up to 10s; a second signal quits at once",
			"INFO  stopped; 1 task stopped in T",
		}},
		{"Ctrl-C", calm, nil, []os.Signal{syscall.SIGINT}, ExitClean, []string{
			"INFO  stopping 1 task, up to 10s; press Ctrl-C again to quit at once",
			"INFO  stopped; 1 task stopped in T",
		}},
		{"a task that is stuck", stubbornTasks, []string{"--grace=50ms"}, []os.Signal{syscall.SIGTERM}, ExitStuck, []string{
			"INFO  stopping 2 tasks, up to 50ms; a second signal quits at once",
			"ERROR 1 of 2 tasks did not stop within 50ms: deaf; quitting without them",
		}},
		{"second SIGTERM", stubbornTasks, []string{"--grace=1h"}, []os.Signal{syscall.SIGTERM, syscall.SIGTERM}, 128 + 15, []string{
			"INFO  stopping 2 tasks, up to 1h0m0s; a second signal quits at once",
			"WARN  quitting at once, without waiting for tasks",
		}},
		{"second Ctrl-C", stubbornTasks, []string{"--grace=1h"}, []os.Signal{syscall.SIGINT, syscall.SIGINT}, 128 + 2, []string{
			"INFO  stopping 2 tasks, up to 1h0m0s; press Ctrl-C again to quit at once",
			"WARN  quitting at once, without waiting for tasks",
		}},
		{"SIGINT after SIGTERM", stubbornTasks, []string{"--grace=1h"}, []os.Signal{syscall.SIGTERM, syscall.SIGINT}, 128 + 2, []string{
			"INFO  stopping 2 tasks, up to 1h0m0s; a second signal quits at once",
			"WARN  quitting at once, without waiting for tasks",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			write(t, map[string]string{"t.yaml": tt.tasks})
			s := newStubborn()
			defer s.release()
			r := launch(t, Plugins(s.plugins), append(tt.args, "--tasks=t.yaml")...)
			for name := range strings.SplitSeq(tt.tasks, "name: ") {
				if name, _, ok := strings.Cut(name, ","); ok {
					r.await(t, fmt.Sprintf("%-21s %-8s #1", "TASK_STARTING", name))
				}
			}
			r.await(t, "ready")
			for _, signal := range tt.signals {
				r.signals <- signal
				r.await(t, "stopping")
			}
			if code := r.exit(); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			if got, want := logOfDrain(r), strings.Join(tt.log, "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s\nall\n%s", got, want, r.stderr)
			}
		})
	}
}

// Each exit code of --help is one that some test of this package provokes: 0, 3, 130 and 143 above, 1 and 2 below and in the tests of
// listeners and settings.
func TestHelpHasEachExitCode(t *testing.T) {
	var got []string
	for line := range strings.Lines(exitHelp) {
		if codes := regexp.MustCompile(`^ +([0-9, ]+?)  `).FindStringSubmatch(line); codes != nil {
			got = append(got, codes[1])
		}
	}
	want := fmt.Sprintf("[%d %d %d %d %d, %d]", ExitClean, ExitFailure, ExitUsage, ExitStuck,
		exitForced(syscall.SIGINT), exitForced(syscall.SIGTERM))
	if fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if code := exitForced(nil); code != ExitFailure {
		t.Errorf("a signal without a number: exit code %d", code)
	}
}

// A signal that comes before the daemon serves stops it all the same, and is no failure to start.
func TestSignalBeforeItServes(t *testing.T) {
	write(t, map[string]string{"t.yaml": "tasks:\n- {name: a, plugin: sleep}\n"})
	code, stdout, stderr := once(t, nil, "--listen=127.0.0.1:0", "--tasks=t.yaml")
	lines := timeless(stderr)
	if code != ExitClean || stdout != "" || lines[0] != "INFO  stopping; no task is running" || lines[len(lines)-1] != "INFO  stopped" {
		t.Errorf("exit code %d, stdout %q, stderr\n%s", code, stdout, stderr)
	}
	if strings.Contains(stderr, "TASK_ADDED") || strings.Contains(stderr, "ready") {
		t.Errorf("it went on nevertheless:\n%s", stderr)
	}
}

// prepared returns a daemon that is about to run, and its log.
func prepared(t *testing.T, args ...string) (*daemon, *console) {
	t.Helper()
	log := newConsole()
	var d *daemon
	cmd := newCommand(newOptions([]Option{Plugins(builtIn)}), &Process{}, steps{logTo: func(c *config) {
		handler := newTextHandler(log, c.logLevel)
		d = &daemon{config: c, options: newOptions([]Option{Plugins(builtIn)}), handler: handler, log: slog.New(handler), failed: make(chan error, 1)}
	}})
	cmd.SetArgs(append(args, "--print-config"))
	cmd.SetOut(io.Discard)
	if err := errors.Join(cmd.Execute(), d.prepare(t.Context())); err != nil {
		t.Fatal(err)
	}
	return d, log
}

// brokenListener fails as soon as it is served.
type brokenListener struct {
	net.Listener
	closed sync.Once
	calls  chan struct{} // closed by Close
}

func (l *brokenListener) Accept() (net.Conn, error) { return nil, errors.New("out of order") }

func (l *brokenListener) Close() error {
	l.closed.Do(func() { close(l.calls) })
	return l.Listener.Close()
}

// newBroken returns such a listener. It has an address that is real.
func newBroken(t *testing.T) *brokenListener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return &brokenListener{Listener: l, calls: make(chan struct{})}
}

// A daemon that nobody can reach any more ends, in good order, for somebody to start it anew.
func TestListenerThatFails(t *testing.T) {
	write(t, map[string]string{"t.yaml": "tasks:\n- {name: a, plugin: sleep, config: {duration: 1h}}\n"})
	d, log := prepared(t, "--tasks=t.yaml")
	broken := newBroken(t)
	d.listeners = &listeners{grpc: []net.Listener{broken}}
	code, err := d.run(t.Context())
	if code != ExitFailure || err != nil {
		t.Errorf("exit code %d, %v", code, err)
	}
	for _, want := range []string{
		fmt.Sprintf(`ERROR cannot go on serving reason="serve on %s: out of order"`, broken.Addr()), "INFO  stopping 1 task, up to 10s\n",
		"ALL_STOPPED_WITHIN_GRACE", "INFO  stopped; 1 task stopped in ",
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not have %q:\n%s", want, log)
		}
	}
}

// Tasks that passed the rehearsal and still cannot be added: the daemon does not serve without them, and leaves nothing open.
func TestTaskThatCannotBeAdded(t *testing.T) {
	write(t, map[string]string{"t.yaml": "tasks:\n- {name: a, plugin: sleep, config: {duration: 1h}}\n- {name: b, plugin: sleep}\n"})
	d, log := prepared(t, "--tasks=t.yaml", "--max-tasks=2")
	d.declared.tasks = append(d.declared.tasks, d.declared.tasks[0])
	listener := newBroken(t)
	d.listeners = &listeners{grpc: []net.Listener{listener}}
	code, err := d.run(t.Context())
	if code != ExitClean || err == nil || !strings.HasPrefix(err.Error(), `add task "a": `) {
		t.Errorf("exit code %d, %v", code, err)
	}
	if strings.Contains(log.String(), "ready") || !strings.Contains(log.String(), "INFO  stopped; 2 tasks stopped in ") {
		t.Errorf("the log has\n%s", log)
	}
	<-listener.calls
}

// "One that nobody reads keeps neither a task from being stopped …": the task is canceled while the log is stuck.
func TestDrainWithALogThatIsStuck(t *testing.T) {
	write(t, map[string]string{"t.yaml": "tasks:\n- {name: a, plugin: witness}\n"})
	canceled := make(chan struct{})
	witness := plugin.Definition[struct{}]{
		Name:        "witness",
		Description: "Tells of its cancellation.",
		Build: func(struct{}) (supervisor.Task, error) {
			return supervisor.TaskFunc(func(ctx context.Context) error {
				<-ctx.Done()
				close(canceled)
				return ctx.Err()
			}), nil
		},
	}
	r := launch(t, Plugins(func(Settings) ([]plugin.Plugin, error) { return []plugin.Plugin{witness}, nil }), "--tasks=t.yaml")
	r.await(t, "TASK_STARTING")
	r.await(t, "ready")
	r.stderr.mu.Lock() // whoever writes has to wait
	r.signals <- syscall.SIGTERM
	<-canceled
	r.stderr.mu.Unlock()
	if code := r.exit(); code != ExitClean {
		t.Errorf("exit code %d", code)
	}
}

// "… nor a second signal from its effect."
func TestSecondSignalWithALogThatIsStuck(t *testing.T) {
	r := launch(t, Plugins(builtIn))
	r.await(t, "ready")
	r.stderr.mu.Lock()
	defer r.stderr.mu.Unlock()
	r.signals <- syscall.SIGTERM
	r.signals <- syscall.SIGTERM
	if code := r.exit(); code != 128+15 {
		t.Errorf("exit code %d", code)
	}
}

func TestVerdictOnAnotherError(t *testing.T) {
	d, log := prepared(t)
	if code := d.verdict(1, 0, &supervisor.DrainError{Subscribers: []string{"log"}}); code != ExitClean {
		t.Errorf("exit code %d", code)
	}
	if code := d.verdict(1, 0, errors.New("strange")); code != ExitFailure {
		t.Errorf("exit code %d", code)
	}
	checkLines(t, timeless(log.String()), []string{
		"WARN  stopped; the last events are missing from this log, which is written too slowly",
		"ERROR the shutdown went wrong reason=strange",
	})
	if err := server.New(d.supervisor, nil, server.Config{}).Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
}
