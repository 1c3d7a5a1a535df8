package sleep_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/taskvisor/taskvisor/supervisor"
)

// A missed heartbeat can be rehearsed, and one that comes in time.
func TestHeartbeat(t *testing.T) {
	for name, test := range map[string]struct {
		config map[string]any
		want   supervisor.Outcome
	}{
		"silent":   {map[string]any{"duration": "1h"}, supervisor.OutcomeFailed},
		"in time":  {map[string]any{"duration": "1h", "heartbeat": "4s"}, supervisor.OutcomeCompleted},
		"too late": {map[string]any{"duration": "1h", "heartbeat": "6s"}, supervisor.OutcomeFailed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sup, err := supervisor.New(supervisor.Config{})
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = sup.Shutdown(context.Background()) }()
				spec := supervisor.Once("task", build(t, test.config))
				spec.HeartbeatTimeout = 5 * time.Second
				snap, err := sup.Add(t.Context(), spec)
				if err != nil {
					t.Fatal(err)
				}
				end, err := sup.Wait(t.Context(), supervisor.ByUID(snap.UID))
				if err != nil || end.Outcome != test.want {
					t.Errorf("outcome %s %s, %v; want %s", end.Outcome, end.Reason, err, test.want)
				}
			})
		})
	}
}
