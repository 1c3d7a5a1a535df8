//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// sidecarApp is the application of example/sidecar.yaml. This process is the one that its pid file names.
type sidecarApp struct {
	*httptest.Server
	dir     string // stands in for /etc/app and /run/app
	calls   chan string
	signals chan os.Signal
	asked   atomic.Int32 // to warm up or to drain
}

func newSidecarApp(t *testing.T) *sidecarApp {
	t.Helper()
	a := &sidecarApp{dir: t.TempDir(), calls: make(chan string, 1000), signals: make(chan os.Signal, 1000)}
	signal.Notify(a.signals, syscall.SIGHUP, syscall.SIGUSR1)
	t.Cleanup(func() { signal.Stop(a.signals) })
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	a.write(t, "app.pid", fmt.Sprintln(os.Getpid()))
	a.write(t, "config.yaml", "version: 0\n")
	a.write(t, "tls.crt", "0")
	a.write(t, "app.log", "full\n")
	return a
}

// ServeHTTP is not ready the first time that it is asked for something that takes a while.
func (a *sidecarApp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() { a.calls <- r.Method + " " + r.URL.Path }()
	first := a.asked.Add(1) == 1
	switch {
	case r.URL.Path == "/-/warm" && first:
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.URL.Path == "/-/drain" && first:
		fmt.Fprintln(w, `{"queued": 3}`)
	case r.URL.Path == "/-/drain":
		fmt.Fprintln(w, `{"queued": 0}`)
	case r.URL.Path == "/healthz":
		a.asked.Add(-1)
	}
}

func (a *sidecarApp) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// program makes a command that a task runs.
func (a *sidecarApp) program(t *testing.T, name, script string) {
	t.Helper()
	bin := filepath.Join(a.dir, "bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil { //nolint:gosec // it is a program
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
}

// tasks returns the file of tasks, for this application.
func (a *sidecarApp) tasks(t *testing.T, database net.Addr) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "cmd", "taskvisord", "example", "sidecar.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	a.write(t, "tasks.yaml", strings.NewReplacer(
		"127.0.0.1:8080", a.Listener.Addr().String(), "127.0.0.1:5432", database.String(), "/etc/app", a.dir, "/run/app", a.dir,
		"interval: 1s", "interval: 20ms",
	).Replace(string(text)))
	return filepath.Join(a.dir, "tasks.yaml")
}

// after changes a file again and again until something has come of it: the first look at it may come after the first change.
func (a *sidecarApp) after(t *testing.T, name string, came func() bool) {
	t.Helper()
	again := time.NewTicker(300 * time.Millisecond)
	defer again.Stop()
	for version := 1; !came(); version++ {
		if version == 300 {
			t.Fatalf("nothing comes of a change of %s", name)
		}
		a.write(t, name, fmt.Sprintln("version:", version))
		<-again.C
	}
}

// called reports whether a call has come, and forgets all others.
func (a *sidecarApp) called(want string) func() bool {
	return func() bool { return has(a.calls, want) }
}

func (a *sidecarApp) signaled(want os.Signal) func() bool {
	return func() bool { return has(a.signals, want) }
}

func has[T comparable](from <-chan T, want T) bool {
	for {
		select {
		case got := <-from:
			if got == want {
				return true
			}
		default:
			return false
		}
	}
}

// TestWhatSidecarsDo has each task of example/sidecar.yaml do what it is there for.
func TestWhatSidecarsDo(t *testing.T) {
	a := newSidecarApp(t)
	a.program(t, "certbot", `test "$*" = "renew --quiet" && echo renewed >"`+a.dir+`/tls.crt"`)
	a.program(t, "logrotate", `test -n "$3" && mv "`+a.dir+`/app.log" "`+a.dir+`/app.log.1"`)
	database, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer database.Close()
	d := startDaemon(t, "--exec-allow", "certbot,logrotate", "--tasks", a.tasks(t, database.Addr()))

	outcomes := map[string]taskvisorv1.Outcome{}
	successes := map[string]bool{}
	w := d.watch(t, `{"start":"WATCH_START_OLDEST"}`)
	follow := func(until func() bool) {
		for !until() {
			e, ok := w.next(t)
			if !ok {
				t.Fatal("the stream ended")
			}
			switch e.GetKind() {
			case taskvisorv1.EventKind_EVENT_KIND_TASK_REMOVED:
				outcomes[e.GetTask()] = e.GetOutcome()
			case taskvisorv1.EventKind_EVENT_KIND_BACKOFF_SCHEDULED:
				successes[e.GetTask()] = successes[e.GetTask()] || e.GetBackoffSource() == taskvisorv1.BackoffSource_BACKOFF_SOURCE_SUCCESS
			}
		}
	}
	ended := func(name string) func() bool {
		return func() bool { return outcomes[name] == taskvisorv1.Outcome_OUTCOME_COMPLETED }
	}
	succeeded := func(name string) func() bool { return func() bool { return successes[name] } }

	follow(ended("database"))
	follow(ended("warm-cache"))
	follow(succeeded("health"))
	follow(succeeded("renew-certificate"))
	follow(succeeded("rotate-log"))
	follow(succeeded("reopen-log"))
	if !a.signaled(syscall.SIGUSR1)() {
		t.Error("the application was not told that its log is gone")
	}
	a.after(t, "config.yaml", a.called("POST /-/reload"))
	a.after(t, "tls.crt", a.signaled(syscall.SIGHUP))

	a.asked.Store(0)
	a.write(t, "drain", "")
	follow(ended("drain"))
	if n := a.asked.Load(); n < 2 {
		t.Errorf("the application was asked %d times whether it is drained", n)
	}
}
