package supervisor_test

import (
	"context"
	"fmt"
	"time"

	"github.com/taskvisor/taskvisor/supervisor"
)

// A body that may hang says that it does not, and how far it is.
func ExampleHeartbeat() {
	s, err := supervisor.New(supervisor.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	copying := supervisor.Once("copy", supervisor.TaskFunc(func(ctx context.Context) error {
		for i := range 3 {
			supervisor.Heartbeat(ctx) // in each turn of a loop
			supervisor.Progress(ctx, fmt.Sprintf("%d of 3 files", i+1))
		}
		<-ctx.Done() // the third one hangs
		return ctx.Err()
	}))
	copying.HeartbeatTimeout = 10 * time.Millisecond
	ctx := context.Background()
	snap, err := s.Add(ctx, copying)
	if err != nil {
		fmt.Println(err)
		return
	}
	snap, err = s.Wait(ctx, supervisor.ByUID(snap.UID))
	fmt.Println(snap.Outcome, snap.Reason, snap.Progress, err)
	// Output: FAILED no heartbeat for 10ms 3 of 3 files <nil>
}
