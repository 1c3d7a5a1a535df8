package exec_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/taskvisor/taskvisor/supervisor"
)

// BenchmarkFlood adds tasks that end at once, and waits for each, beside a command that writes without an end for a task with CaptureOutput. The
// peers are a command that is silent, and one that keeps two cores busy without writing anything, as the flood and its reader do.
func BenchmarkFlood(b *testing.B) {
	for _, flood := range []struct{ name, script string }{
		{"silent", "exec sleep 1000"},
		{"busy", "while :; do :; done & while :; do :; done"},
		{"one line", "exec cat /dev/zero"},
		{"lines", "exec yes 'GET /healthz 200 0.003s: as long as a line of a log may well be'"},
	} {
		b.Run(flood.name, func(b *testing.B) {
			sup := flooded(b, flood.script)
			rss, read := resident(b), bytesRead(b)
			for b.Loop() {
				snap, err := sup.Add(b.Context(), supervisor.Once("other", supervisor.TaskFunc(func(context.Context) error { return nil })))
				if err != nil {
					b.Fatal(err)
				}
				if _, err := sup.Wait(b.Context(), supervisor.ByUID(snap.UID)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(bytesRead(b)-read)/b.Elapsed().Seconds()/1e9, "GB/s")
			b.ReportMetric(float64(resident(b)-rss)/(1<<20), "MiB-grown")
		})
	}
}

// flooded returns a supervisor with a task that runs a script.
func flooded(b *testing.B, script string) *supervisor.Supervisor {
	b.Helper()
	sup, err := supervisor.New(supervisor.Config{EventBuffer: 1024, RetainedTasks: 100, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	body, err := build(map[string]any{"command": []string{"sh", "-c", script}, "stop_grace": "1ms"})
	if err != nil {
		b.Fatal(err)
	}
	spec := supervisor.Once("flood", body)
	spec.CaptureOutput = true
	if _, err := sup.Add(b.Context(), spec); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = sup.Shutdown(context.Background()) })
	return sup
}

// bytesRead returns how much this process has read.
func bytesRead(b *testing.B) (n int64) {
	b.Helper()
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := fmt.Sscanf(string(text), "rchar: %d", &n); err != nil {
		b.Fatal(err)
	}
	return n
}

// resident returns how much memory this process occupies.
func resident(b *testing.B) (bytes int64) {
	b.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\nVmRSS:")
	if _, err := fmt.Sscan(rest, &bytes); err != nil {
		b.Fatal(err)
	}
	return bytes << 10
}
