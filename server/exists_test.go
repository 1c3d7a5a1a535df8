package server_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/servertest"
	"github.com/taskvisor/taskvisor/supervisor"
)

const (
	keepIt    = pb.IfExists_IF_EXISTS_KEEP
	replaceIt = pb.IfExists_IF_EXISTS_REPLACE
)

// addIf asks for a task with the body, and says what to do with one that has its name.
func addIf(ctx context.Context, h *servertest.Harness, ifExists pb.IfExists, spec *pb.TaskSpec) (*pb.Task, error) {
	resp, err := h.Tasks.AddTask(ctx, &pb.AddTaskRequest{Task: spec, IfExists: ifExists})
	return resp.GetTask(), err
}

// deaf defines a body that goes on for so long after it was canceled.
func deaf(h *servertest.Harness, d time.Duration) {
	h.Define("deaf", func(ctx context.Context) error {
		<-ctx.Done()
		time.Sleep(d)
		return ctx.Err()
	})
}

// "A request that is repeated as it is changes nothing."
func TestKeepIsIdempotent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		spec := waitSpec()
		spec.Labels = map[string]string{"a": "b", "c": "d"}
		spec.Timeout = seconds(5)
		first, err := addIf(t.Context(), h, keepIt, spec)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		before := h.Supervisor.Cursor()
		for _, rehearsal := range []bool{false, true} {
			resp, err := h.Tasks.AddTask(t.Context(), &pb.AddTaskRequest{Task: spec, IfExists: keepIt, ValidateOnly: rehearsal})
			task := resp.GetTask()
			if err != nil || task.GetUid() != first.GetUid() || task.GetState() != pb.TaskState_TASK_STATE_RUNNING || !proto.Equal(task.GetSpec(), spec) {
				t.Errorf("got %v, %v", task, err)
			}
		}
		if after := h.Supervisor.Cursor(); after != before {
			t.Errorf("the log went on from %v to %v", before, after)
		}
	})
}

// Specs are compared as given.
func TestKeepComparesSpecs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t, servertest.WithPlugins(pickyPlugin()))
		given := &pb.TaskSpec{
			Name: "task", Plugin: "picky", Config: object(t, map[string]any{"command": []any{"x", "y"}, "env": map[string]any{"a": "b"}}),
			Backoff: &pb.BackoffPolicy{First: seconds(1)}, Labels: map[string]string{"app": "web", "b/c": "d"}, Timeout: seconds(3),
		}
		live, err := addIf(t.Context(), h, 0, given)
		if err != nil {
			t.Fatal(err)
		}
		for name, test := range map[string]struct {
			change func(*pb.TaskSpec)
			differ string // empty: the same
		}{
			"the same":                   {func(*pb.TaskSpec) {}, ""},
			"policies that say nothing":  {func(s *pb.TaskSpec) { s.Restart, s.Admission = &pb.RestartPolicy{}, &pb.Admission{} }, ""},
			"other timeout":              {func(s *pb.TaskSpec) { s.Timeout = seconds(4) }, "task.timeout"},
			"no timeout":                 {func(s *pb.TaskSpec) { s.Timeout = nil }, "task.timeout"},
			"timeout of none":            {func(s *pb.TaskSpec) { s.Timeout = seconds(0) }, "task.timeout"},
			"a default that is spelled":  {func(s *pb.TaskSpec) { s.Restart = &pb.RestartPolicy{Mode: pb.RestartMode_RESTART_MODE_ON_FAILURE} }, "task.restart.mode"},
			"a value more in a policy":   {func(s *pb.TaskSpec) { s.Backoff.Factor = 3 }, "task.backoff.factor"},
			"no policy":                  {func(s *pb.TaskSpec) { s.Backoff = nil }, "task.backoff.first"},
			"another value in the depth": {func(s *pb.TaskSpec) { s.Backoff.First = seconds(2) }, "task.backoff.first"},
			"slot that is the default":   {func(s *pb.TaskSpec) { s.Admission = &pb.Admission{Slot: "task"} }, "task.admission.slot"},
			"output":                     {func(s *pb.TaskSpec) { s.CaptureOutput = true }, "task.capture_output"},
			"labels": {func(s *pb.TaskSpec) { s.Labels = map[string]string{"app": "db", "new": ""} },
				`task.labels.app,task.labels["b/c"],task.labels.new`},
			"config": {func(s *pb.TaskSpec) { s.Config = object(t, map[string]any{"command": []any{"x"}, "size": 1}) },
				"task.config.command,task.config.env,task.config.size"},
			"another plugin": {func(s *pb.TaskSpec) { s.Plugin, s.Config = servertest.ScriptPlugin, waitSpec().GetConfig() },
				"task.plugin,task.config.body,task.config.command,task.config.env"},
		} {
			spec := proto.CloneOf(given)
			test.change(spec)
			task, err := addIf(t.Context(), h, keepIt, spec)
			if test.differ == "" {
				if err != nil || task.GetUid() != live.GetUid() {
					t.Errorf("%s: got %v, %v", name, task, err)
				}
				continue
			}
			r := wantRefusal(t, err, codes.AlreadyExists, "TASK_EXISTS")
			wantMetadata(t, r, map[string]string{"name": "task", "uid": live.GetUid(), "differing_fields": test.differ})
			if first, _, _ := strings.Cut(test.differ, ","); !strings.Contains(r.message, first) {
				t.Errorf("%s: the message does not name %s: %s", name, first, r.message)
			}
		}
		if tasks := h.Supervisor.List(supervisor.ListOptions{Finished: true}); len(tasks) != 1 {
			t.Errorf("%d tasks", len(tasks))
		}
	})
}

// A task that was told to stop is not what the caller wants to keep, though one that merely timed out is.
func TestKeepRefusesWhatIsAboutToEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		deaf(h, 3*time.Second)
		spec := servertest.Spec("task", "deaf")
		spec.Timeout = seconds(1)
		live, _ := addIf(t.Context(), h, keepIt, spec)
		time.Sleep(2 * time.Second)
		if task, err := addIf(t.Context(), h, keepIt, spec); err != nil || task.GetState() != pb.TaskState_TASK_STATE_STOPPING {
			t.Errorf("while an attempt that timed out ends: %v, %v", task.GetState(), err)
		}
		done := make(chan error)
		go func() {
			_, err := h.Tasks.RemoveTask(t.Context(), &pb.RemoveTaskRequest{Name: "task"})
			done <- err
		}()
		synctest.Wait()
		_, err := addIf(t.Context(), h, keepIt, spec)
		wantMetadata(t, wantRefusal(t, err, codes.AlreadyExists, "TASK_EXISTS"), map[string]string{"name": "task", "uid": live.GetUid()})
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if task, err := addIf(t.Context(), h, keepIt, spec); err != nil || task.GetUid() == live.GetUid() {
			t.Errorf("after the end: %v, %v", task, err)
		}
	})
}

// The engine of the server may have tasks that no request describes.
func TestKeepOfATaskOfTheProgram(t *testing.T) {
	h := newHarness(t)
	if _, err := h.Supervisor.Add(t.Context(), supervisor.Restartable("task", supervisor.TaskFunc(func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}))); err != nil {
		t.Fatal(err)
	}
	_, err := addIf(t.Context(), h, keepIt, waitSpec())
	if r := wantRefusal(t, err, codes.AlreadyExists, "TASK_EXISTS"); !strings.Contains(r.metadata["differing_fields"], "task.plugin") {
		t.Errorf("metadata %v", r.metadata)
	}
}

// "Stop the live task, wait for its body to return, then start the new one under the same name with a new uid."
func TestReplace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		deaf(h, 2*time.Second)
		events := watch(t, h, &pb.WatchEventsRequest{})
		old := h.Add("task", "deaf")
		synctest.Wait()
		begin := time.Now()
		spec := waitSpec()
		spec.Labels = map[string]string{"version": "2"}
		next, err := addIf(t.Context(), h, replaceIt, spec)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took != 2*time.Second {
			t.Errorf("answered after %s", took)
		}
		if next.GetUid() == old.GetUid() || next.GetGeneration() != 2 || old.GetGeneration() != 1 || !proto.Equal(next.GetSpec(), spec) {
			t.Errorf("got %v after %v", next, old)
		}
		events.until(func(msg *pb.WatchEventsResponse) bool {
			return slices.ContainsFunc(msg.GetEvents(), func(e *pb.Event) bool {
				return e.GetKind() == pb.EventKind_EVENT_KIND_TASK_STARTING && e.GetUid() == next.GetUid()
			})
		})
		want := []string{
			"TASK_ADD_REQUESTED", "TASK_ADDED", "TASK_STARTING", "TASK_REMOVE_REQUESTED", "TASK_STOPPED", "TASK_REMOVED",
			"TASK_ADD_REQUESTED", "TASK_ADDED", "TASK_STARTING",
		}
		if got := events.kinds(); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// What a REPLACE is refused with, and what has become of the old task then.
func TestReplaceRefuses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		deaf(h, 15*time.Second)
		old := h.Add("task", "deaf")
		synctest.Wait()

		bad := waitSpec()
		bad.Timeout = seconds(-1)
		_, err := addIf(t.Context(), h, replaceIt, bad)
		wantInvalid(t, err, "task.timeout")
		if snap, err := h.Supervisor.Get(supervisor.ByName("task")); err != nil || snap.State != supervisor.StateRunning {
			t.Errorf("a bad spec changed the old task: %v, %v", snap.State, err)
		}

		displaced := make(chan error)
		go func() {
			_, err := addIf(t.Context(), h, replaceIt, waitSpec())
			displaced <- err
		}()
		synctest.Wait()
		_, err = addIf(t.Context(), h, replaceIt, waitSpec())
		r := wantRefusal(t, err, codes.DeadlineExceeded, "TASK_STUCK")
		wantMetadata(t, r, map[string]string{"name": "task", "uid": old.GetUid()})
		if !strings.Contains(r.message, "not started") {
			t.Errorf("the message does not tell what became of the new task: %s", r.message)
		}
		wantMetadata(t, wantRefusal(t, <-displaced, codes.Aborted, "SUPERSEDED"), map[string]string{"name": "task"})

		time.Sleep(time.Minute)
		if live := h.Supervisor.List(supervisor.ListOptions{}); len(live) != 0 {
			t.Errorf("%d tasks were started in spite of the refusals", len(live))
		}
	})
}

// "When the caller leaves, the replacement goes on."
func TestReplaceWithoutItsCaller(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		deaf(h, 5*time.Second)
		h.Add("task", "deaf")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := addIf(ctx, h, replaceIt, waitSpec())
		wantRefusal(t, err, codes.DeadlineExceeded, "")
		time.Sleep(time.Minute)
		if snap, err := h.Supervisor.Get(supervisor.ByName("task")); err != nil || snap.State != supervisor.StateRunning || snap.Generation != 2 {
			t.Errorf("got %v, generation %d, %v", snap.State, snap.Generation, err)
		}
	})
}

func TestReplaceRehearsed(t *testing.T) {
	h := newHarness(t)
	for want := range uint64(2) {
		resp, err := h.Tasks.AddTask(t.Context(), &pb.AddTaskRequest{Task: waitSpec(), IfExists: replaceIt, ValidateOnly: true})
		if task := resp.GetTask(); err != nil || task.GetUid() != "" || task.GetGeneration() != want+1 || task.GetState() != pb.TaskState_TASK_STATE_WAITING {
			t.Errorf("got %v, %v", task, err)
		}
		if want == 0 {
			h.Add("task", servertest.Wait)
		}
	}
}

// A name that the server makes is nobody's, so that there is nothing to keep or to replace: whoever asks for that means something else.
func TestIfExistsNeedsAName(t *testing.T) {
	h := newHarness(t)
	for _, ifExists := range []pb.IfExists{keepIt, replaceIt} {
		_, err := addIf(t.Context(), h, ifExists, servertest.Spec("", servertest.Wait))
		wantInvalid(t, err, "if_exists")
	}
	if _, err := addIf(t.Context(), h, pb.IfExists_IF_EXISTS_FAIL, servertest.Spec("", servertest.Wait)); err != nil {
		t.Error(err)
	}
}

// 32 callers who declare the same task get it, and one who declares another one does not.
func TestKeepConcurrently(t *testing.T) {
	h := newHarness(t)
	uids := make(chan string, 32)
	for range cap(uids) {
		go func() {
			task, err := addIf(t.Context(), h, keepIt, waitSpec())
			if err != nil {
				t.Error(err)
			}
			uids <- task.GetUid()
		}()
	}
	first := <-uids
	for range cap(uids) - 1 {
		if uid := <-uids; uid != first || uid == "" {
			t.Errorf("%q and %q", uid, first)
		}
	}
}

// Tasks that end as soon as they are added: KEEP never fails for that.
func TestKeepWhileTasksEnd(t *testing.T) {
	h := newHarness(t)
	done := make(chan struct{})
	for range 8 {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 50 {
				if _, err := h.Server.AddTask(context.Background(), &pb.AddTaskRequest{
					Task: servertest.Spec("task", servertest.Succeed), IfExists: keepIt,
				}); err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			}
		}()
	}
	for range 8 {
		<-done
	}
}
