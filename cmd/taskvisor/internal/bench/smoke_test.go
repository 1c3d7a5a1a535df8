package bench

import (
	"bytes"
	"encoding/json"
	"io"
	"runtime"
	"strings"
	"testing"
)

// measure runs a measurement with real processes and returns what it printed.
func measure(t *testing.T, args string) *bytes.Buffer {
	t.Helper()
	var out, progress bytes.Buffer
	if err := execute(t.Context(), append([]string{"bench"}, strings.Fields(args)...), nil, &out, &progress); err != nil {
		t.Fatalf("bench %s: %v\n%s", args, err, &progress)
	}
	return &out
}

func results[T any](t *testing.T, out io.Reader) (results []T) {
	t.Helper()
	doc := document{Results: &results}
	if err := json.NewDecoder(out).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	if doc.CPUs != runtime.NumCPU() || doc.Conditions.Count != 1 {
		t.Errorf("document %+v", doc)
	}
	return results
}

func TestWatch(t *testing.T) {
	t.Parallel()
	out := measure(t, "watch --watchers 3 --conns 2 --processes 2 --event-buffer 1024 --count 1 --warmup 20ms --window 60ms --json")
	all := results[trialResult](t, out)
	if len(all) != 5 {
		t.Errorf("%d trials, want 5", len(all))
	}
	for _, r := range all {
		f := r.Rounds[0]
		if f.Delivered <= 0 || f.Messages <= 0 || f.Lost > 0 || f.EventSize < 115 || f.EventSize > 125 {
			t.Errorf("%s: %+v", r.trial, f)
		}
		if runtime.GOOS == "linux" && f.ServerResident < 1<<20 {
			t.Errorf("%s: %+v", r.trial, f)
		}
	}
}

// Of a publisher that floods, watchers receive more than a window of events only if they report how far they are.
func TestWatchersKeepTheFloodGoing(t *testing.T) {
	t.Parallel()
	b := &bench{*newLauncher(t), conditions{Conns: 2, Processes: 2, EventBuffer: 1024}}
	for _, variant := range []string{taskvisorVariant, naiveVariant} {
		for _, filter := range []string{allFilter, halfFilter} {
			keepGoing(t, b, trial{variant, filter, rawClient, 3}, 5000)
		}
	}
}

// keepGoing floods until so many events were published, and as many were received.
func keepGoing(t *testing.T, b *bench, of trial, events uint64) {
	t.Helper()
	e, err := b.assemble(t.Context(), of)
	if err != nil {
		t.Fatal(err)
	}
	defer e.stop()
	if err := e.server.ask(doStart, nil); err != nil {
		t.Fatal(err)
	}
	for now := (&standing{}); now.server.Published < events || now.events() < events; {
		if now, err = e.report(); err != nil {
			t.Fatal(err)
		}
		for _, w := range now.watchers {
			if w.Lost > 0 {
				t.Fatalf("%s: %+v", of, w)
			}
		}
	}
}

func TestWatchDecodes(t *testing.T) {
	t.Parallel()
	out := measure(t, "watch --watchers 2 --variants taskvisor,blast --filters half --clients decode --event-buffer 1024 --count 1 --warmup 20ms --window 60ms")
	if text := out.String(); !strings.Contains(text, "decode") || strings.Contains(text, "NaN") {
		t.Error(text)
	}
}

func TestLatency(t *testing.T) {
	t.Parallel()
	for _, client := range clients() {
		all := results[trialResult](t, measure(t, "latency --watchers 2 --rate 500 --count 1 --warmup 20ms --window 60ms --json --client "+client))
		for _, r := range all {
			f := r.Rounds[0]
			if f.Latencies == 0 || f.LatencyMedian <= 0 || f.Latency99 < f.LatencyMedian {
				t.Errorf("%s: %+v", r.trial, f)
			}
		}
	}
	if out := measure(t, "latency --watchers 1 --count 1 --warmup 10ms --window 20ms"); !strings.Contains(out.String(), "taskvisor / bare") {
		t.Errorf("%s", out)
	}
}

func TestIdle(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells how much memory a process has")
	}
	for _, row := range results[idleRow](t, measure(t, "idle --shapes 200/2,50/50 --count 1 --json")) {
		if f := row.Rounds[0]; f.Resident == 0 || f.Heap <= 0 || f.Stacks <= 0 {
			t.Errorf("%s: %+v", row.shape, f)
		}
	}
	if out := measure(t, "idle --shapes 20/2 --count 1"); !strings.Contains(out.String(), "connections") {
		t.Errorf("%s", out)
	}
}
