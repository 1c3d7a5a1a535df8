package file_test

import (
	"context"
	"errors"
	"fmt"
	nethttp "net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
	"github.com/taskvisor/taskvisor/supervisor/plugin/plugintest"
	"github.com/taskvisor/taskvisor/supervisor/plugins/file"
	"github.com/taskvisor/taskvisor/supervisor/plugins/internal/bodytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func registry(t *testing.T) *plugin.Registry {
	t.Helper()
	return bodytest.Registry(t, file.New())
}

func build(t *testing.T, config map[string]any) supervisor.Task {
	t.Helper()
	return bodytest.Build(t, registry(t), "file", config)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(text), 0o600))
}

// started runs an attempt, and returns where its error arrives.
func started(t *testing.T, body supervisor.Task) <-chan error {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- body.Run(t.Context()) }()
	synctest.Wait()
	return ended
}

// Each change is made while an attempt waits, on the virtual clock: it has to end with the next look after a change that is one, and with none else.
func TestChanges(t *testing.T) {
	for name, test := range map[string]struct {
		until  string
		before func(t *testing.T, dir string)
		change func(t *testing.T, dir string)
		ends   bool
	}{
		"comes":         {"exists", nil, func(t *testing.T, dir string) { write(t, dir+"/f", "") }, true},
		"comes as link": {"exists", nil, func(t *testing.T, dir string) { must(t, os.Symlink(dir, dir+"/f")) }, true},
		"leads nowhere": {"exists", nil, func(t *testing.T, dir string) { must(t, os.Symlink(dir+"/none", dir+"/f")) }, false},
		"goes":          {"missing", func(t *testing.T, dir string) { write(t, dir+"/f", "") }, func(t *testing.T, dir string) { must(t, os.Remove(dir+"/f")) }, true},
		"stays":         {"missing", func(t *testing.T, dir string) { write(t, dir+"/f", "") }, func(t *testing.T, dir string) { write(t, dir+"/f", "x") }, false},
		"new content": {
			"changed", func(t *testing.T, dir string) { write(t, dir+"/f", "a") }, func(t *testing.T, dir string) { write(t, dir+"/f", "bc") }, true,
		},
		"replaced, same size": {
			"changed", func(t *testing.T, dir string) { write(t, dir+"/f", "a") },
			func(t *testing.T, dir string) { write(t, dir+"/g", "b"); must(t, os.Rename(dir+"/g", dir+"/f")) }, true,
		},
		"touched": {
			"changed", func(t *testing.T, dir string) { write(t, dir+"/f", "a") },
			func(t *testing.T, dir string) { must(t, os.Chtimes(dir+"/f", time.Time{}, time.Unix(1e9, 0))) }, false,
		},
		"replaced, same content": {
			"changed", func(t *testing.T, dir string) { write(t, dir+"/f", "a") },
			func(t *testing.T, dir string) { write(t, dir+"/g", "a"); must(t, os.Rename(dir+"/g", dir+"/f")) }, false,
		},
		"came":                         {"changed", nil, func(t *testing.T, dir string) { write(t, dir+"/f", "") }, true},
		"went":                         {"changed", func(t *testing.T, dir string) { write(t, dir+"/f", "") }, func(t *testing.T, dir string) { must(t, os.Remove(dir+"/f")) }, true},
		"folder":                       {"changed", folder, func(t *testing.T, dir string) { write(t, dir+"/f/a", "bc") }, true},
		"folder, name comes":           {"changed", folder, func(t *testing.T, dir string) { write(t, dir+"/f/b", "") }, true},
		"folder, name goes":            {"changed", folder, func(t *testing.T, dir string) { must(t, os.Remove(dir+"/f/a")) }, true},
		"folder, hidden by Kubernetes": {"changed", folder, func(t *testing.T, dir string) { write(t, dir+"/f/..x", "") }, false},
		"folder becomes empty file":    {"changed", folder, func(t *testing.T, dir string) { must(t, os.RemoveAll(dir+"/f")); write(t, dir+"/f", "") }, true},
		"ConfigMap, the file":          {"changed", configMap("f"), swapConfigMap("f"), true},
		"ConfigMap, its folder":        {"changed", configMapFolder, swapConfigMap(""), true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if test.before != nil {
				test.before(t, dir)
			}
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				body := build(t, map[string]any{"path": dir + "/f", "until": test.until, "interval": "1m"})
				ended := started(t, supervisor.TaskFunc(func(context.Context) error { return body.Run(ctx) }))
				test.change(t, dir)
				time.Sleep(time.Minute + time.Nanosecond)
				synctest.Wait()
				select {
				case err := <-ended:
					if !test.ends || err != nil {
						t.Errorf("the attempt ended: %v", err)
					}
				default:
					if test.ends {
						t.Error("the change was not seen")
					}
				}
				cancel()
			})
		})
	}
}

func folder(t *testing.T, dir string) {
	must(t, os.Mkdir(dir+"/f", 0o700))
	write(t, dir+"/f/a", "a")
}

// configMap lays a volume of Kubernetes out as the kubelet does, with the path of the test, f, as the key in it, or as the mount.
func configMap(key string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		must(t, os.Mkdir(dir+"/..2026_01", 0o700))
		write(t, dir+"/..2026_01/"+key, "old")
		must(t, os.Symlink("..2026_01", dir+"/..data"))
		must(t, os.Symlink("..data/"+key, dir+"/"+key))
	}
}

func configMapFolder(t *testing.T, dir string) {
	must(t, os.Mkdir(dir+"/f", 0o700))
	configMap("key")(t, dir+"/f")
}

// swapConfigMap does what the kubelet does: a new folder, a new link, and that renamed over the old one.
func swapConfigMap(key string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		if key == "" {
			dir, key = dir+"/f", "key"
		}
		must(t, os.Mkdir(dir+"/..2026_02", 0o700))
		write(t, dir+"/..2026_02/"+key, "new")
		must(t, os.Symlink("..2026_02", dir+"/..data_tmp"))
		must(t, os.Rename(dir+"/..data_tmp", dir+"/..data"))
		must(t, os.RemoveAll(dir+"/..2026_01"))
	}
}

// A file that is written again within the grain of the clock has the time and may have the size that it had.
func TestAYoungFileIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	write(t, path, "a")
	info, err := os.Stat(path)
	must(t, err)
	body := build(t, map[string]any{"path": path, "until": "changed", "interval": "10ms"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := body.Run(ctx); !errors.Is(err, context.Canceled) { // the first look
		t.Fatal(err)
	}
	write(t, path, "b")
	must(t, os.Chtimes(path, time.Time{}, info.ModTime()))
	must(t, body.Run(t.Context()))
}

// What changes between two attempts counts; an action that failed is done again; one that succeeded is not.
func TestNothingIsMissedBetweenAttempts(t *testing.T) {
	var calls atomic.Int32
	server := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if calls.Add(1) == 1 {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(nethttp.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	path := filepath.Join(t.TempDir(), "f")
	body := build(t, map[string]any{
		"path": path, "until": "changed", "interval": "10ms",
		"then": map[string]any{"http": map[string]any{"url": server.URL, "method": "POST"}},
	})
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	idle := func() {
		t.Helper()
		if err := body.Run(canceled); !errors.Is(err, context.Canceled) {
			t.Fatalf("it acts: %v", err)
		}
	}
	idle()
	write(t, path, "x")
	err := body.Run(t.Context())
	want := path + ": POST " + server.URL + ": 503 Service Unavailable instead of 2xx"
	if after, _ := supervisor.RetryAfterOf(err); err == nil || err.Error() != want || after != 7*time.Second {
		t.Errorf("got %v, want %s", err, want)
	}
	must(t, body.Run(t.Context()))
	idle()
	if n := calls.Load(); n != 2 {
		t.Errorf("%d calls, want 2", n)
	}
}

// A failure that was told is not told again.
func TestFail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	synctest.Test(t, func(t *testing.T) {
		body := build(t, map[string]any{"path": path, "until": "changed", "then": map[string]any{"fail": "it came"}})
		ended := started(t, body)
		write(t, path, "")
		time.Sleep(time.Second)
		if err := <-ended; err == nil || err.Error() != path+": it came" {
			t.Errorf("got %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := body.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

// With settle, a change counts when none has followed for so long.
func TestSettle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	synctest.Test(t, func(t *testing.T) {
		ended := started(t, build(t, map[string]any{"path": path, "until": "changed", "interval": "1s", "settle": "10s"}))
		begin := time.Now()
		for i := range 5 {
			write(t, path, strings.Repeat("x", i))
			time.Sleep(4 * time.Second)
		}
		must(t, <-ended)
		if took := time.Since(begin); took < 26*time.Second || took > 28*time.Second {
			t.Errorf("it took %s; the last change came after 16s", took)
		}
	})
}

func TestWhatCannotBeLookedAt(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/f", "")
	for i := range 1001 {
		must(t, os.Symlink("f", fmt.Sprint(dir, "/", i)))
	}
	for path, want := range map[string]string{
		dir + "/f/below": dir + "/f/below: cannot look at it: stat " + dir + "/f/below: not a directory",
		dir:              dir + ": the folder has more than 1000 names; watch a file in it, or a smaller folder",
	} {
		if err := build(t, map[string]any{"path": path, "until": "changed"}).Run(t.Context()); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// To read a file that only the kernel writes may take for ever.
func TestProcIsNotRead(t *testing.T) {
	const path = "/proc/self/mem" // a read of its beginning fails
	if _, err := os.Stat(path); err != nil {
		t.Skip("there is no /proc")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := build(t, map[string]any{"path": path, "until": "changed"}).Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestConformance(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/here", "")
	plugintest.Run(t, file.New(), plugintest.Config{
		Good: []plugintest.Case{
			{Config: map[string]any{"path": dir}},
			{Config: map[string]any{"path": dir + "/gone", "until": "missing"}},
			{Name: "fail", Config: map[string]any{"path": dir + "/here", "then": map[string]any{"fail": "it is here"}}, End: plugintest.Fails, Reason: "it is here"},
			{
				Name: "signal", Config: map[string]any{"path": dir, "then": map[string]any{"signal": map[string]any{"pid_file": dir + "/gone"}}},
				End: plugintest.Fails, Reason: "cannot read pid_file",
			},
		},
		Bad: []plugintest.Bad{
			{Path: "path", Config: map[string]any{}},
			{Path: "then.http.url", Config: map[string]any{"path": "/", "then": map[string]any{"http": map[string]any{"url": "x"}}}},
		},
		Endless: map[string]any{"path": dir + "/here", "until": "changed", "interval": "10ms"},
		Within:  time.Minute, // a loaded machine may take seconds for what it builds
		Virtual: true,
	})
}

func TestWhatIsRefused(t *testing.T) {
	r := registry(t)
	for name, test := range map[string]struct {
		config map[string]any
		want   []string
	}{
		"relative": {map[string]any{"path": "f", "interval": "1ms", "settle": "2h"}, []string{
			`path: "f" is no absolute path; give one, beginning with /`, "interval: 1ms is out of range; give 10ms to 1h", "settle: 2h0m0s is out of range; give at most 1h",
			`settle: 2h0m0s is set, but only changes settle; set until to "changed", or leave settle out`,
		}},
		"two actions": {map[string]any{"path": "/f", "then": map[string]any{"fail": "x", "signal": map[string]any{"process": "p"}}}, []string{
			"then: it has 2 actions; give one of http, signal and fail",
		}},
		"nobody": {map[string]any{"path": "/f", "then": map[string]any{"signal": map[string]any{}}}, []string{"then.signal: it names no process; give pid_file, process, or both"}},
		"signal": {map[string]any{"path": "/f", "then": map[string]any{"signal": map[string]any{"pid_file": "p", "process": "kubernetes-dashboard", "signal": "KILL"}}}, []string{
			`then.signal.signal: "KILL" is not allowed; give one of "HUP", "INT", "QUIT", "TERM", "USR1", "USR2"`,
		}},
		"names": {map[string]any{"path": "/f", "then": map[string]any{"signal": map[string]any{"pid_file": "p", "process": "kubernetes-dashboard"}}}, []string{
			`then.signal.pid_file: "p" is no absolute path; give one, beginning with /`,
			`then.signal.process: "kubernetes-dashboard" has more than 15 bytes, and the kernel keeps no more of a name; give the first 15`,
		}},
		"http": {map[string]any{"path": "/f", "then": map[string]any{"http": map[string]any{"url": "ftp://x", "expect": map[string]any{"status": []any{"ok"}}}}}, []string{
			`then.http.url: "ftp://x" has no scheme that is known here; begin it with http:// or https://`,
			`then.http.expect.status[0]: "ok" is no status; give a number from 100 to 599, a range such as "200-204", or a class such as "2xx"`,
		}},
	} {
		_, err := r.Build("file", test.config)
		bodytest.WantRefused(t, name, err, test.want)
	}
}

func Example() {
	registry, err := plugin.NewRegistry(file.New())
	if err != nil {
		fmt.Println(err)
		return
	}
	body, err := registry.Build("file", map[string]any{"path": "/no/such/file", "until": "missing", "then": map[string]any{"fail": "it is gone"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(body.Run(context.Background()))
	// Output: /no/such/file: it is gone
}
