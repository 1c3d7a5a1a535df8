package server_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/server/servertest"
)

// "RequestRate is how many calls each caller may make in a second, and at once after a second without any": the others do not notice, and the wait
// that the error names is enough.
func TestRequestRateOfEachCaller(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, _ := guarded(t, server.Config{RequestRate: 4})
		eye, hand := client(h, server.RoleWatch), client(h, server.RoleOperate)
		listAs := func(tasks pb.SupervisorServiceClient) error {
			_, err := tasks.ListTasks(t.Context(), &pb.ListTasksRequest{})
			return err
		}
		for range 4 {
			if err := listAs(eye); err != nil {
				t.Fatal(err)
			}
		}
		r := wantRefusal(t, listAs(eye), codes.ResourceExhausted, "RATE_LIMIT")
		wantMetadata(t, r, map[string]string{"limit": "4"})
		if r.wait < 250*time.Millisecond || r.wait > 251*time.Millisecond {
			t.Errorf("RetryInfo says %s", r.wait)
		}
		for range 4 {
			if err := listAs(hand); err != nil {
				t.Errorf("another caller: %v", err)
			}
		}
		time.Sleep(r.wait)
		if err := listAs(eye); err != nil {
			t.Errorf("after %s: %v", r.wait, err)
		}
		if r := refusalOf(t, listAs(eye)); r.reason != "RATE_LIMIT" {
			t.Errorf("the call after that: %v", r)
		}
		if n := h.Server.Stats().RateLimited; n != 2 {
			t.Errorf("%d calls are counted as refused", n)
		}
	})
}

// "The begin of a stream is a call, calls about health are none", and those count that a caller may not make.
func TestWhatCountsForTheRequestRate(t *testing.T) {
	for _, m := range methods {
		t.Run(m.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h, _ := guarded(t, server.Config{RequestRate: 1})
				ctx := as(t, "token of watch")
				_ = m.call(ctx, h.Conn) // whatever it answers
				_, err := h.Tasks.ListTasks(ctx, &pb.ListTasksRequest{})
				if limited := err != nil && refusalOf(t, err).reason == "RATE_LIMIT"; limited != (m.needs != "") {
					t.Errorf("the next call: %v", err)
				}
				// And the other way round.
				for range 2 {
					_, _ = h.Tasks.ListTasks(ctx, &pb.ListTasksRequest{})
				}
				err = m.call(ctx, h.Conn)
				if limited := err != nil && refusalOf(t, err).reason == "RATE_LIMIT"; limited != (m.needs != "") {
					t.Errorf("it: %v", err)
				}
			})
		})
	}
}

// Callers without a name are told apart by their address: all that come over the connection of the harness have one.
func TestRequestRateWithoutAuthentication(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t, servertest.WithServer(server.Config{Logger: quiet, RequestRate: 2}))
		for i := range 3 {
			_, err := pb.NewSupervisorServiceClient(h.Dial()).ListTasks(t.Context(), &pb.ListTasksRequest{})
			if (err != nil) != (i == 2) {
				t.Errorf("call %d: %v", i, err)
			}
		}
	})
}

// "Of calls that are too many for Config.RequestRate there is one line in a second": it says who, the limit, and how many were refused.
func TestLinesAboutTooManyCalls(t *testing.T) {
	bubble(t, func(t *testing.T) {
		log := &recorder{}
		h, _ := guarded(t, server.Config{RequestRate: 1, Logger: slog.New(log)})
		eye := client(h, server.RoleWatch)
		flood := func() {
			for range 20 {
				_, _ = eye.ListTasks(t.Context(), &pb.ListTasksRequest{})
			}
			synctest.Wait()
		}
		flood()
		time.Sleep(time.Second)
		flood() // the first of these is let in
		var lines []logged
		for _, line := range log.take() {
			if line.level > slog.LevelDebug {
				lines = append(lines, line)
			}
		}
		if len(lines) != 2 {
			t.Fatalf("logged %v", lines)
		}
		for i, refused := range []string{"1", "19"} {
			f := lines[i].fields
			if lines[i].level != slog.LevelWarn || f["principal"] != "watch" || f["limit"] != "1" || f["refused"] != refused {
				t.Errorf("logged %v, want refused=%s", lines[i], refused)
			}
		}
	})
}

// A program that calls the methods itself is no caller.
func TestRequestRateIsOfCallers(t *testing.T) {
	h := newHarness(t, servertest.WithServer(server.Config{Logger: quiet, RequestRate: 1}))
	for range 3 {
		if _, err := h.Server.ListTasks(context.Background(), &pb.ListTasksRequest{}); err != nil {
			t.Error(err)
		}
	}
}
