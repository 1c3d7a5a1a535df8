package server_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/servertest"
	"github.com/taskvisor/taskvisor/supervisor"
)

const someUID = "01890a5d-ac96-774b-bcce-b302099a8057"

func TestRemoveTaskRefuses(t *testing.T) {
	h := newHarness(t)
	h.Add("task", servertest.Wait)
	waitRunning(t, h, "task")
	for name, test := range map[string]struct {
		req    *pb.RemoveTaskRequest
		fields []string
	}{
		"nothing":           {&pb.RemoveTaskRequest{}, []string{"name"}},
		"both":              {&pb.RemoveTaskRequest{Name: "task", Uid: someUID}, []string{"uid"}},
		"bad name":          {&pb.RemoveTaskRequest{Name: "a b"}, []string{"name"}},
		"bad uid":           {&pb.RemoveTaskRequest{Uid: "task"}, []string{"uid"}},
		"zero uid":          {&pb.RemoveTaskRequest{Uid: "00000000-0000-0000-0000-000000000000"}, []string{"uid"}},
		"grace of 0s":       {&pb.RemoveTaskRequest{Name: "task", GracePeriod: seconds(0)}, []string{"grace_period"}},
		"negative grace":    {&pb.RemoveTaskRequest{Name: "task", GracePeriod: seconds(-1)}, []string{"grace_period"}},
		"grace of over 1h":  {&pb.RemoveTaskRequest{Name: "task", GracePeriod: durationpb.New(time.Hour + 1)}, []string{"grace_period"}},
		"grace of ages":     {&pb.RemoveTaskRequest{Name: "task", GracePeriod: &durationpb.Duration{Seconds: 1 << 36}}, []string{"grace_period"}},
		"two things at one": {&pb.RemoveTaskRequest{Name: "?", GracePeriod: seconds(-1), AllowMissing: true}, []string{"name", "grace_period"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.Tasks.RemoveTask(t.Context(), test.req)
			wantInvalid(t, err, test.fields...)
		})
	}
	if snap, err := h.Supervisor.Get(supervisor.ByName("task")); err != nil || snap.State != supervisor.StateRunning {
		t.Errorf("the task is %v, %v", snap.State, err)
	}
}

// "Cancels a task and returns its final state once its body has returned", by name and by uid.
func TestRemoveTaskReturnsTheFinalState(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		h.Define("slow", func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(time.Second)
			return nil
		})
		for _, byUID := range []bool{false, true} {
			task := h.Add("task", "slow")
			time.Sleep(time.Minute)
			req := &pb.RemoveTaskRequest{Name: "task", GracePeriod: durationpb.New(time.Hour)}
			if byUID {
				req.Name, req.Uid = "", task.GetUid()
			}
			begin := time.Now()
			resp, err := h.Tasks.RemoveTask(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			got := resp.GetTask()
			if took := time.Since(begin); took != time.Second {
				t.Errorf("it took %v, the body takes 1s to return", took)
			}
			if got.GetUid() != task.GetUid() || got.GetState() != pb.TaskState_TASK_STATE_FINISHED || got.GetSlot() != "" ||
				got.GetOutcome() != pb.Outcome_OUTCOME_CANCELED || !got.GetFinishTime().AsTime().Equal(time.Now()) {
				t.Errorf("final state %v", got)
			}
		}
	})
}

// "NOT_FOUND with TASK_NOT_FOUND"; "Allow missing: answer without a task instead".
func TestRemoveTaskThatIsMissing(t *testing.T) {
	h := newHarness(t)
	ended := h.Add("task", servertest.Succeed)
	waitFor(t, h, ended)
	for _, req := range []*pb.RemoveTaskRequest{{Name: "task"}, {Uid: someUID}} {
		_, err := h.Tasks.RemoveTask(t.Context(), req)
		r := wantRefusal(t, err, codes.NotFound, "TASK_NOT_FOUND")
		if req.GetName() != "" {
			wantMetadata(t, r, map[string]string{"name": "task"})
		} else {
			wantMetadata(t, r, map[string]string{"uid": someUID})
		}
		req.AllowMissing = true
		resp, err := h.Tasks.RemoveTask(t.Context(), req)
		if err != nil || resp.GetTask() != nil {
			t.Errorf("got %v, %v, want an answer without a task", resp, err)
		}
	}
}

// waitFor waits for the end of a life.
func waitFor(t *testing.T, h *servertest.Harness, task *pb.Task) {
	t.Helper()
	uid, err := supervisor.ParseUID(task.GetUid())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Supervisor.Wait(t.Context(), supervisor.ByUID(uid)); err != nil {
		t.Fatal(err)
	}
}

// "A life that already ended is not removed again: it is returned as it ended."
func TestRemoveTaskThatHasEnded(t *testing.T) {
	h := newHarness(t)
	task := h.Add("task", servertest.Succeed)
	waitFor(t, h, task)
	resp, err := h.Tasks.RemoveTask(t.Context(), &pb.RemoveTaskRequest{Uid: task.GetUid()})
	if err != nil || resp.GetTask().GetOutcome() != pb.Outcome_OUTCOME_COMPLETED {
		t.Errorf("got %v, %v", resp, err)
	}
}

// "DEADLINE_EXCEEDED with TASK_STUCK when the body did not return within the grace period: the task stays listed as TASK_STATE_STUCK, and
// it is removed as soon as its body returns."
func TestRemoveTaskThatIsStuck(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		release := make(chan struct{})
		h.Define("deaf", func(context.Context) error { <-release; return nil })
		task := h.Add("task", "deaf")
		synctest.Wait() // it runs
		begin := time.Now()
		_, err := h.Tasks.RemoveTask(t.Context(), &pb.RemoveTaskRequest{Name: "task", GracePeriod: seconds(5)})
		wantMetadata(t, wantRefusal(t, err, codes.DeadlineExceeded, "TASK_STUCK"), map[string]string{"name": "task", "uid": task.GetUid()})
		if took := time.Since(begin); took != 5*time.Second {
			t.Errorf("it took %v, the grace is 5s", took)
		}
		stuck := list(t, h, &pb.ListTasksRequest{})
		if len(stuck.GetTasks()) != 1 || stuck.GetTasks()[0].GetState() != pb.TaskState_TASK_STATE_STUCK ||
			stuck.GetTasks()[0].GetOutcome() != pb.Outcome_OUTCOME_UNSPECIFIED {
			t.Errorf("listed: %v", stuck.GetTasks())
		}
		close(release)
		synctest.Wait()
		if left := list(t, h, &pb.ListTasksRequest{}); len(left.GetTasks()) != 0 {
			t.Errorf("listed: %v", left.GetTasks())
		}
	})
}

// "Default: the grace period of the server".
func TestRemoveTaskTakesTheGraceOfTheServer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t, servertest.WithEngine(supervisor.Config{Grace: 7 * time.Second}))
		release := make(chan struct{})
		defer close(release)
		h.Define("deaf", func(context.Context) error { <-release; return nil })
		h.Add("task", "deaf")
		synctest.Wait() // it runs
		begin := time.Now()
		_, err := h.Tasks.RemoveTask(t.Context(), &pb.RemoveTaskRequest{Name: "task"})
		wantRefusal(t, err, codes.DeadlineExceeded, "TASK_STUCK")
		if took := time.Since(begin); took != 7*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// A caller who leaves does not take the removal back, and the code tells who left: the caller, not the task.
func TestRemoveTaskOfACallerWhoHasLeft(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		h.Define("slow", func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(2 * time.Second)
			return nil
		})
		task := h.Add("task", "slow")
		synctest.Wait() // it runs
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := h.Server.RemoveTask(ctx, &pb.RemoveTaskRequest{Name: "task"})
		wantRefusal(t, err, codes.DeadlineExceeded, "")
		waitFor(t, h, task)
		if snap, err := h.Supervisor.Get(supervisor.ByName("task")); err == nil {
			t.Errorf("the task is %v", snap.State)
		}
	})
}
