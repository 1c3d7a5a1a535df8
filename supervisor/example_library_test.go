package supervisor_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"time"

	"github.com/taskvisor/taskvisor/supervisor"
)

// A program that supervises two tasks until Ctrl-C.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	s, err := supervisor.New(supervisor.Config{Grace: 5 * time.Second})
	if err != nil {
		panic(err)
	}
	log := supervisor.NewLogSubscriber(slog.NewTextHandler(os.Stderr, nil))
	if _, err := s.Subscribe(log, supervisor.SubscribeOptions{}); err != nil {
		panic(err)
	}
	refresh := supervisor.TaskFunc(func(ctx context.Context) error {
		fmt.Println("refreshed")
		stop() // instead of Ctrl-C
		return nil
	})
	serve := supervisor.TaskFunc(func(ctx context.Context) error {
		<-ctx.Done() // a server would serve until then
		return ctx.Err()
	})
	err = s.Run(ctx, // returns when all tasks have ended, or soon after ctx is done
		supervisor.Periodic("refresh", time.Minute, refresh),
		supervisor.Restartable("serve", serve),
	)
	fmt.Println("ended:", err)
	// Output:
	// refreshed
	// ended: <nil>
}
