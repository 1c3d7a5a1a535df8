package server_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/codes"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/servertest"
	"github.com/taskvisor/taskvisor/supervisor"
)

// inSlot returns a request for a task that wants the slot "db".
func inSlot(name, body string, policy pb.AdmissionPolicy) *pb.AddTaskRequest {
	spec := servertest.Spec(name, body)
	spec.Admission = &pb.Admission{Slot: "db", Policy: policy}
	return &pb.AddTaskRequest{Task: spec}
}

const (
	queue   = pb.AdmissionPolicy_ADMISSION_POLICY_QUEUE
	replace = pb.AdmissionPolicy_ADMISSION_POLICY_REPLACE
	drop    = pb.AdmissionPolicy_ADMISSION_POLICY_DROP_IF_RUNNING
)

func mustAdd(t *testing.T, h *servertest.Harness, req *pb.AddTaskRequest) *pb.Task {
	t.Helper()
	resp, err := h.Tasks.AddTask(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return resp.GetTask()
}

// A slot has one owner, others queue for it in the state QUEUED, and the next one starts when the body of the owner has returned.
func TestTasksQueueForTheirSlot(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		events := watch(t, h, &pb.WatchEventsRequest{})
		release := make(chan struct{})
		h.Define("work", func(context.Context) error { <-release; return nil })
		owner := mustAdd(t, h, inSlot("owner", "work", queue))
		next := mustAdd(t, h, inSlot("next", servertest.Succeed, queue))
		if owner.GetState() != pb.TaskState_TASK_STATE_WAITING || next.GetState() != pb.TaskState_TASK_STATE_QUEUED || next.GetSlot() != "db" {
			t.Errorf("owner %v, next %v in slot %q", owner.GetState(), next.GetState(), next.GetSlot())
		}
		queued := list(t, h, &pb.ListTasksRequest{Filter: &pb.TaskFilter{States: []pb.TaskState{pb.TaskState_TASK_STATE_QUEUED}}})
		if len(queued.GetTasks()) != 1 || queued.GetTasks()[0].GetUid() != next.GetUid() {
			t.Errorf("queued: %v", queued.GetTasks())
		}
		close(release)
		events.until(func(msg *pb.WatchEventsResponse) bool {
			return slices.ContainsFunc(msg.GetEvents(), func(e *pb.Event) bool {
				return e.GetKind() == pb.EventKind_EVENT_KIND_TASK_REMOVED && e.GetUid() == next.GetUid()
			})
		})
		var story []string
		for _, e := range events.events() {
			if e.GetSlot() != "" {
				story = append(story, fmt.Sprintf("%s %s %s %v→%v depth %d", e.GetTask(), kindName(e.GetKind()), e.GetSlot(),
					e.GetPreviousSlotState().Number(), e.GetSlotState().Number(), e.GetQueueDepth()))
			}
		}
		want := []string{
			"owner CONTROLLER_SLOT_TRANSITION db 1→2 depth 0", "owner TASK_ADDED db 0→0 depth 0",
			"next CONTROLLER_SUBMITTED db 0→0 depth 1",
			"next CONTROLLER_SLOT_TRANSITION db 2→2 depth 0", "next TASK_ADDED db 0→0 depth 0",
			"next CONTROLLER_SLOT_TRANSITION db 2→1 depth 0",
		}
		if !slices.Equal(story, want) {
			t.Errorf("got  %q\nwant %q", story, want)
		}
	})
}

// "FAILED_PRECONDITION with SLOT_BUSY; RESOURCE_EXHAUSTED with QUEUE_FULL", foreseen by validate_only.
func TestSlotsRefuse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t, servertest.WithEngine(supervisor.Config{SlotQueue: 1}))
		owner := mustAdd(t, h, inSlot("owner", servertest.Wait, 0))
		mustAdd(t, h, inSlot("next", servertest.Wait, 0))
		for _, rehearsal := range []bool{true, false} {
			req := inSlot("busy", servertest.Wait, drop)
			req.ValidateOnly = rehearsal
			_, err := h.Tasks.AddTask(t.Context(), req)
			wantMetadata(t, wantRefusal(t, err, codes.FailedPrecondition, "SLOT_BUSY"), map[string]string{"slot": "db", "uid": owner.GetUid()})
			req = inSlot("full", servertest.Wait, queue)
			req.ValidateOnly = rehearsal
			_, err = h.Tasks.AddTask(t.Context(), req)
			wantMetadata(t, wantRefusal(t, err, codes.ResourceExhausted, "QUEUE_FULL"), map[string]string{"slot": "db", "limit": "1"})
			known := list(t, h, &pb.ListTasksRequest{IncludeFinished: true})
			if want := map[bool]int{true: 2, false: 4}[rehearsal]; len(known.GetTasks()) != want {
				t.Errorf("%d tasks are known, want %d: a task that was refused is on record", len(known.GetTasks()), want)
			}
		}
		req := inSlot("instead", servertest.Wait, replace)
		req.ValidateOnly = true
		if state := mustAdd(t, h, req).GetState(); state != pb.TaskState_TASK_STATE_QUEUED {
			t.Errorf("validate_only foresees %v", state)
		}
	})
}

func TestSlotReplacesItsOwner(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		old := mustAdd(t, h, inSlot("old", servertest.Wait, 0))
		waiting := mustAdd(t, h, inSlot("waiting", servertest.Wait, 0))
		instead := mustAdd(t, h, inSlot("instead", servertest.Wait, replace))
		got := map[string]string{}
		for _, task := range list(t, h, &pb.ListTasksRequest{IncludeFinished: true}).GetTasks() {
			got[task.GetUid()] = task.GetState().String() + " " + task.GetOutcome().String()
			if task.GetUid() == old.GetUid() && task.GetOutcomeReason() == "" {
				t.Error("the one that was replaced does not say why it ended")
			}
		}
		want := map[string]string{
			old.GetUid():     "TASK_STATE_FINISHED OUTCOME_CANCELED",
			waiting.GetUid(): "TASK_STATE_FINISHED OUTCOME_REJECTED",
			instead.GetUid(): "TASK_STATE_RUNNING OUTCOME_UNSPECIFIED",
		}
		for uid := range want {
			if got[uid] != want[uid] {
				t.Errorf("got %q, want %q", got[uid], want[uid])
			}
		}
	})
}

// A task that waits for its slot can be removed at once.
func TestRemoveTaskThatIsQueued(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		mustAdd(t, h, inSlot("owner", servertest.Wait, 0))
		mustAdd(t, h, inSlot("next", servertest.Wait, 0))
		resp, err := h.Tasks.RemoveTask(t.Context(), &pb.RemoveTaskRequest{Name: "next"})
		if err != nil || resp.GetTask().GetOutcome() != pb.Outcome_OUTCOME_CANCELED || resp.GetTask().GetAttempt() != 0 {
			t.Errorf("got %v, %v", resp, err)
		}
	})
}

func TestAdmissionIsChecked(t *testing.T) {
	h := newHarness(t)
	req := inSlot("a", servertest.Wait, 99)
	req.Task.Admission.Slot = "-bad-"
	_, err := h.Tasks.AddTask(t.Context(), req)
	wantInvalid(t, err, "task.admission.slot", "task.admission.policy")
}

// "Capture output as TASK_OUTPUT events: the lines that the body writes."
func TestOutputIsStreamed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		h.Define("talk", func(ctx context.Context) error {
			fmt.Fprintln(supervisor.Output(ctx), "hello")
			supervisor.OutputLine(ctx, supervisor.Stderr, "world")
			return nil
		})
		lines := watch(t, h, &pb.WatchEventsRequest{Filter: &pb.EventFilter{Kinds: []pb.EventKind{pb.EventKind_EVENT_KIND_TASK_OUTPUT}}})
		spec := servertest.Spec("talker", "talk")
		spec.CaptureOutput = true
		mustAdd(t, h, &pb.AddTaskRequest{Task: spec})
		lines.until(func(*pb.WatchEventsResponse) bool { return len(lines.events()) == 2 })
		for i, want := range []string{"OUTPUT_STREAM_STDOUT hello", "OUTPUT_STREAM_STDERR world"} {
			if e := lines.events()[i]; e.GetStream().String()+" "+e.GetLine() != want || e.GetAttempt() != 1 {
				t.Errorf("got %v, want %s", e, want)
			}
		}
	})
}
