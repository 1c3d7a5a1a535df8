package file_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/taskvisor/taskvisor/supervisor"
)

// A heartbeat_timeout ends none that only waits, long as it may, unless it is shorter than the interval.
func TestEachLookIsAHeartbeat(t *testing.T) {
	for timeout, want := range map[time.Duration]supervisor.State{3 * time.Second: supervisor.StateRunning, time.Second: supervisor.StateFinished} {
		config := map[string]any{"path": t.TempDir() + "/f", "interval": "2s"}
		synctest.Test(t, func(t *testing.T) {
			sup, err := supervisor.New(supervisor.Config{})
			must(t, err)
			defer func() { _ = sup.Shutdown(context.Background()) }()
			spec := supervisor.Once("task", build(t, config))
			spec.HeartbeatTimeout = timeout
			snap, err := sup.Add(t.Context(), spec)
			must(t, err)
			<-time.After(time.Hour)
			synctest.Wait()
			if now, err := sup.Get(supervisor.ByUID(snap.UID)); err != nil || now.State != want {
				t.Errorf("timeout %s: %s, %v; want %s", timeout, now.State, err, want)
			}
		})
	}
}
