package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/taskvisor/taskvisor/supervisor"
)

var ctx = context.Background()

// start returns a supervisor for an example.
func start(config supervisor.Config) *supervisor.Supervisor {
	s, err := supervisor.New(config)
	if err != nil {
		panic(err)
	}
	return s
}

// lifeOf adds a task and returns how its life ended.
func lifeOf(s *supervisor.Supervisor, spec supervisor.Spec) supervisor.Snapshot {
	task, err := s.Add(ctx, spec)
	if err != nil {
		panic(err)
	}
	end, err := s.Wait(ctx, supervisor.ByUID(task.UID))
	if err != nil {
		panic(err)
	}
	return end
}

// soon is a backoff for examples, which nobody wants to wait for.
var soon = supervisor.BackoffPolicy{First: time.Millisecond, Jitter: supervisor.JitterNone}

func ExampleOnce() {
	s := start(supervisor.Config{})
	defer func() { _ = s.Shutdown(ctx) }()

	end := lifeOf(s, supervisor.Once("migrate", supervisor.TaskFunc(func(context.Context) error {
		return errors.New("no database")
	})))
	fmt.Println(end.Outcome, "after attempt", end.Attempt, "because of:", end.LastError.Reason)
	// Output: FAILED after attempt 1 because of: no database
}

func ExampleRestartable() {
	s := start(supervisor.Config{Backoff: soon})
	defer func() { _ = s.Shutdown(ctx) }()

	end := lifeOf(s, supervisor.Restartable("connect", supervisor.TaskFunc(func(ctx context.Context) error {
		if attempt, _ := supervisor.Attempt(ctx); attempt.Attempt < 3 {
			return errors.New("refused")
		}
		return nil
	})))
	fmt.Println(end.Outcome, "after attempt", end.Attempt)
	// Output: COMPLETED after attempt 3
}

func ExamplePeriodic() {
	s := start(supervisor.Config{})
	defer func() { _ = s.Shutdown(ctx) }()

	ticks := make(chan uint64)
	_, err := s.Add(ctx, supervisor.Periodic("tick", time.Millisecond, supervisor.TaskFunc(func(ctx context.Context) error {
		attempt, _ := supervisor.Attempt(ctx)
		select {
		case ticks <- attempt.Attempt:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})))
	if err != nil {
		panic(err)
	}
	fmt.Println(<-ticks, <-ticks, <-ticks)
	// Output: 1 2 3
}

func ExampleFatal() {
	s := start(supervisor.Config{Backoff: soon})
	defer func() { _ = s.Shutdown(ctx) }()

	end := lifeOf(s, supervisor.Restartable("serve", supervisor.TaskFunc(func(context.Context) error {
		return supervisor.Fatal(errors.New("the key is revoked"))
	})))
	fmt.Println(end.Outcome, "after attempt", end.Attempt, "because of:", end.LastError.Reason)
	// Output: FATAL after attempt 1 because of: the key is revoked
}

func ExampleExitCode() {
	s := start(supervisor.Config{})
	defer func() { _ = s.Shutdown(ctx) }()

	end := lifeOf(s, supervisor.Once("command", supervisor.TaskFunc(func(context.Context) error {
		return supervisor.ExitCode(errors.New("no such file"), 2)
	})))
	code, ok := supervisor.ExitCodeOf(end.LastError.Err)
	fmt.Println(code, ok)
	// Output: 2 true
}

func ExampleRetryAfter() {
	s := start(supervisor.Config{}) // the backoff would be at least 100 ms
	defer func() { _ = s.Shutdown(ctx) }()

	end := lifeOf(s, supervisor.Restartable("call", supervisor.TaskFunc(func(ctx context.Context) error {
		if attempt, _ := supervisor.Attempt(ctx); attempt.Attempt == 1 {
			return supervisor.RetryAfter(errors.New("429 Too Many Requests"), time.Millisecond)
		}
		return nil
	})))
	fmt.Println(end.Outcome, "after attempt", end.Attempt, "which began early:", end.StartTime.Sub(end.CreateTime) < 100*time.Millisecond)
	// Output: COMPLETED after attempt 2 which began early: true
}

// untilCanceled is a body that runs until somebody wants it to end.
var untilCanceled = supervisor.TaskFunc(func(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
})

func ExampleSupervisor_Remove() {
	s := start(supervisor.Config{})
	defer func() { _ = s.Shutdown(ctx) }()

	if _, err := s.Add(ctx, supervisor.Restartable("worker", untilCanceled)); err != nil {
		panic(err)
	}
	end, err := s.Remove(ctx, supervisor.ByName("worker"), time.Second)
	fmt.Println(end.State, end.Outcome, err)

	_, err = s.Remove(ctx, supervisor.ByName("worker"), time.Second)
	fmt.Println(errors.Is(err, supervisor.ErrTaskNotFound))
	// Output:
	// FINISHED CANCELED <nil>
	// true
}

func ExampleSupervisor_Wait() {
	s := start(supervisor.Config{})
	defer func() { _ = s.Shutdown(ctx) }()

	task, err := s.Add(ctx, supervisor.Once("job", supervisor.TaskFunc(func(context.Context) error { return nil })))
	if err != nil {
		panic(err)
	}
	end, err := s.Wait(ctx, supervisor.ByUID(task.UID)) // a uid finds the task after its end as well
	fmt.Println(end.Spec.Name, end.Outcome, err)
	// Output: job COMPLETED <nil>
}

func ExampleSupervisor_Add() {
	s := start(supervisor.Config{})
	defer func() { _ = s.Shutdown(ctx) }()

	first, err := s.Add(ctx, supervisor.Restartable("worker", untilCanceled))
	fmt.Println(first.State, err)

	_, err = s.Add(ctx, supervisor.Restartable("worker", untilCanceled))
	var taken *supervisor.TaskError
	fmt.Println(errors.Is(err, supervisor.ErrTaskExists), errors.As(err, &taken) && taken.UID == first.UID)

	_, err = s.Add(ctx, supervisor.Spec{Name: "no body"})
	fmt.Println(err)
	// Output:
	// WAITING <nil>
	// true true
	// invalid task spec: name: "no body" is not a name; use a-z A-Z 0-9 . _ - and /, beginning and ending with a letter or digit; task: no body is given; set Task
}

func ExampleSupervisor_List() {
	s := start(supervisor.Config{})
	defer func() { _ = s.Shutdown(ctx) }()

	for _, name := range []string{"web/2", "db/1", "web/1"} {
		if _, err := s.Add(ctx, supervisor.Restartable(name, untilCanceled)); err != nil {
			panic(err)
		}
	}
	page := supervisor.ListOptions{Limit: 2}
	for tasks := s.List(page); len(tasks) > 0; tasks = s.List(page) {
		for _, task := range tasks {
			fmt.Println(task.Spec.Name)
			page.AfterName, page.AfterUID = task.Spec.Name, task.UID
		}
		fmt.Println("end of page")
	}
	// Output:
	// db/1
	// web/1
	// end of page
	// web/2
	// end of page
}

func ExampleSupervisor_Shutdown() {
	s := start(supervisor.Config{Grace: 10 * time.Millisecond})
	release, running := make(chan struct{}), make(chan struct{})
	defer close(release)
	if _, err := s.Add(ctx, supervisor.Restartable("good", untilCanceled)); err != nil {
		panic(err)
	}
	if _, err := s.Add(ctx, supervisor.Restartable("stubborn", supervisor.TaskFunc(func(context.Context) error {
		close(running)
		<-release // and not ctx.Done()
		return nil
	}))); err != nil {
		panic(err)
	}
	<-running

	err := s.Shutdown(ctx)
	fmt.Println(err)
	fmt.Println(errors.Is(err, supervisor.ErrTaskStuck))
	// Output:
	// 1 task did not stop within the grace period: "stubborn"
	// true
}

func ExampleSupervisor_Run() {
	s := start(supervisor.Config{})
	err := s.Run(ctx,
		supervisor.Once("fine", supervisor.TaskFunc(func(context.Context) error { return nil })),
		supervisor.Once("broken", supervisor.TaskFunc(func(context.Context) error { return os.ErrNotExist })),
	)
	fmt.Println(errors.Is(err, os.ErrNotExist))
	// Output: true
}

func ExampleSupervisor_Read() {
	s := start(supervisor.Config{Backoff: soon})
	events, err := s.Read(s.Cursor())
	if err != nil {
		panic(err)
	}
	err = s.Run(ctx, supervisor.Restartable("flaky", supervisor.TaskFunc(func(ctx context.Context) error {
		if attempt, _ := supervisor.Attempt(ctx); attempt.Attempt == 1 {
			return errors.New("boom")
		}
		return nil
	})))
	if err != nil {
		panic(err)
	}
	for buf := make([]supervisor.Event, 64); ; {
		n, gap, err := events.Next(ctx, buf)
		if errors.Is(err, supervisor.ErrClosed) {
			return
		}
		if !gap.IsZero() {
			fmt.Println("lost", gap.Count(), "events")
		}
		for _, e := range buf[:n] {
			fmt.Println(e.Sequence, e.Kind)
		}
	}
	// Output:
	// 1 TASK_ADD_REQUESTED
	// 2 TASK_ADDED
	// 3 TASK_STARTING
	// 4 TASK_FAILED
	// 5 BACKOFF_SCHEDULED
	// 6 TASK_STARTING
	// 7 TASK_STOPPED
	// 8 ACTOR_EXHAUSTED
	// 9 TASK_REMOVED
	// 10 SHUTDOWN_REQUESTED
	// 11 ALL_STOPPED_WITHIN_GRACE
}

func ExampleAttempt() {
	s := start(supervisor.Config{})
	_ = s.Run(ctx, supervisor.Once("job", supervisor.TaskFunc(func(ctx context.Context) error {
		attempt, ok := supervisor.Attempt(ctx)
		fmt.Println(attempt.Task, attempt.Attempt, ok)
		return nil
	})))
	// Output: job 1 true
}

func ExampleLogger() {
	handler := slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "uid" { // they differ from run to run
			return slog.Attr{}
		}
		return a
	}})
	s := start(supervisor.Config{Logger: slog.New(handler)})
	_ = s.Run(ctx, supervisor.Once("job", supervisor.TaskFunc(func(ctx context.Context) error {
		supervisor.Logger(ctx).Info("working", "items", 3)
		return nil
	})))
	// Output: level=INFO msg=working task=job attempt=1 items=3
}

// Who asked for a task to come and to go is in the events.
func ExampleWithPrincipal() {
	s := start(supervisor.Config{})
	defer func() { _ = s.Shutdown(ctx) }()

	reader, _ := s.Read(s.Cursor())
	defer reader.Close()
	_, _ = s.Add(supervisor.WithPrincipal(ctx, "alice"), supervisor.Once("worker", untilCanceled))
	_, _ = s.Remove(supervisor.WithPrincipal(ctx, "bob"), supervisor.ByName("worker"), time.Second)

	events := make([]supervisor.Event, 16)
	n, _, _ := reader.Next(ctx, events)
	for _, e := range events[:n] {
		if e.Principal != "" {
			fmt.Println(e.Kind, "by", e.Principal)
		}
	}
	// Output:
	// TASK_ADD_REQUESTED by alice
	// TASK_REMOVE_REQUESTED by bob
}
