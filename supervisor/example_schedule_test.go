package supervisor_test

import (
	"context"
	"fmt"
	"time"

	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/cron"
)

func ExampleScheduled() {
	s := start(supervisor.Config{})
	defer func() { _ = s.Shutdown(ctx) }()

	quarters, err := cron.Parse("*/15 * * * *", time.UTC)
	if err != nil {
		panic(err)
	}
	task, err := s.Add(ctx, supervisor.Scheduled("report", quarters, supervisor.TaskFunc(func(context.Context) error { return nil })))
	if err != nil {
		panic(err)
	}
	fmt.Println(task.State, task.NextAttempt.Minute()%15)
	// Output: BACKOFF 0
}

// once is a schedule that has one time.
type once time.Time

func (o once) Next(t time.Time) time.Time {
	if moment := time.Time(o); moment.After(t) {
		return moment
	}
	return time.Time{}
}

func ExampleSchedule() {
	s := start(supervisor.Config{})
	defer func() { _ = s.Shutdown(ctx) }()

	party := time.Now().Add(time.Hour)
	spec := supervisor.Scheduled("party", once(party), supervisor.TaskFunc(func(context.Context) error { return nil }))
	spec.Restart.Mode = supervisor.RestartNever // a run that fails is not retried
	task, err := s.Add(ctx, spec)
	fmt.Println(task.State, task.NextAttempt.Equal(party), err)
	// Output: BACKOFF true <nil>
}
