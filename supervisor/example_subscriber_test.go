package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/taskvisor/taskvisor/supervisor"
)

// failures counts the attempts that failed.
type failures struct{ n int }

func (*failures) Name() string { return "failures" }
func (f *failures) OnEvent(e supervisor.Event) {
	if e.Kind == supervisor.TaskFailed {
		f.n++
	}
}

func ExampleSubscriber() {
	s := start(supervisor.Config{Backoff: soon})
	counter := &failures{}
	if _, err := s.Subscribe(counter, supervisor.SubscribeOptions{}); err != nil {
		panic(err)
	}
	// Run ends with a shutdown, and that once every subscriber has had the last event.
	err := s.Run(ctx, supervisor.Restartable("flaky", supervisor.TaskFunc(func(ctx context.Context) error {
		if attempt, _ := supervisor.Attempt(ctx); attempt.Attempt <= 3 {
			return errors.New("boom")
		}
		return nil
	})))
	fmt.Println(counter.n, err)
	// Output: 3 <nil>
}

func ExampleAliveTracker() {
	s := start(supervisor.Config{})
	tracker := &supervisor.AliveTracker{}
	seen := make(chan struct{})
	if _, err := s.Subscribe(both{tracker, seen}, supervisor.SubscribeOptions{}); err != nil {
		panic(err)
	}
	if _, err := s.Add(ctx, supervisor.Restartable("worker", untilCanceled)); err != nil {
		panic(err)
	}
	<-seen
	fmt.Println("alive:", tracker.Alive(), "running:", tracker.Running())
	_ = s.Shutdown(ctx)
	fmt.Println("alive:", tracker.Alive())
	// Output:
	// alive: [worker] running: [worker]
	// alive: []
}

// both passes events on to a tracker and tells when a task has started.
type both struct {
	*supervisor.AliveTracker
	started chan<- struct{}
}

func (b both) OnEvent(e supervisor.Event) {
	b.AliveTracker.OnEvent(e)
	if e.Kind == supervisor.TaskStarting {
		close(b.started)
	}
}

func ExampleNewLogSubscriber() {
	handler := slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case slog.TimeKey, "uid", "duration": // they differ from run to run
			return slog.Attr{}
		}
		return a
	}})
	s := start(supervisor.Config{})
	if _, err := s.Subscribe(supervisor.NewLogSubscriber(handler), supervisor.SubscribeOptions{}); err != nil {
		panic(err)
	}
	_ = s.Run(ctx, supervisor.Once("job", supervisor.TaskFunc(func(context.Context) error { return errors.New("boom") })))
	// Output:
	// level=INFO msg=TASK_ADD_REQUESTED sequence=1 task=job
	// level=INFO msg=TASK_ADDED sequence=2 task=job slot=job
	// level=INFO msg=TASK_STARTING sequence=3 task=job attempt=1
	// level=WARN msg=TASK_FAILED sequence=4 task=job attempt=1 reason=boom
	// level=ERROR msg=ACTOR_EXHAUSTED sequence=5 task=job attempt=1 outcome=FAILED reason=boom
	// level=INFO msg=TASK_REMOVED sequence=6 task=job outcome=FAILED reason=boom
	// level=INFO msg=SHUTDOWN_REQUESTED sequence=7 reason="the supervisor shuts down"
	// level=INFO msg=ALL_STOPPED_WITHIN_GRACE sequence=8
}

// lines prints output.
type lines struct{}

func (lines) Name() string { return "lines" }
func (lines) OnEvent(e supervisor.Event) {
	if e.Kind == supervisor.TaskOutput {
		fmt.Printf("%s attempt %d: %s\n", e.Task, e.Attempt, e.Line)
	}
}

func ExampleOutput() {
	s := start(supervisor.Config{})
	if _, err := s.Subscribe(lines{}, supervisor.SubscribeOptions{}); err != nil {
		panic(err)
	}
	spec := supervisor.Once("report", supervisor.TaskFunc(func(ctx context.Context) error {
		_, err := io.WriteString(supervisor.Output(ctx), "12 files\n3 errors\n")
		return err
	}))
	spec.CaptureOutput = true
	_ = s.Run(ctx, spec)
	// Output:
	// report attempt 1: 12 files
	// report attempt 1: 3 errors
}

func ExampleSupervisor_Start() {
	s := start(supervisor.Config{})
	ctx, stop := context.WithCancel(ctx)
	if err := s.Start(ctx, supervisor.Restartable("a", untilCanceled), supervisor.Restartable("b", untilCanceled)); err != nil {
		panic(err)
	}
	_, _ = s.Add(ctx, supervisor.Restartable("c", untilCanceled)) // more can come
	fmt.Println(len(s.List(supervisor.ListOptions{})), "tasks")

	stop()
	err := s.Shutdown(context.Background()) // waits for what stop began
	fmt.Println(len(s.List(supervisor.ListOptions{})), "tasks", err)
	// Output:
	// 3 tasks
	// 0 tasks <nil>
}
