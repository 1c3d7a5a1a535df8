package cli

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/server/servertest"
	"github.com/taskvisor/taskvisor/supervisor"
)

// everybody is an Authenticator to whom all callers are alice.
type everybody struct{}

func (everybody) Authenticate(context.Context) (server.Identity, error) {
	return server.Identity{Principal: "alice", Role: server.RoleAdmin}, nil
}

var withAlice = servertest.WithServer(server.Config{Logger: slog.New(slog.DiscardHandler), Authenticator: everybody{}})

// explained runs get for each task, and keeps what it says in words.
func (w *world) explained(names ...string) {
	for _, name := range names {
		w.run("get", name)
	}
}

// bodies for tasks that get into every state.
func (w *world) bodies() {
	release := make(chan struct{})
	w.t.Cleanup(func() { close(release) })
	w.Define("stubborn", func(ctx context.Context) error {
		<-ctx.Done()
		<-release
		return nil
	})
	w.Define("busy", func(ctx context.Context) error {
		supervisor.Progress(ctx, "30 of 100 files copied")
		<-ctx.Done()
		return ctx.Err()
	})
	w.Define("fatal", func(context.Context) error { return supervisor.Fatal(errors.New("the disk is gone")) })
	w.Define("panic", func(context.Context) error { panic("index out of range") })
	attempts := 0
	w.Define("recovers", func(ctx context.Context) error {
		if attempts++; attempts < 3 {
			return errors.New("connection refused")
		}
		<-ctx.Done()
		return ctx.Err()
	})
}

// TestGetExplainsLiveTasks has each state of a task that lives.
func TestGetExplainsLiveTasks(t *testing.T) {
	inWorld(t, func(w *world) {
		w.bodies()
		w.add("running", "busy", timeout(time.Minute), heartbeat(time.Hour))
		w.add("recovered", "recovers", steadily(time.Second))
		w.add("failing", servertest.Fail, steadily(time.Minute), retries(5))
		w.add("failing-for-ever", servertest.Fail, steadily(time.Minute))
		w.add("last-chance", servertest.Fail, steadily(30*time.Second), retries(2))
		w.add("limited", servertest.Fail, steadily(time.Minute), limit(3, time.Hour))
		w.add("panics", "panic", steadily(time.Minute))
		w.add("between", servertest.Succeed, every(time.Hour))
		w.add("owner", servertest.Wait, slot("printer"))
		w.add("queued", servertest.Wait, slot("printer"))
		w.add("queued-too", servertest.Wait, slot("printer"))
		w.add("stopping", "stubborn")
		w.add("stuck", "stubborn")
		w.remove("stopping", time.Hour)
		w.remove("stuck", time.Second)
		w.pass(40 * time.Second)
		w.explained("running", "recovered", "failing", "failing-for-ever", "last-chance", "limited", "panics", "between", "queued", "queued-too", "stopping", "stuck")
	}, withAlice)
}

// TestGetExplainsWaiting has more tasks than may run.
func TestGetExplainsWaiting(t *testing.T) {
	inWorld(t, func(w *world) {
		w.bodies()
		w.add("one", servertest.Wait)
		w.add("waiting", servertest.Wait)
		w.pass(time.Minute)
		w.explained("waiting")
	}, withAlice, servertest.WithEngine(supervisor.Config{MaxConcurrent: 1}))
}

// TestGetExplainsOutcomes has each way in which a life ends.
func TestGetExplainsOutcomes(t *testing.T) {
	inWorld(t, func(w *world) {
		w.bodies()
		w.add("completed", servertest.Succeed)
		w.add("never-again", servertest.Fail, never)
		w.add("used-up", servertest.Fail, steadily(time.Second), retries(2))
		w.add("too-often", servertest.Fail, steadily(time.Second), limit(3, time.Hour))
		w.add("too-slow", servertest.Wait, timeout(time.Second), never)
		w.add("fatal", "fatal")
		w.add("removed", servertest.Wait)
		w.add("removed-in-backoff", servertest.Fail, steadily(time.Hour))
		w.add("owner", servertest.Wait, slot("printer"))
		w.add("removed-in-queue", servertest.Wait, slot("printer"))
		w.pass(10 * time.Second)
		for _, name := range []string{"removed", "removed-in-backoff", "removed-in-queue"} {
			w.remove(name, time.Minute)
		}
		busy := servertest.Spec("turned-away", servertest.Wait)
		busy.Admission = &pb.Admission{Slot: "printer", Policy: pb.AdmissionPolicy_ADMISSION_POLICY_DROP_IF_RUNNING}
		_, refused := w.Tasks.AddTask(w.t.Context(), &pb.AddTaskRequest{Task: busy})
		if refused == nil {
			w.t.Fatal("the slot is taken, and the task was added")
		}
		first := w.add("replaced", servertest.Wait)
		w.output(0, "add", "replaced", "--plugin", "script", "--set", "body=wait", "--if-exists", "replace")
		w.add("displaced", servertest.Wait, slot("printer"))
		w.add("next", servertest.Wait, slot("printer"), func(s *pb.TaskSpec) { s.Admission.Policy = pb.AdmissionPolicy_ADMISSION_POLICY_REPLACE })
		w.add("abandoned", "stubborn")
		w.explained("completed", "never-again", "used-up", "too-often", "too-slow", "fatal", "removed", "removed-in-backoff", "removed-in-queue",
			"turned-away", first.GetUid(), "displaced", "owner")
		ctx, cancel := context.WithCancel(w.t.Context())
		defer cancel()
		_ = w.Supervisor.Shutdown(ctx) // says that one is stuck
		w.explained("next", "abandoned")
	}, withAlice, servertest.WithEngine(supervisor.Config{Grace: time.Second}))
}

// remove asks for it, without waiting for the answer.
func (w *world) remove(name string, grace time.Duration) {
	go func() { // ends when the body returns, or the grace period is over
		_, _ = w.Tasks.RemoveTask(w.t.Context(), &pb.RemoveTaskRequest{Name: name, GracePeriod: durationpb.New(grace)})
	}()
	w.pass(0)
}

func heartbeat(d time.Duration) change {
	return func(s *pb.TaskSpec) { s.HeartbeatTimeout = durationpb.New(d) }
}

func limit(n uint32, window time.Duration) change {
	return func(s *pb.TaskSpec) {
		s.Restart = &pb.RestartPolicy{Limit: &pb.RestartLimit{Count: n, Window: durationpb.New(window)}}
	}
}
