package supervisor

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Every figure here is a ratio to a baseline of the same run, or names what it is measured in. See DESIGN §12.

// cost is what some lives took. Wall time is what the goals are about; processor time tells whether a difference is one when others use the
// machine as well.
type cost struct{ wall, cpu time.Duration }

func (c cost) over(base cost) (wall, cpu float64) {
	return float64(c.wall) / float64(base.wall), float64(c.cpu) / max(1, float64(base.cpu))
}

// measure runs f without garbage of what ran before.
func measure(f func()) cost {
	runtime.GC()
	begin, cpu := time.Now(), cpuTime()
	f()
	return cost{time.Since(begin), cpuTime() - cpu}
}

// bareLives runs n lives without an engine: a goroutine with a context, in a map under a mutex while it lives. adders share the work.
func bareLives(n, adders int) {
	var mu sync.Mutex
	live := map[string]context.CancelFunc{}
	var all sync.WaitGroup
	for i := range adders {
		all.Go(func() {
			for j := range n / adders {
				name := lifeName(i, j)
				ctx, cancel := context.WithCancel(context.Background())
				mu.Lock()
				live[name] = cancel
				mu.Unlock()
				all.Go(func() {
					_ = noop(ctx)
					cancel()
					mu.Lock()
					delete(live, name)
					mu.Unlock()
				})
			}
		})
	}
	all.Wait()
}

func lifeName(adder, life int) string { return "t" + strconv.Itoa(adder) + "." + strconv.Itoa(life) }

// noop is a body that looks at its context and ends at once.
var noop = TaskFunc(func(ctx context.Context) error { return ctx.Err() })

// engineLives runs n lives of six events each in a supervisor, and waits for the last of them.
func engineLives(b testing.TB, n, adders int) {
	s := newBench(b, Config{MaxTasks: -1})
	var adding sync.WaitGroup
	for i := range adders {
		adding.Go(func() {
			for j := range n / adders {
				if _, err := s.Add(context.Background(), Once(lifeName(i, j), noop)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	adding.Wait()
	s.mu.Lock() // not a shutdown, which would cancel the last ones
	last := slices.Collect(maps.Values(s.byName))
	s.mu.Unlock()
	for _, t := range last {
		if _, err := t.await(context.Background(), nil, (*task).endedLocked); err != nil {
			b.Error(err)
		}
	}
	s.mu.Lock() // under which the last events are published
	defer s.mu.Unlock()
	if events := s.log.Last(); events != uint64(6*n) {
		b.Errorf("%d events, want 6 for each of %d lives", events, n)
	}
}

func newBench(b testing.TB, config Config) *Supervisor {
	b.Helper()
	s, err := New(config)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkOneShot measures lives per second (add → six events → gone) and their ratio to bareLives; the goal is ≤ 2.5. Both are run in turn, in
// five rounds, of which the median counts.
func BenchmarkOneShot(b *testing.B) {
	for _, adders := range []int{1, 2} {
		b.Run(fmt.Sprintf("adders=%d", adders), func(b *testing.B) {
			const lives, rounds = 50_000, 5
			for b.Loop() {
				var walls, cpus, perSecond, micros []float64
				for range rounds {
					bare := measure(func() { bareLives(lives, adders) })
					engine := measure(func() { engineLives(b, lives, adders) })
					wall, cpu := engine.over(bare)
					walls, cpus = append(walls, wall), append(cpus, cpu)
					perSecond = append(perSecond, lives/engine.wall.Seconds())
					micros = append(micros, engine.cpu.Seconds()*1e6/lives)
				}
				b.ReportMetric(median(walls), "x-bare")
				b.ReportMetric(median(cpus), "x-bare-cpu")
				b.ReportMetric(median(perSecond), "lives/s")
				b.ReportMetric(median(micros), "µs-cpu/life")
			}
		})
	}
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// BenchmarkPublish measures what an event costs its task with readers, as a ratio to none: some never read, others read all the time. The
// goals are ≤ 1.2 and ≤ 4. Each of five rounds measures the cost without readers anew; the median counts. The ratio of the publisher's own
// processor time tells what it has to do; that of wall time contains what it waits for a processor while readers have them all.
func BenchmarkPublish(b *testing.B) {
	for _, reading := range []bool{false, true} {
		for _, readers := range []int{0, 1, 10, 100, 1000} {
			b.Run(fmt.Sprintf("readers=%d/reading=%t", readers, reading), func(b *testing.B) {
				for b.Loop() {
					var costs, walls, cpus []float64
					for range 5 {
						alone, with := publishCost(b, 0, false), publishCost(b, readers, reading)
						wall, cpu := with.over(alone)
						costs, walls, cpus = append(costs, float64(with.wall)/publishes), append(walls, wall), append(cpus, cpu)
					}
					b.ReportMetric(median(costs), "ns/publish")
					b.ReportMetric(median(walls), "x-alone")
					b.ReportMetric(median(cpus), "x-alone-cpu")
				}
			})
		}
	}
}

const publishes = 200_000

// publishCost returns what it takes to publish so many events.
func publishCost(b *testing.B, readers int, reading bool) cost {
	runtime.LockOSThread() // for threadTime
	defer runtime.UnlockOSThread()
	s := newBench(b, Config{})
	t := s.newTask(Once("t", noop))
	publish := func(n int) {
		for range n {
			t.mu.Lock()
			t.publishLocked(&Event{Kind: TaskStarting, Attempt: 1})
			t.mu.Unlock()
		}
	}
	var draining sync.WaitGroup
	for range readers {
		reader, err := s.Read(s.Cursor())
		if err != nil {
			b.Fatal(err)
		}
		if reading {
			draining.Go(func() { drain(reader) })
		}
	}
	publish(2 * DefaultEventBuffer) // a lap, for the log to have all its memory, and for readers to begin
	begin, cpu := time.Now(), threadTime()
	publish(publishes)
	c := cost{time.Since(begin), threadTime() - cpu}
	if err := s.Shutdown(context.Background()); err != nil {
		b.Error(err)
	}
	draining.Wait()
	return c
}

func drain(r *Reader) {
	buf := make([]Event, 64)
	for {
		if _, _, err := r.Next(context.Background(), buf); err != nil {
			return
		}
	}
}

// BenchmarkRestart measures a restart without delay: start, stop, backoff of 0, start; and the time from "body returned" to "next attempt
// started".
func BenchmarkRestart(b *testing.B) {
	s := newBench(b, Config{Backoff: BackoffPolicy{First: None}})
	samples := make([]time.Duration, 0, 1<<20)
	var returned time.Time
	done := make(chan struct{})
	left := -1
	boom := problem("boom")
	spec := Restartable("t", TaskFunc(func(context.Context) error {
		if now := time.Now(); len(samples) < cap(samples) && !returned.IsZero() {
			samples = append(samples, now.Sub(returned))
		}
		if left--; left == 0 {
			close(done)
			return nil
		}
		returned = time.Now()
		return boom
	}))
	b.ReportAllocs()
	left = max(b.N, 2)
	b.ResetTimer()
	if _, err := s.Add(context.Background(), spec); err != nil {
		b.Fatal(err)
	}
	<-done
	b.StopTimer()
	slices.Sort(samples)
	b.ReportMetric(float64(samples[len(samples)/2])/1000, "µs-p50")
	b.ReportMetric(float64(samples[len(samples)*99/100])/1000, "µs-p99")
	if err := s.Shutdown(context.Background()); err != nil {
		b.Error(err)
	}
}

// The goal for a restart is at most 6 allocations: start, stop, backoff, start.
func TestRestartAllocates(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, c := range []struct {
		name    string
		backoff BackoffPolicy
		config  Config
		goal    float64
	}{
		{"no delay", BackoffPolicy{First: None}, Config{}, 6},
		{"no delay, with a timeout", BackoffPolicy{First: None}, Config{Timeout: time.Hour}, 9},
		{"no delay, with permits", BackoffPolicy{First: None}, Config{MaxConcurrent: 1}, 6},
		{"a delay of at most 1 ns with jitter", BackoffPolicy{First: 1, Max: 1, Jitter: JitterFull}, Config{}, 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newBench(t, c.config)
			const attempts = 20_000 // more than a lap of the log before the measurement
			var before, after runtime.MemStats
			spec := Restartable("t", TaskFunc(func(ctx context.Context) error {
				switch info, _ := Attempt(ctx); info.Attempt {
				case attempts:
					runtime.ReadMemStats(&before)
				case 2 * attempts:
					runtime.ReadMemStats(&after)
					return nil
				}
				return errBoom
			}))
			spec.Backoff = c.backoff
			if err := s.Run(t.Context(), spec); err != nil {
				t.Fatal(err)
			}
			each := float64(after.Mallocs-before.Mallocs) / attempts
			t.Logf("%.2f allocations, %d bytes", each, (after.TotalAlloc-before.TotalAlloc)/attempts)
			if each > c.goal+0.1 {
				t.Errorf("%.2f allocations, goal %.0f", each, c.goal)
			}
		})
	}
}

var errBoom error = problem("boom")

// BenchmarkIdle measures, in processes of their own, what idle running tasks cost: RSS for each at 100,000, and adding and joining 1,000,000 of
// them. Goals: ≤ 3,000 B, ≥ 150,000/s, ≤ 10 s. B/task is the RSS once all run; B/task-after-GC that after a collection which gives all free
// memory back to the system; x-bare-B relates it to goroutines that wait for contexts in a map. Each metric is the median of five processes.
func BenchmarkIdle(b *testing.B) {
	sizes, rounds := []int{100_000, 1_000_000}, 5
	if testing.Short() { // just to see that it works
		sizes, rounds = []int{10_000}, 1
	}
	for _, tasks := range sizes {
		b.Run(fmt.Sprintf("tasks=%d", tasks), func(b *testing.B) {
			for b.Loop() {
				metrics := map[string][]float64{}
				for range rounds {
					bare := processMetrics(b, "idleBare", tasks)["B/task-after-GC"]
					for unit, value := range processMetrics(b, "idle", tasks) {
						metrics[unit] = append(metrics[unit], value)
						if unit == "B/task-after-GC" {
							metrics["x-bare-B"] = append(metrics["x-bare-B"], value/bare)
						}
					}
				}
				for unit, values := range metrics {
					b.ReportMetric(median(values), unit)
				}
			}
		})
	}
}

// processMetrics runs a process and returns the metrics that it writes, by unit.
func processMetrics(b *testing.B, name string, tasks int) map[string]float64 {
	out, err := startProcess(b, name, "TASKS="+strconv.Itoa(tasks))
	if err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	metrics := map[string]float64{}
	for line := range strings.Lines(out) {
		var value float64
		var unit string
		if _, err := fmt.Sscan(line, &value, &unit); err != nil {
			b.Fatalf("%q: %v", line, err)
		}
		metrics[unit] = value
	}
	return metrics
}

// idleProcess is the process that BenchmarkIdle measures.
func idleProcess() int {
	s, err := New(Config{MaxTasks: -1, Grace: time.Minute})
	if err != nil {
		return fail(err)
	}
	return measureIdle(
		func(name string, body TaskFunc) error {
			_, err := s.Add(context.Background(), Restartable(name, body))
			return err
		},
		func() error { return s.Shutdown(context.Background()) },
	)
}

// idleBareProcess is the process that idleProcess is compared with: goroutines with contexts, in a map under a mutex.
func idleBareProcess() int {
	var mu sync.Mutex
	var all sync.WaitGroup
	live := map[string]context.CancelFunc{}
	return measureIdle(
		func(name string, body TaskFunc) error {
			ctx, cancel := context.WithCancel(context.Background())
			mu.Lock()
			live[name] = cancel
			mu.Unlock()
			all.Go(func() { _ = body(ctx) })
			return nil
		},
		func() error {
			for _, cancel := range live {
				cancel()
			}
			all.Wait()
			return nil
		},
	)
}

// measureIdle adds TASKS tasks that wait for the end of their contexts, and joins them. It writes the metrics and returns the exit code.
func measureIdle(add func(name string, body TaskFunc) error, shutdown func() error) int {
	tasks, err := strconv.Atoi(os.Getenv("TASKS"))
	if err != nil {
		return fail(err)
	}
	names := make([]string, tasks)
	for i := range names {
		names[i] = "task-" + strconv.Itoa(i)
	}
	var running sync.WaitGroup
	running.Add(tasks)
	body := func(ctx context.Context) error {
		running.Done()
		<-ctx.Done()
		return ctx.Err()
	}
	before, begin := rss(), time.Now()
	for _, name := range names {
		if err := add(name, body); err != nil {
			return fail(err)
		}
	}
	running.Wait()
	added, held := time.Since(begin), rss()
	debug.FreeOSMemory()
	settled := rss()
	begin = time.Now()
	if err := shutdown(); err != nil {
		return fail(err)
	}
	fmt.Printf("%.2f s-shutdown\n", time.Since(begin).Seconds())
	fmt.Printf("%.0f B/task\n", float64(held-before)/float64(tasks))
	fmt.Printf("%.0f B/task-after-GC\n", float64(settled-before)/float64(tasks))
	fmt.Printf("%.0f added/s\n", float64(tasks)/added.Seconds())
	runtime.KeepAlive(names)
	return 0
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 2
}

// rss returns the resident memory of the process in bytes; 0 where the system does not tell.
func rss() int64 {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(statm)
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
