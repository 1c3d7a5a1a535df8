package client_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/servertest"
	"github.com/taskvisor/taskvisor/supervisor"
)

// "OnConnect calls f whenever the server has accepted a stream, the first one included", and not for one that it refuses.
func TestOnConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, supervisor.Config{})
		w.add("a", servertest.Wait)
		ctx, cancel := context.WithCancel(t.Context())
		var told []string // by the loop alone
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			opts := []client.WatchOption{
				client.OnConnect(func() { told = append(told, "connected") }),
				client.OnReconnect(func(client.Reconnect) { told = append(told, "reconnects") }),
			}
			for change, err := range w.dial().Follow(ctx, nil, opts...) {
				if err == nil {
					told = append(told, briefChange(change))
				}
			}
		}()
		synctest.Wait()
		w.cut()
		time.Sleep(time.Second) // the server has nothing to say, but it is there
		synctest.Wait()
		cancel()
		<-ended
		if want := []string{"connected", "synced 1", "reconnects", "connected"}; !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
		for _, err := range w.dial().Watch(t.Context(), &pb.WatchEventsRequest{Filter: &pb.EventFilter{LabelSelector: "="}}, client.OnConnect(func() {
			t.Error("a stream that was refused is connected")
		})) {
			if !client.IsInvalid(err) {
				t.Errorf("got %v", err)
			}
		}
	})
}
