//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// add makes a call of AddTask and judges it. Without an answer the task is nil and it is not certain what has happened.
func (a *chaosCaller) add(ctx context.Context, r *pb.AddTaskRequest, allowed ...string) (task *pb.Task, answered bool) {
	mark, begin := a.chaos.limited.mark(), time.Now()
	err := a.call(ctx, func(ctx context.Context) error {
		response, err := a.tasks.AddTask(ctx, r)
		task = response.GetTask()
		return err
	})
	if err == nil && r.GetIfExists() != pb.IfExists_IF_EXISTS_REPLACE { // that waits for the end of another task
		a.chaos.times.add(time.Since(begin), a.chaos.limited.since(mark))
	}
	if answered = a.judge(r, err, allowed...); err == nil && !r.GetValidateOnly() {
		a.counts.adds++
	}
	return task, answered
}

const maxOwned = 8

// freshName returns a name that was never used.
func (a *chaosCaller) freshName() string {
	a.serial++
	return fmt.Sprintf("c%d-%d", a.number, a.serial)
}

func (a *chaosCaller) addNew(ctx context.Context) {
	if len(a.owned) >= maxOwned {
		a.removeOwn(ctx)
		return
	}
	name := a.freshName()
	own := &ownedTask{lasting: a.random.IntN(3) > 0}
	own.request = &pb.AddTaskRequest{Task: passingSpec(a.random, name), IfExists: pb.IfExists(a.random.IntN(4))}
	if own.lasting {
		own.request.Task = lastingSpec(a.random, name)
	}
	if a.random.IntN(3) == 0 {
		own.request.RequestId = "id-of-" + name
	}
	if a.random.IntN(8) == 0 {
		own.request.ValidateOnly = true
		if task, _ := a.add(ctx, own.request, "OK", "TASK_LIMIT"); task.GetUid() != "" {
			a.t.Errorf("validate_only has added %v", task)
		}
		return
	}
	a.learn(name, own)(a.add(ctx, own.request, "OK", "TASK_LIMIT"))
}

// learn notes what came of the attempt to add a task.
func (a *chaosCaller) learn(name string, own *ownedTask) func(task *pb.Task, answered bool) {
	return func(task *pb.Task, answered bool) {
		own.uid, own.unsure = task.GetUid(), !answered
		if task != nil || !answered {
			a.owned[name] = own
		}
	}
}

// pick returns one of the tasks that are there for sure, or any; nil when there is none.
func (a *chaosCaller) pick(sure bool) (name string, own *ownedTask) {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(a.owned)) {
		if own := a.owned[name]; !sure || own.lasting && !own.unsure {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "", nil
	}
	name = names[a.random.IntN(len(names))]
	return name, a.owned[name]
}

// addAgain adds a task that is there already, in all the ways there are.
func (a *chaosCaller) addAgain(ctx context.Context) {
	name, own := a.pick(true)
	if own == nil {
		return
	}
	same := proto.CloneOf(own.request)
	same.RequestId, same.IfExists = "", pb.IfExists_IF_EXISTS_KEEP
	other := proto.CloneOf(same)
	other.Task.Labels["changed"] = fmt.Sprint(a.random.Uint32())
	switch a.random.IntN(5) {
	case 0:
		a.expectSame(own)(a.add(ctx, same, "OK"))
	case 1:
		a.add(ctx, other, "TASK_EXISTS")
	case 2:
		same.IfExists = pb.IfExists_IF_EXISTS_FAIL
		a.add(ctx, same, "TASK_EXISTS")
	case 3:
		a.replace(ctx, name, own, other)
	default:
		if own.request.GetRequestId() == "" {
			return
		}
		a.expectSame(own)(a.add(ctx, own.request, "OK"))
		other.RequestId = own.request.GetRequestId()
		a.add(ctx, other, "REQUEST_ID_REUSED")
	}
}

func (a *chaosCaller) expectSame(own *ownedTask) func(task *pb.Task, answered bool) {
	return func(task *pb.Task, answered bool) {
		if answered && task.GetUid() != own.uid {
			a.t.Errorf("caller %d: the same request was answered with %v, and not with the task %s", a.number, task, own.uid)
		}
	}
}

func (a *chaosCaller) replace(ctx context.Context, name string, own *ownedTask, by *pb.AddTaskRequest) {
	by.IfExists = pb.IfExists_IF_EXISTS_REPLACE
	task, answered := a.add(ctx, by, "OK")
	if answered && (task.GetUid() == own.uid || task.GetGeneration() < 2) {
		a.t.Errorf("caller %d: what replaces the task %s is %v", a.number, own.uid, task)
	}
	a.learn(name, &ownedTask{request: by, lasting: true})(task, answered)
}

func (a *chaosCaller) addInvalid(ctx context.Context) {
	r := &pb.AddTaskRequest{Task: lastingSpec(a.random, a.freshName())}
	a.add(ctx, r, breakSpec(a.random, r))
}

func (a *chaosCaller) addForbidden(ctx context.Context) {
	a.add(ctx, &pb.AddTaskRequest{Task: lastingSpec(a.random, a.freshName())}, "ROLE_REQUIRED")
}

// addCut loses the connection somewhere in a call, and repeats the request until there is an answer.
func (a *chaosCaller) addCut(ctx context.Context) {
	if len(a.owned) >= maxOwned {
		a.removeOwn(ctx)
		return
	}
	name := a.freshName()
	own := &ownedTask{lasting: true, request: &pb.AddTaskRequest{Task: lastingSpec(a.random, name), RequestId: "cut-" + name}}
	a.cut = true
	cut := time.AfterFunc(time.Duration(a.random.IntN(5000))*time.Microsecond, a.wires.breakOff)
	defer cut.Stop()
	for {
		task, answered := a.add(ctx, own.request, "OK", "TASK_LIMIT")
		a.learn(name, own)(task, answered)
		a.cut = true // it may be cut still
		if answered || ctx.Err() != nil {
			return
		}
	}
}

// removeOwn removes a task that is its own.
func (a *chaosCaller) removeOwn(ctx context.Context) {
	name, own := a.pick(false)
	if own == nil {
		return
	}
	r, allowed := &pb.RemoveTaskRequest{Name: name}, []string{"OK"}
	switch {
	case own.unsure:
		r.AllowMissing = true
		allowed = []string{"OK", "TASK_STUCK"}
	case a.random.IntN(2) == 0:
		r = &pb.RemoveTaskRequest{Uid: own.uid}
	}
	if !own.lasting {
		allowed = []string{"OK", "TASK_NOT_FOUND", "TASK_STUCK"}
		r.GracePeriod = durationpb.New(time.Duration(1+a.random.IntN(300)) * time.Millisecond)
	}
	var removed *pb.Task
	err := a.call(ctx, func(ctx context.Context) error {
		response, err := a.tasks.RemoveTask(ctx, r)
		removed = response.GetTask()
		return err
	})
	if !a.judge(r, err, allowed...) || reasonOf(err) == "TASK_STUCK" {
		own.unsure = true
		return
	}
	a.forget(name, own, removed)
}

// forget notes that a task is gone.
func (a *chaosCaller) forget(name string, own *ownedTask, removed *pb.Task) {
	delete(a.owned, name)
	if own.unsure { // what was asked for before the connection broke may still happen
		return
	}
	if own.lasting && (removed.GetUid() != own.uid || removed.GetOutcome() != pb.Outcome_OUTCOME_CANCELED) {
		a.t.Errorf("caller %d: the removal of the task %s is answered with %v", a.number, own.uid, removed)
	}
	const remembered = 1000
	if len(a.past) < remembered {
		a.past[name] = true
	}
}

func (a *chaosCaller) removeUnknown(ctx context.Context) {
	for _, test := range []struct {
		request *pb.RemoveTaskRequest
		reason  string
	}{
		{&pb.RemoveTaskRequest{Name: a.freshName()}, "TASK_NOT_FOUND"},
		{&pb.RemoveTaskRequest{Uid: "01890a5d-ac96-774b-bcce-b302099a8057"}, "TASK_NOT_FOUND"},
		{&pb.RemoveTaskRequest{Name: a.freshName(), AllowMissing: true}, "OK"},
		{&pb.RemoveTaskRequest{}, "INVALID_FIELD"},
		{&pb.RemoveTaskRequest{Name: "a", Uid: "b"}, "INVALID_FIELD"},
		{&pb.RemoveTaskRequest{Name: "a", GracePeriod: durationpb.New(-time.Second)}, "INVALID_FIELD"},
	} {
		err := a.call(ctx, func(ctx context.Context) error {
			_, err := a.tasks.RemoveTask(ctx, test.request)
			return err
		})
		a.judge(test.request, err, test.reason)
	}
}

// contend fights with all others for a few names and slots.
func (a *chaosCaller) contend(ctx context.Context) {
	name := fmt.Sprintf("shared-%d", a.random.IntN(20))
	if a.random.IntN(3) == 0 {
		r := &pb.RemoveTaskRequest{Name: name, AllowMissing: true}
		a.judge(r, a.call(ctx, func(ctx context.Context) error {
			_, err := a.tasks.RemoveTask(ctx, r)
			return err
		}), "OK", "TASK_STUCK")
		return
	}
	r := &pb.AddTaskRequest{Task: passingSpec(a.random, name), IfExists: pb.IfExists(a.random.IntN(4))}
	r.Task.Admission = &pb.Admission{Slot: fmt.Sprintf("slot-%d", a.random.IntN(5)), Policy: pb.AdmissionPolicy(a.random.IntN(4))}
	a.add(ctx, r, "OK", "TASK_EXISTS", "SLOT_BUSY", "QUEUE_FULL", "SUPERSEDED", "TASK_LIMIT", "TASK_STUCK")
}

// list lists its own tasks, and compares.
func (a *chaosCaller) list(ctx context.Context) {
	r := &pb.ListTasksRequest{PageSize: int32(1 + a.random.IntN(5)), Filter: &pb.TaskFilter{
		Names: []string{fmt.Sprintf("c%d-*", a.number)}, LabelSelector: "chaos in (yes,no), !unknown",
	}}
	listed := map[string]*pb.Task{}
	for last := ""; ; {
		var page *pb.ListTasksResponse
		err := a.call(ctx, func(ctx context.Context) (err error) {
			page, err = a.tasks.ListTasks(ctx, r)
			return err
		})
		if !a.judge(r, err, "OK") || err != nil {
			return
		}
		for _, task := range page.GetTasks() {
			if task.GetName() <= last {
				a.t.Errorf("caller %d: %q is listed after %q", a.number, task.GetName(), last)
			}
			last = task.GetName()
			listed[last] = task
		}
		if r.PageToken = page.GetNextPageToken(); r.PageToken == "" {
			break
		}
	}
	for _, problem := range a.compare(listed) {
		a.t.Error("listed while it runs: ", problem)
	}
}

func (a *chaosCaller) listInvalid(ctx context.Context) {
	for _, r := range []*pb.ListTasksRequest{
		{PageSize: -1}, {PageSize: 1001}, {PageToken: "a page token"}, {Filter: &pb.TaskFilter{LabelSelector: "a in (b"}},
		{Filter: &pb.TaskFilter{Names: []string{"["}}}, {Filter: &pb.TaskFilter{States: []pb.TaskState{99}}}, {Filter: &pb.TaskFilter{Uids: []string{"x"}}},
	} {
		a.judge(r, a.call(ctx, func(ctx context.Context) error {
			_, err := a.tasks.ListTasks(ctx, r)
			return err
		}), "INVALID_FIELD")
	}
}

// loseSilently lets the connection go silent, with a stream on it that nobody reads and a call that does not arrive, and goes on with another
// connection.
func (a *chaosCaller) loseSilently(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if stream, err := a.tasks.WatchEvents(ctx, &pb.WatchEventsRequest{Start: pb.WatchStart_WATCH_START_OLDEST}); err == nil {
		_, _ = stream.Header() // if there is none, there is no stream to be lost
	}
	a.wires.silence()
	short, cancelShort := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancelShort()
	if _, err := a.tasks.RemoveTask(short, &pb.RemoveTaskRequest{Name: a.freshName()}); reasonOf(err) != "" {
		a.t.Errorf("caller %d: a call that was lost has an answer: %v", a.number, err)
	}
	a.counts.silent++
	a.conn.Close()
	a.dial()
}
