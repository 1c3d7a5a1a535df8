package server_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/server/servertest"
	"github.com/taskvisor/taskvisor/supervisor"
)

// withID asks for a task under a request id.
func withID(ctx context.Context, h *servertest.Harness, id string, spec *pb.TaskSpec) (*pb.Task, error) {
	resp, err := h.Tasks.AddTask(ctx, &pb.AddTaskRequest{Task: spec, RequestId: id})
	return resp.GetTask(), err
}

// "A second request of the same caller with the same id, task and if_exists gets the first answer, as it was then", and no second task, for
// ten minutes.
func TestRequestIDReplaysTheAnswer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		for name, spec := range map[string]*pb.TaskSpec{"named": servertest.Spec("task", servertest.Succeed), "unnamed": servertest.Spec("", servertest.Succeed)} {
			spec.Labels = map[string]string{"a": "b"}
			first, err := withID(t.Context(), h, "id-"+name, spec)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait() // the task has ended, and its name is free
			before := h.Supervisor.Cursor()
			time.Sleep(10 * time.Minute)
			again, err := withID(t.Context(), h, "id-"+name, spec)
			if err != nil || !proto.Equal(first, again) || first.GetSpec().GetName() != first.GetName() {
				t.Errorf("%s: got %v, %v; the first answer was %v", name, again, err, first)
			}
			if after := h.Supervisor.Cursor(); after != before {
				t.Errorf("%s: the log went on from %v to %v", name, before, after)
			}
			time.Sleep(time.Second)
			late, err := withID(t.Context(), h, "id-"+name, spec)
			if err != nil || late.GetUid() == first.GetUid() {
				t.Errorf("%s: after ten minutes: %v, %v", name, late, err)
			}
		}
	})
}

// "With another task or if_exists it is refused with REQUEST_ID_REUSED", while the first one is in flight as well. What is the same is
// decided as for IF_EXISTS_KEEP.
func TestRequestIDIsOfOneRequest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		deaf(h, time.Second)
		h.Add("task", "deaf")
		synctest.Wait()
		answered := make(chan *pb.Task)
		go func() {
			resp, err := h.Tasks.AddTask(t.Context(), &pb.AddTaskRequest{Task: waitSpec(), IfExists: replaceIt, RequestId: "1"})
			if err != nil {
				t.Error(err)
			}
			answered <- resp.GetTask()
		}()
		synctest.Wait()
		refused := func() {
			t.Helper()
			spec := waitSpec()
			spec.Timeout = seconds(1)
			for _, req := range []*pb.AddTaskRequest{
				{Task: spec, IfExists: replaceIt, RequestId: "1"},
				{Task: waitSpec(), RequestId: "1"},
				{Task: waitSpec(), IfExists: keepIt, RequestId: "1"},
			} {
				_, err := h.Tasks.AddTask(t.Context(), req)
				wantMetadata(t, wantRefusal(t, err, codes.AlreadyExists, "REQUEST_ID_REUSED"), map[string]string{"request_id": "1"})
			}
		}
		refused()
		first := <-answered
		refused()
		same := waitSpec()
		same.Restart = &pb.RestartPolicy{}
		resp, err := h.Tasks.AddTask(t.Context(), &pb.AddTaskRequest{Task: same, IfExists: replaceIt, RequestId: "1"})
		if err != nil || resp.GetTask().GetUid() != first.GetUid() {
			t.Errorf("got %v, %v", resp, err)
		}
	})
}

// 64 callers with one id: one task, one uid for all; the ids of others are none of their business.
func TestRequestIDConcurrently(t *testing.T) {
	h := newHarness(t)
	const callers, ids = 64, 4
	var uids [ids]sync.Map
	var all sync.WaitGroup
	for i := range callers * ids {
		all.Go(func() {
			id := i % ids
			task, err := withID(context.Background(), h, fmt.Sprint("id-", id), servertest.Spec("", servertest.Wait))
			if err != nil {
				t.Error(err)
			}
			uids[id].Store(task.GetUid(), task.GetName())
		})
	}
	all.Wait()
	for id := range uids {
		n := 0
		for range uids[id].Range {
			n++
		}
		if n != 1 {
			t.Errorf("id %d: %d tasks", id, n)
		}
	}
	if n := len(h.Supervisor.List(supervisor.ListOptions{Finished: true})); n != ids {
		t.Errorf("%d tasks", n)
	}
}

// "While the first one has no answer yet, the second one waits for that, and the first one is brought to its end even if its caller is
// gone."
func TestRequestIDOutlivesItsCaller(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		deaf(h, 5*time.Second)
		h.Add("task", "deaf")
		synctest.Wait()
		req := &pb.AddTaskRequest{Task: waitSpec(), IfExists: replaceIt, RequestId: "1"}
		gone, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := h.Tasks.AddTask(gone, req)
		wantRefusal(t, err, codes.DeadlineExceeded, "")
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = h.Tasks.AddTask(impatient, req)
		wantRefusal(t, err, codes.DeadlineExceeded, "")
		joined, err := h.Tasks.AddTask(t.Context(), req)
		if err != nil || joined.GetTask().GetGeneration() != 2 {
			t.Fatal(joined, err)
		}
		again, err := h.Tasks.AddTask(t.Context(), req)
		if err != nil || !proto.Equal(again, joined) {
			t.Errorf("got %v, %v, want %v", again, err, joined)
		}
	})
}

// "A refusal leaves nothing behind: the next request with the id is judged afresh." Those who waited for it share it.
func TestRequestIDForgetsRefusals(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		h.Add("task", servertest.Wait)
		_, err := withID(t.Context(), h, "1", waitSpec())
		wantRefusal(t, err, codes.AlreadyExists, "TASK_EXISTS")
		other := waitSpec()
		other.Name = "other"
		if _, err := withID(t.Context(), h, "1", other); err != nil {
			t.Errorf("another request with the id of one that was refused: %v", err)
		}
		if _, err := h.Tasks.RemoveTask(t.Context(), &pb.RemoveTaskRequest{Name: "task"}); err != nil {
			t.Fatal(err)
		}
		if _, err := withID(t.Context(), h, "2", waitSpec()); err != nil {
			t.Error(err)
		}

		deaf(h, time.Minute)
		h.Add("stuck", "deaf")
		synctest.Wait()
		req := &pb.AddTaskRequest{Task: servertest.Spec("stuck", servertest.Wait), IfExists: replaceIt, RequestId: "3"}
		var callers sync.WaitGroup
		for range 3 {
			callers.Go(func() {
				_, err := h.Tasks.AddTask(t.Context(), req)
				wantRefusal(t, err, codes.DeadlineExceeded, "TASK_STUCK")
			})
		}
		callers.Wait()
		time.Sleep(time.Minute)
		if _, err := h.Tasks.AddTask(t.Context(), req); err != nil {
			t.Error(err)
		}
	})
}

// "validate_only neither uses an id nor looks at it."
func TestRequestIDOfARehearsal(t *testing.T) {
	h := newHarness(t)
	rehearse := &pb.AddTaskRequest{Task: waitSpec(), RequestId: "1", ValidateOnly: true}
	if _, err := h.Tasks.AddTask(t.Context(), rehearse); err != nil {
		t.Fatal(err)
	}
	other := waitSpec()
	other.Name = "other"
	first, err := withID(t.Context(), h, "1", other)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := h.Tasks.AddTask(t.Context(), rehearse)
	if err != nil || resp.GetTask().GetUid() != "" || first.GetUid() == "" {
		t.Errorf("got %v, %v", resp, err)
	}
}

// At the bound the oldest answers go first, and requests without an answer never.
func TestRequestIDsAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t, servertest.WithServer(server.Config{Logger: quiet, MaxRequestIDs: 2}))
		deaf(h, time.Second)
		h.Add("slow", "deaf")
		synctest.Wait()
		slow := &pb.AddTaskRequest{Task: servertest.Spec("slow", servertest.Wait), IfExists: replaceIt, RequestId: "slow"}
		inFlight := make(chan *pb.Task, 2)
		ask := func() {
			resp, err := h.Tasks.AddTask(t.Context(), slow)
			if err != nil {
				t.Error(err)
			}
			inFlight <- resp.GetTask()
		}
		go ask()
		synctest.Wait()
		var first []*pb.Task
		add := func(i int) *pb.Task {
			task, err := withID(t.Context(), h, fmt.Sprint(i), servertest.Spec("", servertest.Succeed))
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			return task
		}
		for i := range 3 {
			first = append(first, add(i))
		}
		go ask()
		if a, b := <-inFlight, <-inFlight; a.GetUid() != b.GetUid() {
			t.Error("a request in flight was forgotten")
		}
		if again := add(2); again.GetUid() != first[2].GetUid() { // the slow one is the other
			t.Error("one of the two newest answers is gone")
		}
		if again := add(0); again.GetUid() == first[0].GetUid() {
			t.Error("the oldest answer is kept beyond the bound")
		}
	})
}

func TestRequestIDIsChecked(t *testing.T) {
	h := newHarness(t)
	for _, bad := range []string{strings.Repeat("x", 129), "tab\t", "ümlaut", "\x7f", "\x00"} {
		_, err := withID(t.Context(), h, bad, waitSpec())
		wantInvalid(t, err, "request_id")
	}
	for i, good := range []string{strings.Repeat("x", 128), "a b~!", "01975a4e-0000-7000-8000-000000000000"} {
		spec := waitSpec()
		spec.Name = fmt.Sprint("task-", i)
		if _, err := withID(t.Context(), h, good, spec); err != nil {
			t.Error(err)
		}
	}
	// With all else that is wrong.
	_, err := h.Tasks.AddTask(t.Context(), &pb.AddTaskRequest{RequestId: "\n", IfExists: 9})
	wantInvalid(t, err, "request_id", "if_exists", "task")
}

// "A second request of the same caller": ids of others are none of their business.
func TestRequestIDIsOfOneCaller(t *testing.T) {
	h := newHarness(t)
	uids := map[string]string{}
	for _, who := range []string{"ann", "bob", "ann", "", "bob"} {
		ctx := supervisor.WithPrincipal(t.Context(), who)
		resp, err := h.Server.AddTask(ctx, &pb.AddTaskRequest{Task: servertest.Spec("", servertest.Wait), RequestId: "1"})
		if err != nil {
			t.Fatal(err)
		}
		uid := resp.GetTask().GetUid()
		if known := uids[who]; known != "" && known != uid {
			t.Errorf("%q has %s and %s", who, known, uid)
		}
		uids[who] = uid
	}
	if uids["ann"] == uids["bob"] || uids[""] == uids["ann"] {
		t.Errorf("uids %v", uids)
	}
}
