package server_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/servertest"
	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// opened counts the bodies of the plugin "opener", which have to be closed, and those that were.
type opened struct{ built, closed atomic.Int32 }

type openBody struct{ count *opened }

func (openBody) Run(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func (b openBody) Close() error {
	b.count.closed.Add(1)
	return nil
}

func (o *opened) plugin() plugin.Plugin {
	return plugin.Definition[struct{}]{
		Name: "opener", Description: "Has to be closed.",
		Build: func(struct{}) (supervisor.Task, error) {
			o.built.Add(1)
			return openBody{o}, nil
		},
	}
}

// Whatever becomes of a request, each body that was made for it is closed once, and none that runs.
func TestEachBodyIsClosed(t *testing.T) {
	add := func(h *servertest.Harness, req *pb.AddTaskRequest) error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := h.Tasks.AddTask(ctx, req)
		return err
	}
	spec := func(name string) *pb.TaskSpec { return &pb.TaskSpec{Name: name, Plugin: "opener"} }
	for name, test := range map[string]struct {
		act  func(h *servertest.Harness) error // the error is what is to come
		live int32                             // bodies that run afterwards
		fail bool
	}{
		"listed": {act: func(*servertest.Harness) error { return nil }},
		"added":  {act: func(h *servertest.Harness) error { return add(h, &pb.AddTaskRequest{Task: spec("a")}) }, live: 1},
		"validated": {act: func(h *servertest.Harness) error {
			return add(h, &pb.AddTaskRequest{Task: spec("a"), ValidateOnly: true})
		}},
		"refused for another field": {fail: true, act: func(h *servertest.Harness) error {
			bad := spec("a")
			bad.Timeout = seconds(-1)
			return add(h, &pb.AddTaskRequest{Task: bad})
		}},
		"name taken": {fail: true, live: 1, act: func(h *servertest.Harness) error {
			return errors.Join(add(h, &pb.AddTaskRequest{Task: spec("a")}), add(h, &pb.AddTaskRequest{Task: spec("a")}))
		}},
		"kept": {live: 1, act: func(h *servertest.Harness) error {
			keep := &pb.AddTaskRequest{Task: spec("a"), IfExists: pb.IfExists_IF_EXISTS_KEEP}
			return errors.Join(add(h, keep), add(h, keep))
		}},
		"replaced": {live: 1, act: func(h *servertest.Harness) error {
			replace := &pb.AddTaskRequest{Task: spec("a"), IfExists: pb.IfExists_IF_EXISTS_REPLACE}
			return errors.Join(add(h, replace), add(h, replace))
		}},
		"sent again": {live: 1, act: func(h *servertest.Harness) error {
			again := &pb.AddTaskRequest{Task: spec("a"), RequestId: "1"}
			return errors.Join(add(h, again), add(h, again))
		}},
		"id of another request": {fail: true, live: 1, act: func(h *servertest.Harness) error {
			return errors.Join(add(h, &pb.AddTaskRequest{Task: spec("a"), RequestId: "1"}), add(h, &pb.AddTaskRequest{Task: spec("b"), RequestId: "1"}))
		}},
		"slot busy": {fail: true, live: 1, act: func(h *servertest.Harness) error {
			busy := spec("b")
			busy.Admission = &pb.Admission{Slot: "a", Policy: pb.AdmissionPolicy_ADMISSION_POLICY_DROP_IF_RUNNING}
			return errors.Join(add(h, &pb.AddTaskRequest{Task: spec("a")}), add(h, &pb.AddTaskRequest{Task: busy}))
		}},
		"given up by its caller, and started": {fail: true, live: 1, act: func(h *servertest.Harness) error {
			deaf(h, 2*time.Second)
			h.Add("task", "deaf")
			synctest.Wait()
			err := add(h, &pb.AddTaskRequest{Task: spec("task"), IfExists: pb.IfExists_IF_EXISTS_REPLACE})
			time.Sleep(2 * time.Second)
			return err
		}},
		"given up by its caller, and not started": {fail: true, act: func(h *servertest.Harness) error {
			deaf(h, time.Hour)
			h.Add("task", "deaf")
			synctest.Wait()
			err := add(h, &pb.AddTaskRequest{Task: spec("task"), IfExists: pb.IfExists_IF_EXISTS_REPLACE})
			time.Sleep(2 * time.Hour)
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var count opened
			bubble(t, func(t *testing.T) {
				h := newHarness(t, servertest.WithPlugins(count.plugin()))
				if err := test.act(h); (err != nil) != test.fail {
					t.Errorf("got %v", err)
				}
				synctest.Wait()
				if live := count.built.Load() - count.closed.Load(); live != test.live {
					t.Errorf("%d bodies of %d are open, want %d", live, count.built.Load(), test.live)
				}
			})
			if built, closed := count.built.Load(), count.closed.Load(); built != closed {
				t.Errorf("%d bodies were built and %d closed", built, closed)
			}
		})
	}
}
