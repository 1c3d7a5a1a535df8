package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"
	"google.golang.org/grpc"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/server/metrics"
	"github.com/taskvisor/taskvisor/server/servertest"
	"github.com/taskvisor/taskvisor/supervisor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// observed returns a server whose metrics are kept, and these.
func observed(t testing.TB, engine supervisor.Config) (*servertest.Harness, *metrics.Metrics) {
	t.Helper()
	m := metrics.New()
	h := servertest.New(t, servertest.WithEngine(engine), servertest.WithServer(server.Config{
		Logger:             slog.New(slog.DiscardHandler),
		UnaryInterceptors:  []grpc.UnaryServerInterceptor{m.UnaryInterceptor()},
		StreamInterceptors: []grpc.StreamServerInterceptor{m.StreamInterceptor()},
	}))
	if err := m.Observe(h.Supervisor, h.Server); err != nil {
		t.Fatal(err)
	}
	return h, m
}

// want compares metrics, given as a scrape has them, without their help.
func want(t *testing.T, m *metrics.Metrics, text string) {
	t.Helper()
	var got []string
	for line := range strings.Lines(scrape(t, m)) {
		got = append(got, strings.TrimSpace(line))
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || slices.Contains(got, line) {
			continue
		}
		name, _, _ := strings.Cut(line, " ")
		near := slices.DeleteFunc(slices.Clone(got), func(l string) bool { return !strings.HasPrefix(l, name+" ") })
		t.Errorf("there is no %s, but %q", line, near)
	}
}

func scrape(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// Lives of all kinds, and what is counted of them.
func TestLivesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, m := observed(t, supervisor.Config{
			Backoff: supervisor.BackoffPolicy{First: 2 * time.Second, Factor: 1, Jitter: supervisor.JitterNone}, MaxTasks: 7, MaxConcurrent: 5, EventBuffer: 1000,
		})
		runs := func(d time.Duration, err error) supervisor.TaskFunc {
			return func(ctx context.Context) error {
				select {
				case <-time.After(d):
					return err
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}
		add := func(spec supervisor.Spec) {
			if _, err := h.Supervisor.Add(t.Context(), spec); err != nil && !errors.Is(err, supervisor.ErrSlotBusy) {
				t.Fatal(err)
			}
		}
		periodic := supervisor.Periodic("periodic", 3*time.Second, runs(time.Second, nil))
		add(periodic) // runs from 0 to 1, 4 to 5, 8 to 9
		failing := supervisor.Restartable("failing", runs(500*time.Millisecond, errors.New("no")))
		failing.Restart.MaxRetries = 1
		add(failing) // runs from 0 to 0.5 and 2.5 to 3
		late := supervisor.Restartable("late", runs(time.Hour, nil))
		late.Timeout, late.Restart.MaxRetries = time.Second, 1
		add(late) // runs from 0 to 1 and 3 to 4
		busy := supervisor.Once("busy", runs(0, nil))
		busy.Admission = supervisor.Admission{Slot: "periodic", Policy: supervisor.DropIfRunning}
		add(busy)
		queued := supervisor.Once("queued", runs(0, nil))
		queued.Admission = supervisor.Admission{Slot: "periodic"}
		add(queued)
		time.Sleep(9500 * time.Millisecond)
		synctest.Wait()
		want(t, m, `
			taskvisor_tasks{state="BACKOFF"} 1
			taskvisor_tasks{state="QUEUED"} 1
			taskvisor_tasks{state="RUNNING"} 0
			taskvisor_tasks_limit 7
			taskvisor_tasks_added_total 3
			taskvisor_tasks_ended_total{outcome="FAILED"} 2
			taskvisor_tasks_ended_total{outcome="REJECTED"} 1
			taskvisor_tasks_ended_total{outcome="COMPLETED"} 0
			taskvisor_attempts_started_total 7
			taskvisor_attempt_timeouts_total 2
			taskvisor_attempt_duration_seconds_count{result="stopped"} 3
			taskvisor_attempt_duration_seconds_sum{result="stopped"} 3
			taskvisor_attempt_duration_seconds_count{result="failed"} 2
			taskvisor_attempt_duration_seconds_sum{result="failed"} 1
			taskvisor_attempt_duration_seconds_count{result="timed_out"} 2
			taskvisor_attempt_duration_seconds_sum{result="timed_out"} 2
			taskvisor_restarts_total{cause="success"} 3
			taskvisor_restarts_total{cause="failure"} 1
			taskvisor_restarts_total{cause="timeout"} 1
			taskvisor_restarts_total{cause="schedule"} 0
			taskvisor_restart_delay_seconds_total{cause="success"} 9
			taskvisor_restart_delay_seconds_total{cause="failure"} 2
			taskvisor_restart_delay_seconds_total{cause="timeout"} 2
			taskvisor_slot_rejections_total{reason="SLOT_BUSY"} 1
			taskvisor_slot_rejections_total{reason="PURGED"} 0
			taskvisor_permits 5
			taskvisor_permits_held 0
			taskvisor_task_state_seconds_total{state="RUNNING"} 6
			taskvisor_task_state_seconds_total{state="BACKOFF"} 10.5
			taskvisor_task_state_seconds_total{state="QUEUED"} 9.5
			taskvisor_event_buffer_size 1024
			taskvisor_events_published_total `+fmt.Sprint(h.Supervisor.Cursor().Sequence))
	})
}

// A body that is stuck, output that is too fast, subscribers that lose and panic.
func TestTroubleIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, m := observed(t, supervisor.Config{Grace: time.Second, OutputRate: 1, OutputBurst: 2, EventBuffer: 1024})
		if _, err := h.Supervisor.Subscribe(panicky{}, supervisor.SubscribeOptions{}); err != nil {
			t.Fatal(err)
		}
		noisy := supervisor.Once("noisy", supervisor.TaskFunc(func(ctx context.Context) error {
			for range 5 {
				fmt.Fprintln(supervisor.Output(ctx), "x")
			}
			return nil
		}))
		noisy.CaptureOutput = true
		stuck := supervisor.Once("stuck", supervisor.TaskFunc(func(context.Context) error {
			time.Sleep(time.Minute)
			return nil
		}))
		for _, spec := range []supervisor.Spec{noisy, stuck} {
			if _, err := h.Supervisor.Add(t.Context(), spec); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if _, err := h.Supervisor.Remove(t.Context(), supervisor.ByName("stuck"), 0); !errors.Is(err, supervisor.ErrTaskStuck) {
			t.Fatal(err)
		}
		synctest.Wait()
		want(t, m, `
			taskvisor_tasks{state="STUCK"} 1
			taskvisor_grace_exceeded_total 1
			taskvisor_output_lines_total 2
			taskvisor_output_lines_lost_total 3
			taskvisor_subscriber_panics_total{subscriber="panicky"} 1
			taskvisor_subscriber_lost_events_total{subscriber="metrics"} 0`)
		if text := scrape(t, m); strings.Contains(text, "taskvisor_permits") {
			t.Error("there are permits without a limit")
		}
		time.Sleep(time.Minute)
	})
}

type panicky struct{}

func (panicky) Name() string { return "panicky" }

func (panicky) OnEvent(e supervisor.Event) {
	if e.Kind == supervisor.GraceExceeded {
		panic("boom")
	}
}

// Calls are counted by the interceptors, streams of events by the server.
func TestCallsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, m := observed(t, supervisor.Config{})
		h.Add("a", servertest.Wait)
		synctest.Wait() // it has started, or its start would be a message
		if _, err := h.Tasks.RemoveTask(t.Context(), &pb.RemoveTaskRequest{Name: "nobody"}); err == nil {
			t.Fatal("a task that is not there was removed")
		}
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := h.Tasks.WatchEvents(ctx, &pb.WatchEventsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		want(t, m, "taskvisor_watch_streams 1")
		cancel()
		synctest.Wait()
		want(t, m, `
			grpc_server_handled_total{grpc_code="OK",grpc_method="AddTask",grpc_service="taskvisor.v1.SupervisorService",grpc_type="unary"} 1
			grpc_server_handled_total{grpc_code="NotFound",grpc_method="RemoveTask",grpc_service="taskvisor.v1.SupervisorService",grpc_type="unary"} 1
			taskvisor_watch_streams 0
			taskvisor_watch_streams_opened_total 1
			taskvisor_watch_streams_ended_total{code="Canceled"} 1
			taskvisor_watch_messages_total 1
			taskvisor_panics_total 0`)
		if text := scrape(t, m); strings.Contains(text, `"WatchEvents"`) {
			t.Error("streams of events are counted twice")
		}
	})
}

var (
	docLine  = regexp.MustCompile(`(?m)^//\t((?:taskvisor|grpc)_\w+)(?:\{([^}]*)\})? (\w+): .`)
	typeLine = regexp.MustCompile(`(?m)^# TYPE ((?:taskvisor|grpc)_\w+) (\w+)$`)
)

// The list of metrics in the doc comment is what is exported, and both follow the conventions of Prometheus.
func TestTheListIsComplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, m := observed(t, supervisor.Config{MaxConcurrent: 1})
		h.Add("a", servertest.Fail)
		stream, err := h.Tasks.WatchEvents(t.Context(), &pb.WatchEventsRequest{Start: 99})
		if err == nil {
			_, err = stream.Recv()
		}
		if err == nil {
			t.Fatal("a bad request was accepted")
		}
		synctest.Wait()
		doc, err := os.ReadFile("doc.go")
		if err != nil {
			t.Fatal(err)
		}
		text := scrape(t, m)
		var listed, exported []string
		for _, match := range docLine.FindAllStringSubmatch(string(doc), -1) {
			listed = append(listed, match[1]+" "+match[3])
			checkLabels(t, text, match[1], match[2])
		}
		for _, match := range typeLine.FindAllStringSubmatch(text, -1) {
			exported = append(exported, match[1]+" "+match[2])
		}
		slices.Sort(listed)
		slices.Sort(exported)
		if !slices.Equal(listed, exported) {
			t.Errorf("the doc comment lists\n%s\nand exported are\n%s", strings.Join(listed, "\n"), strings.Join(exported, "\n"))
		}
		problems, err := testutil.GatherAndLint(m.Registry())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	})
}

// checkLabels checks that a metric has series with the labels, and the values of labels, that the list says: "state=A|B" or "state".
func checkLabels(t *testing.T, text, name, label string) {
	t.Helper()
	key, values, _ := strings.Cut(label, "=")
	for value := range strings.SplitSeq(values, "|") {
		pattern := `(?m)^` + name + `(_count)?`
		switch {
		case value != "":
			pattern += `\{` + key + `="` + value + `"\}`
		case key != "":
			pattern += `\{.*\b` + key + `="`
		}
		if !regexp.MustCompile(pattern).MatchString(text) {
			t.Errorf("nothing of the scrape matches %s", pattern)
		}
	}
}

// Metrics observe one supervisor, and a supervisor is observed once.
func TestObserveTwice(t *testing.T) {
	h, m := observed(t, supervisor.Config{})
	if err := m.Observe(h.Supervisor, nil); err == nil {
		t.Error("the same metrics observe it twice")
	}
	other := metrics.New()
	if err := other.Observe(h.Supervisor, nil); !errors.Is(err, supervisor.ErrSubscriberExists) {
		t.Errorf("error %v", err)
	}
	sup, err := supervisor.New(supervisor.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Observe(sup, nil); err != nil { // what had failed has left nothing
		t.Error(err)
	}
	_ = sup.Shutdown(t.Context())
}

// "A scrape takes no lock of the engine, and a time that depends on the number of streams and not on that of tasks."
func BenchmarkScrape(b *testing.B) {
	for _, tasks := range []int{0, 100_000} {
		b.Run(fmt.Sprintf("tasks=%d", tasks), func(b *testing.B) {
			h, m := observed(b, supervisor.Config{})
			for i := range tasks {
				body := func(ctx context.Context) error {
					<-ctx.Done()
					return ctx.Err()
				}
				if _, err := h.Supervisor.Add(b.Context(), supervisor.Once(fmt.Sprint("t", i), supervisor.TaskFunc(body))); err != nil {
					b.Fatal(err)
				}
			}
			b.ResetTimer()
			for b.Loop() {
				if _, err := m.Registry().Gather(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
