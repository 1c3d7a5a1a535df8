package server_test

import (
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata" // zones, also where the machine has none

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/servertest"
)

// specOn is a spec with a schedule.
func specOn(name, body, expr, zone string) *pb.TaskSpec {
	s := servertest.Spec(name, body)
	onSchedule(expr, zone)(s)
	return s
}

// onSchedule gives a task a schedule.
func onSchedule(expr, zone string) func(*pb.TaskSpec) {
	return func(s *pb.TaskSpec) { s.Restart = scheduled(expr, zone) }
}

// wantNext checks that a task waits for a moment.
func wantNext(t *testing.T, task *pb.Task, want time.Time) {
	t.Helper()
	if next := task.GetNextAttemptTime().AsTime(); task.GetState() != pb.TaskState_TASK_STATE_BACKOFF || !next.Equal(want) {
		t.Errorf("%s, next attempt %s, want %s", task.GetState(), next, want)
	}
}

// "The task waits in TASK_STATE_BACKOFF for its first time, and its next one is next_attempt_time": in the answer to AddTask, to one that only
// asks, and in the list.
func TestSchedule(t *testing.T) {
	bubble(t, func(t *testing.T) { // on the 1st of January, 2000, at midnight UTC
		h := newHarness(t)
		first := time.Date(2000, 1, 1, 1, 30, 0, 0, time.UTC)
		spec := specOn("nightly", servertest.Succeed, "30 2 * * *", "Europe/Berlin")
		for _, validateOnly := range []bool{true, false} {
			answer, err := h.Tasks.AddTask(t.Context(), &pb.AddTaskRequest{Task: spec, ValidateOnly: validateOnly})
			if err != nil {
				t.Fatal(err)
			}
			wantNext(t, answer.GetTask(), first)
		}
		probe(t, h, "task/nightly").sees(serving, 0)
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		task := list(t, h, &pb.ListTasksRequest{}).GetTasks()[0]
		wantNext(t, task, first.Add(24*time.Hour))
		if task.GetAttempt() != 1 || !task.GetStartTime().AsTime().Equal(first) {
			t.Errorf("attempt %d, started %s", task.GetAttempt(), task.GetStartTime().AsTime())
		}
		probe(t, h, "task/nightly").sees(serving, 0)
		backoffs := &pb.EventFilter{Kinds: []pb.EventKind{pb.EventKind_EVENT_KIND_BACKOFF_SCHEDULED}}
		f := watch(t, h, &pb.WatchEventsRequest{Filter: backoffs, Start: pb.WatchStart_WATCH_START_OLDEST})
		f.until(func(*pb.WatchEventsResponse) bool { return len(f.events()) >= 2 })
		waits := f.events()
		if len(waits) != 2 || waits[0].GetAttempt() != 0 || waits[0].GetDelay().AsDuration() != 90*time.Minute || waits[1].GetAttempt() != 1 ||
			waits[0].GetBackoffSource() != pb.BackoffSource_BACKOFF_SOURCE_SCHEDULE || waits[1].GetBackoffSource() != waits[0].GetBackoffSource() {
			t.Errorf("%v", waits)
		}
	})
}

// A run that fails for good is no end of the task; until one succeeds, its health says so.
func TestScheduleWithFailures(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		h.Add("hourly", servertest.Fail, onSchedule("@hourly", ""), func(s *pb.TaskSpec) { s.Restart.MaxRetries = 2 })
		time.Sleep(90 * time.Minute)
		synctest.Wait()
		task := list(t, h, &pb.ListTasksRequest{}).GetTasks()[0]
		wantNext(t, task, time.Date(2000, 1, 1, 2, 0, 0, 0, time.UTC))
		if task.GetAttempt() != 3 || task.GetFailureStreak() != 3 {
			t.Errorf("%d attempts, %d failures in a row", task.GetAttempt(), task.GetFailureStreak())
		}
		probe(t, h, "task/hourly").sees(notServing, 0)
	})
}

// IF_EXISTS_KEEP compares schedules as they are written.
func TestScheduleKept(t *testing.T) {
	h := newHarness(t)
	h.Add("t", servertest.Wait, onSchedule("0 0 * * *", ""))
	again := specOn("t", servertest.Wait, "0 0 * * *", "")
	if _, err := h.Tasks.AddTask(t.Context(), &pb.AddTaskRequest{Task: again, IfExists: keepIt}); err != nil {
		t.Error(err)
	}
	other := specOn("t", servertest.Wait, "@daily", "Europe/Berlin")
	_, err := h.Tasks.AddTask(t.Context(), &pb.AddTaskRequest{Task: other, IfExists: keepIt})
	if differ := refusalOf(t, err).metadata["differing_fields"]; differ != "task.restart.schedule,task.restart.time_zone" {
		t.Errorf("%v; it differs in %q", err, differ)
	}
}
