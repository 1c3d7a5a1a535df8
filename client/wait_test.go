package client_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/servertest"
	"github.com/taskvisor/taskvisor/supervisor"
)

var waitRaces = flag.Int("wait.races", 500, "how many tasks TestWaitRacedAgainstTheEnd waits for")

// TestWait is the table of what can happen to a task before, while and after somebody waits for it. act gets the server with a task "t" that
// runs, whose life is uid. Then Wait is called for ref, the uid where that is zero, and meanwhile happens while it waits.
func TestWait(t *testing.T) {
	remove := func(t *testing.T, w *world) {
		if _, err := w.server.Tasks.RemoveTask(t.Context(), &pb.RemoveTaskRequest{Name: "t"}); err != nil {
			t.Error(err)
		}
	}
	nothing := func(*testing.T, *world) {}
	few, none := supervisor.Config{EventBuffer: 64, RetainedTasks: 3}, supervisor.Config{EventBuffer: 64, RetainedTasks: -1}
	rotate := func(_ *testing.T, w *world) { // the log, and what is kept of finished tasks
		for range 100 {
			w.add("", servertest.Succeed)
			synctest.Wait()
		}
	}
	for name, tt := range map[string]struct {
		engine    supervisor.Config
		ref       client.Ref
		before    func(t *testing.T, w *world)
		meanwhile func(t *testing.T, w *world)
		want      string
	}{
		"it ends while one waits":          {few, client.Ref{}, nothing, remove, "CANCELED"},
		"by name":                          {few, client.ByName("t"), nothing, remove, "CANCELED"},
		"it ended before":                  {few, client.Ref{}, remove, nothing, "CANCELED"},
		"it ended before, by name":         {few, client.ByName("t"), remove, nothing, "CANCELED"},
		"no finished tasks are kept":       {none, client.Ref{}, nothing, remove, "CANCELED"},
		"it ended before, and is not kept": {none, client.Ref{}, remove, nothing, "not found"},
		"nobody knows it":                  {few, client.ByUID("0198c5a0-0000-7000-8000-000000000000"), nothing, nothing, "not found"},
		"nobody knows the name":            {few, client.ByName("other"), nothing, nothing, "not found"},
		"the name is a pattern":            {few, client.ByName("*"), nothing, nothing, "not found"},
		"the connection breaks": {few, client.Ref{}, nothing, func(t *testing.T, w *world) {
			w.cut()
			remove(t, w)
		}, "CANCELED"},
		"the connection breaks, and the log turns over": {supervisor.Config{EventBuffer: 64}, client.Ref{}, nothing, func(t *testing.T, w *world) {
			w.cut()
			remove(t, w)
			rotate(t, w)
		}, "CANCELED"},
		"the connection breaks, the log turns over, and it lives": {few, client.Ref{}, nothing, func(t *testing.T, w *world) {
			w.cut()
			rotate(t, w)
			time.Sleep(time.Minute)
			remove(t, w)
		}, "CANCELED"},
		"it is dropped while nobody looks": {few, client.Ref{}, nothing, func(t *testing.T, w *world) {
			w.cut()
			remove(t, w)
			rotate(t, w)
		}, "lost, restarted false"},
		"the server vanishes": {few, client.Ref{}, nothing, func(_ *testing.T, w *world) {
			w.kill()
			time.Sleep(time.Minute)
			w.start()
		}, "lost, restarted true"},
		"the server shuts down": {few, client.Ref{}, nothing, func(_ *testing.T, w *world) { w.stop() }, "CANCELED"},
		"the next task of that name": {few, client.ByName("t"), nothing, func(t *testing.T, w *world) {
			w.cut()
			remove(t, w)
			w.add("t", servertest.Wait)
		}, "CANCELED"},
		"the live one is meant, not one that ended": {few, client.ByName("t"), func(t *testing.T, w *world) {
			remove(t, w)
			w.add("t", servertest.Wait)
			synctest.Wait()
		}, func(*testing.T, *world) { time.Sleep(10 * time.Minute) }, "deadline"},
		"it is stuck": {few, client.ByName("stuck"), nothing, func(t *testing.T, w *world) {
			time.Sleep(time.Minute) // the timeout of the attempt, and the grace
		}, "stuck"},
		"it is stuck already": {few, client.ByName("stuck"), func(*testing.T, *world) { time.Sleep(time.Minute) }, nothing, "stuck"},
		"it lives on":         {few, client.Ref{}, nothing, func(*testing.T, *world) { time.Sleep(10 * time.Minute) }, "deadline"},
		"the server does not come back": {few, client.Ref{}, nothing, func(_ *testing.T, w *world) {
			w.kill()
			time.Sleep(10 * time.Minute)
		}, "deadline"},
		"there is no server": {few, client.Ref{}, func(_ *testing.T, w *world) { w.kill() }, nothing, "Unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, tt.engine)
				release := make(chan struct{})
				t.Cleanup(func() { close(release) })
				w.server.Define("stubborn", func(context.Context) error { <-release; return nil })
				w.add("stuck", "stubborn", func(s *pb.TaskSpec) { s.Timeout = durationpb.New(30 * time.Second) })
				uid := w.add("t", servertest.Wait).GetUid()
				synctest.Wait()
				tt.before(t, w)
				ref := tt.ref
				if ref == (client.Ref{}) {
					ref = client.ByUID(uid)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				defer cancel()
				var got string
				var waiting sync.WaitGroup
				waiting.Go(func() { got = verdict(w.dial().Wait(ctx, ref)) })
				synctest.Wait()
				tt.meanwhile(t, w)
				waiting.Wait()
				if got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			})
		})
	}
}

// verdict writes what Wait returned in a word.
func verdict(task *pb.Task, err error) string {
	lost, isLost := errors.AsType[*client.LostError](err)
	switch {
	case isLost:
		return fmt.Sprintf("lost, restarted %t", lost.Restarted)
	case client.IsStuck(err) && task.GetState() == pb.TaskState_TASK_STATE_STUCK:
		return "stuck"
	case task != nil && err == nil && task.GetState() == pb.TaskState_TASK_STATE_FINISHED:
		return strings.TrimPrefix(task.GetOutcome().String(), "OUTCOME_")
	case client.IsNotFound(err):
		return "not found"
	case errors.Is(err, context.DeadlineExceeded):
		return "deadline"
	}
	return status.Code(err).String()
}

// What Wait returns is what the server has, or else as good.
func TestWaitReturnsTheWholeTask(t *testing.T) {
	for name, retained := range map[string]int{"kept": 10, "not kept": -1} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, supervisor.Config{RetainedTasks: retained})
			added := w.add("t", servertest.Fail, func(s *pb.TaskSpec) {
				s.Restart = &pb.RestartPolicy{MaxRetries: 2}
			})
			got, err := w.dial().Wait(t.Context(), client.ByUID(added.GetUid()))
			if err != nil {
				t.Fatal(err)
			}
			want := proto.CloneOf(added)
			want.State, want.Outcome, want.Attempt, want.FailureStreak = pb.TaskState_TASK_STATE_FINISHED, pb.Outcome_OUTCOME_FAILED, 3, 3
			want.OutcomeReason = "max_retries 2 used up: it failed"
			want.StartTime, want.FinishTime, want.Sequence, want.Slot = got.GetStartTime(), got.GetStartTime(), got.GetSequence(), ""
			want.LastError = &pb.TaskError{Reason: "it failed", ExitCode: proto.Int32(3), Time: got.GetFinishTime()}
			if !proto.Equal(got, want) || got.GetSequence() != w.cursor() {
				t.Errorf("%s: got\n%v\nwant\n%v", name, got, want)
			}
		})
	}
}

// TestWaitRacedAgainstTheEnd waits for tasks that end at once, or within the time that a call takes, while connections break, and asks for the
// outcome of each.
func TestWaitRacedAgainstTheEnd(t *testing.T) {
	w := newWorld(t, supervisor.Config{EventBuffer: 256})
	w.server.Define("fatal", func(context.Context) error { return supervisor.Fatal(errors.New("for good")) })
	w.server.Define("soon", func(context.Context) error {
		time.Sleep(time.Duration(rand.IntN(int(time.Millisecond))))
		return nil
	})
	outcomes := []struct {
		body string
		want pb.Outcome
	}{
		{servertest.Succeed, pb.Outcome_OUTCOME_COMPLETED}, {servertest.Fail, pb.Outcome_OUTCOME_FAILED},
		{servertest.Panic, pb.Outcome_OUTCOME_FAILED}, {"fatal", pb.Outcome_OUTCOME_FATAL},
		{"soon", pb.Outcome_OUTCOME_COMPLETED},
	}
	once := func(s *pb.TaskSpec) { s.Restart = &pb.RestartPolicy{Mode: pb.RestartMode_RESTART_MODE_NEVER} }
	c := w.dial()
	var next, again atomic.Int64
	var racing sync.WaitGroup
	for range 8 {
		racing.Go(func() {
			for n := next.Add(1); n <= int64(*waitRaces) && !t.Failed(); n = next.Add(1) {
				o := outcomes[n%int64(len(outcomes))]
				if n%200 == 100 {
					w.cut()
				}
				added := w.add(fmt.Sprintf("race/%d", n), o.body, once)
				ref := client.ByUID(added.GetUid())
				if n%3 == 0 {
					ref = client.ByName(added.GetName())
				}
				got, err := c.Wait(t.Context(), ref, client.ReconnectDelay(time.Millisecond, time.Second),
					client.OnReconnect(func(client.Reconnect) { again.Add(1) }))
				if err != nil || got.GetUid() != added.GetUid() || got.GetOutcome() != o.want {
					t.Errorf("%s: got %v, %v, want %s", added.GetName(), got, err, o.want)
				}
			}
		})
	}
	racing.Wait()
	t.Logf("%d tasks, %d streams or lists that broke off", *waitRaces, again.Load())
}

func TestGet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, supervisor.Config{})
		c := w.dial()
		var uids []string
		for range 3 {
			uids = append(uids, w.add("t", servertest.Succeed).GetUid())
			synctest.Wait()
		}
		for ref, want := range map[client.Ref]string{
			client.ByName("t"): uids[2], client.ByUID(uids[0]): uids[0], client.ByUID(uids[2]): uids[2],
		} {
			if got, err := c.Get(t.Context(), ref); err != nil || got.GetUid() != want {
				t.Errorf("%s: got %v, %v", ref, got, err)
			}
		}
		live := w.add("t", servertest.Wait).GetUid()
		if got, err := c.Get(t.Context(), client.ByName("t")); err != nil || got.GetUid() != live {
			t.Errorf("got %v, %v, want the live one", got, err)
		}
		for _, name := range []string{"", "*", "other", "t[", "t\\"} {
			if _, err := c.Get(t.Context(), client.ByName(name)); !client.IsNotFound(err) || client.Metadata(err)["name"] != name || status.Code(err) != codes.NotFound {
				t.Errorf("%q: %v", name, err)
			}
		}
		if _, err := c.Get(t.Context(), client.ByUID("no uid")); !client.IsInvalid(err) {
			t.Errorf("a bad uid: %v", err)
		}
	})
}
