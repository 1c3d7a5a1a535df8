package bench

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/supervisor"
)

// newTaskvisor returns a server as the daemon makes it. Its events are lines of output of two tasks in turn.
func newTaskvisor(ctx context.Context, plan *serverPlan) (*variant, error) {
	log := slog.New(slog.DiscardHandler) // thousands of streams that end are of no interest
	sup, err := supervisor.New(supervisor.Config{
		EventBuffer: plan.EventBuffer,
		OutputRate:  -1,
		Logger:      log,
	})
	if err != nil {
		return nil, fmt.Errorf("make the supervisor: %w", err)
	}
	bodies, err := startBodies(ctx, sup)
	if err != nil {
		return nil, err
	}
	first := sup.Cursor().Sequence
	config := server.Config{Logger: log, Version: "bench"}
	if plan.Streams > server.DefaultMaxStreams {
		config.MaxStreams = plan.Streams
	}
	srv := server.New(sup, nil, config)
	turn := 0
	return &variant{
		server: srv.NewGRPCServer(),
		publish: func() {
			supervisor.OutputLine(bodies[turn], supervisor.Stdout, eventLine)
			turn = (turn + 1) % len(bodies)
		},
		published: func() uint64 { return sup.Cursor().Sequence - first },
		counters: func() map[string]uint64 {
			stats := srv.Stats()
			return map[string]uint64{"encodes": stats.Encoded, "messages": stats.Messages}
		},
	}, nil
}

// startBodies starts the tasks and returns the contexts of their bodies, with which anyone can publish lines for them: the tasks themselves would have
// to hand the turn to each other, and that would be measured. It returns once nothing but lines will be published.
func startBodies(ctx context.Context, sup *supervisor.Supervisor) (bodies [len(taskNames)]context.Context, err error) {
	for i, name := range taskNames {
		running := make(chan context.Context)
		spec := supervisor.Once(name, supervisor.TaskFunc(func(body context.Context) error {
			running <- body
			<-body.Done()
			return nil
		}))
		spec.CaptureOutput = true
		spec.Timeout = supervisor.None
		if _, err := sup.Add(ctx, spec); err != nil {
			return bodies, fmt.Errorf("add the task %s: %w", name, err)
		}
		select {
		case bodies[i] = <-running:
		case <-time.After(startPatience):
			return bodies, fmt.Errorf("the task %s did not start within %s", name, startPatience)
		}
	}
	return bodies, nil
}
