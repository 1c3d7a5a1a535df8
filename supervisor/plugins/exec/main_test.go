package exec_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
	"github.com/taskvisor/taskvisor/supervisor/plugins/exec"
)

// asReaper makes that a process which adopts orphans, and has it say what is left of them once the script has ended.
const asReaper = "EXEC_TEST_AS_REAPER"

// asDaemon, set to a script, makes the test binary a daemon with one task that runs it.
const asDaemon = "EXEC_TEST_AS_DAEMON"

// asUser, set to one of users, is whom that daemon runs the script as.
const asUser = "EXEC_TEST_AS_USER"

// users are those as whom commands may be run in these tests. The numbers belong to nobody.
var users = []string{"nobody", "root", "root:23456", "54321", "54321:23456", "noone-here", "root:noone-here"}

func TestMain(m *testing.M) {
	guard := exec.NewGuard()
	if script := os.Getenv(asDaemon); script != "" {
		if err := serve(guard, script); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func serve(guard *exec.Guard, script string) error {
	if os.Getenv(asReaper) != "" {
		return reapOnly(script)
	}
	config := map[string]any{"command": []string{"sh", "-c", script}}
	if user := os.Getenv(asUser); user != "" {
		config["user"] = user
	}
	body, err := buildGuarded(guard, config)
	if err != nil {
		return err
	}
	sup, err := supervisor.New(supervisor.Config{})
	if err != nil {
		return err
	}
	return sup.Run(context.Background(), supervisor.Once("child", body))
}

func build(config map[string]any) (supervisor.Task, error) { return buildGuarded(nil, config) }

func buildGuarded(guard *exec.Guard, config map[string]any) (supervisor.Task, error) {
	p, err := exec.New(exec.Options{Allow: []string{"**"}, Users: users, Guard: guard})
	if err != nil {
		return nil, err
	}
	r, err := plugin.NewRegistry(p)
	if err != nil {
		return nil, err
	}
	return r.Build("exec", config)
}

// line is a line of output as the log has it.
type line struct{ stream, text string }

// lab is a supervisor with one task that runs a command, and what that writes.
type lab struct {
	t     *testing.T
	sup   *supervisor.Supervisor
	ref   supervisor.Ref
	lines chan line
	warns chan string
}

// newLab starts the command once.
func newLab(t *testing.T, config map[string]any, change ...func(*supervisor.Spec)) *lab {
	t.Helper()
	return newGuardedLab(t, nil, config, change...)
}

func newGuardedLab(t *testing.T, guard *exec.Guard, config map[string]any, change ...func(*supervisor.Spec)) *lab {
	t.Helper()
	l := &lab{t: t, lines: make(chan line, 10_000), warns: make(chan string, 100)}
	body, err := buildGuarded(guard, config)
	if err != nil {
		t.Fatal(err)
	}
	if l.sup, err = supervisor.New(supervisor.Config{Logger: slog.New(l)}); err != nil {
		t.Fatal(err)
	}
	spec := supervisor.Once("lab", body)
	for _, c := range change {
		c(&spec)
	}
	snap, err := l.sup.Add(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	l.ref = supervisor.ByUID(snap.UID)
	t.Cleanup(func() {
		if err := l.sup.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return l
}

// sh starts a shell script once.
func sh(t *testing.T, script string, change ...func(*supervisor.Spec)) *lab {
	t.Helper()
	return newLab(t, map[string]any{"command": []string{"sh", "-c", script}}, change...)
}

// wait returns the task once its life has ended.
func (l *lab) wait() supervisor.Snapshot {
	l.t.Helper()
	snap, err := l.sup.Wait(l.t.Context(), l.ref)
	if err != nil {
		l.t.Fatal(err)
	}
	return snap
}

// remove removes the task and returns it once its life has ended.
func (l *lab) remove() supervisor.Snapshot {
	l.t.Helper()
	snap, err := l.sup.Remove(l.t.Context(), l.ref, time.Minute)
	if err != nil {
		l.t.Fatal(err)
	}
	return snap
}

// expect waits for a line, and skips none.
func (l *lab) expect(stream, text string) {
	l.t.Helper()
	if got := <-l.lines; got != (line{stream, text}) {
		l.t.Fatalf("line %+v, want %q on %s", got, text, stream)
	}
}

// failure returns how the attempt failed.
func failure(t *testing.T, snap supervisor.Snapshot) (reason string, exitCode int, hasCode bool) {
	t.Helper()
	if snap.LastError == nil {
		t.Fatalf("no attempt failed; outcome %s", snap.Outcome)
	}
	exitCode, hasCode = supervisor.ExitCodeOf(snap.LastError.Err)
	return snap.LastError.Reason, exitCode, hasCode
}

// A lab is the handler of its own log.

func (l *lab) Enabled(context.Context, slog.Level) bool { return true }
func (l *lab) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *lab) WithGroup(string) slog.Handler            { return l }
func (l *lab) Handle(_ context.Context, r slog.Record) error {
	if r.Level == slog.LevelWarn {
		l.warns <- r.Message
		return nil
	}
	var out line
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "stream":
			out.stream = a.Value.String()
		case "line":
			out.text = a.Value.String()
		}
		return true
	})
	l.lines <- out
	return nil
}
