package server_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/server/servertest"
	"github.com/taskvisor/taskvisor/supervisor"
)

// patient is for tests with much to read in real time: no reader may lose its connection because the machine is slow.
var patient = server.Config{Logger: quiet, DrainTimeout: time.Hour}

// snapshot is what a stream told, or what a list had, of the tasks at its beginning.
type snapshot struct {
	tasks []*pb.Task
	begin uint64 // sequence of the cursor: all up to here had happened
	end   uint64 // of an event that had not happened before the last task was read
}

// snapshot reads up to snapshot_complete, and checks which fields the messages have on the way.
func (f *follower) snapshot(h *servertest.Harness) (s snapshot) {
	f.t.Helper()
	for {
		msg := f.next()
		s.tasks = append(s.tasks, msg.GetTasks()...)
		if len(msg.GetEvents()) > 0 || msg.GetGap() != nil {
			f.t.Errorf("an event or a gap inside of the snapshot: %v", msg)
		}
		if msg.GetSnapshotComplete() != (msg.GetCursor() != nil) || !msg.GetSnapshotComplete() && len(msg.GetTasks()) == 0 {
			f.t.Errorf("a message of the snapshot: %v", msg)
		}
		if msg.GetSnapshotComplete() {
			s.begin, s.end = msg.GetCursor().GetSequence(), h.Supervisor.Cursor().Sequence
			return s
		}
	}
}

// history is all events of a supervisor that has shut down.
type history struct {
	events []supervisor.Event
	ofTask map[string][]*supervisor.Event // by uid
}

func historyOf(t testing.TB, h *servertest.Harness) (all history) {
	t.Helper()
	reader, err := h.Supervisor.Read(supervisor.Cursor{Epoch: h.Supervisor.Cursor().Epoch})
	if err != nil {
		t.Fatal(err)
	}
	for buf := make([]supervisor.Event, 100); err == nil; {
		var n int
		var gap supervisor.Gap
		n, gap, err = reader.Next(t.Context(), buf)
		if !gap.IsZero() {
			t.Fatalf("the log is too short for the test: %v", gap)
		}
		all.events = append(all.events, buf[:n]...)
	}
	if !errors.Is(err, supervisor.ErrClosed) {
		t.Fatal(err)
	}
	all.ofTask = map[string][]*supervisor.Event{}
	for i := range all.events {
		e := &all.events[i]
		all.ofTask[e.UID.String()] = append(all.ofTask[e.UID.String()], e)
	}
	return all
}

// wantShown checks that the tasks of the snapshot were, each at its sequence, as they are shown; that nothing happened to them between that and
// the events that follow; and that none is missing that was live all the time.
func (all *history) wantShown(t testing.TB, s snapshot, match func(*supervisor.Event) bool) {
	t.Helper()
	shown := map[string]bool{}
	for _, task := range s.tasks {
		life := all.ofTask[task.GetUid()]
		if shown[task.GetUid()] || len(life) == 0 || !match(life[0]) {
			t.Errorf("%v is shown twice, or was not to be", task)
		}
		shown[task.GetUid()] = true
		wantTask(t, task, life)
		for _, e := range life {
			if e.Sequence > task.GetSequence() && e.Sequence <= s.begin {
				t.Errorf("%v is shown, and events come after %d: nobody is told of %v", task, s.begin, e)
			}
		}
	}
	for uid, life := range all.ofTask {
		added, last := life[min(1, len(life)-1)], life[len(life)-1]
		if live := added.Kind == supervisor.TaskAdded && added.Sequence <= s.begin && last.Sequence > s.end; live && match(added) && !shown[uid] {
			t.Errorf("%s was live from %d to %d and is not shown", uid, s.begin, s.end)
		}
	}
}

// wantTask checks a task against the events of its life, up to its sequence.
func wantTask(t testing.TB, task *pb.Task, life []*supervisor.Event) {
	t.Helper()
	var state pb.TaskState
	var attempt, last uint64
	for _, e := range life {
		if e.Sequence > task.GetSequence() {
			break
		}
		last = e.Sequence
		if next, ok := stateAfter[e.Kind]; ok {
			state = next
		}
		if e.Kind == supervisor.TaskStarting {
			attempt = e.Attempt
		}
	}
	if last != task.GetSequence() || state != task.GetState() || attempt != task.GetAttempt() {
		t.Errorf("%v is shown; after %d its state was %v, its attempt %d", task, last, state, attempt)
	}
}

// stateAfter is the state of a task after an event, where the event changes it and nothing else does: no limit on running attempts.
var stateAfter = map[supervisor.Kind]pb.TaskState{
	supervisor.TaskAdded:           pb.TaskState_TASK_STATE_WAITING,
	supervisor.TaskStarting:        pb.TaskState_TASK_STATE_RUNNING,
	supervisor.BackoffScheduled:    pb.TaskState_TASK_STATE_BACKOFF,
	supervisor.TaskRemoveRequested: pb.TaskState_TASK_STATE_STOPPING,
	supervisor.TaskRemoved:         pb.TaskState_TASK_STATE_FINISHED,
}

// wantExact checks that the stream has delivered each event after the snapshot that the filter selects and the snapshot does not show, once,
// and nothing else.
func (all *history) wantExact(t testing.TB, f *follower, s snapshot, match func(*supervisor.Event) bool) {
	t.Helper()
	shown := map[supervisor.UID]uint64{}
	for _, task := range s.tasks {
		shown[must(supervisor.ParseUID(task.GetUid()))] = task.GetSequence()
	}
	got := f.events()
	for i := range all.events {
		e := &all.events[i]
		if e.Sequence <= s.begin || e.Sequence <= shown[e.UID] || !match(e) {
			continue
		}
		if len(got) == 0 || got[0].GetSequence() != e.Sequence {
			t.Errorf("after %d, event %v is missing; instead came %v", s.begin, e, got[:min(1, len(got))])
			return
		}
		got = got[1:]
	}
	if len(got) > 0 {
		t.Errorf("after %d, event %v is one too many", s.begin, got[0])
	}
}

func selectAll(*supervisor.Event) bool { return true }

func TestSnapshotOfNoTasks(t *testing.T) {
	h := newHarness(t)
	f := watch(t, h, &pb.WatchEventsRequest{Start: startSnapshot})
	if s := f.snapshot(h); len(f.messages) != 1 || s.begin != 0 {
		t.Errorf("messages %v", f.messages)
	}
}

// "With the matching live tasks, then snapshot_complete, then the events that those do not include": the tasks are those of ListTasks.
func TestSnapshotIsWhatListTasksHas(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		waitFor(t, h, h.Add("over", servertest.Succeed))
		for _, name := range []string{"b", "a", "a/b"} {
			h.Add(name, servertest.Wait, func(s *pb.TaskSpec) { s.Labels = map[string]string{"k": "v"} })
		}
		h.Add("failing", servertest.Fail)
		synctest.Wait()
		want := list(t, h, &pb.ListTasksRequest{})
		f := watch(t, h, &pb.WatchEventsRequest{Start: startSnapshot})
		s := f.snapshot(h)
		if !slices.EqualFunc(s.tasks, want.GetTasks(), func(a, b *pb.Task) bool { return proto.Equal(a, b) }) {
			t.Errorf("got %v, want %v", s.tasks, want.GetTasks())
		}
		if s.begin != want.GetCursor().GetSequence() {
			t.Errorf("cursor at %d, want %v", s.begin, want.GetCursor())
		}
		if _, err := h.Tasks.RemoveTask(t.Context(), &pb.RemoveTaskRequest{Name: "b"}); err != nil {
			t.Error(err)
		}
		f.sees(pb.EventKind_EVENT_KIND_TASK_REMOVED)
		if want := []string{"TASK_REMOVE_REQUESTED", "TASK_STOPPED", "TASK_REMOVED"}; !slices.Equal(f.kinds(), want) {
			t.Errorf("after the snapshot %q, want %q", f.kinds(), want)
		}
	})
}

// "Filter that selects the events and, with WATCH_START_SNAPSHOT, the tasks by its names, label_selector and uids": not by kinds.
func TestSnapshotFilters(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		uids := map[string]string{}
		for _, name := range []string{"a/1", "a/2", "b"} {
			uids[name] = h.Add(name, servertest.Wait).GetUid()
		}
		synctest.Wait()
		for name, test := range map[string]struct {
			filter *pb.EventFilter
			want   []string
		}{
			"names":          {&pb.EventFilter{Names: []string{"a/*"}}, []string{"a/1", "a/2"}},
			"uids":           {&pb.EventFilter{Uids: []string{uids["a/2"], uids["b"]}}, []string{"a/2", "b"}},
			"names and uids": {&pb.EventFilter{Names: []string{"a/*"}, Uids: []string{uids["a/2"], uids["b"]}}, []string{"a/2"}},
			"kinds":          {&pb.EventFilter{Kinds: []pb.EventKind{pb.EventKind_EVENT_KIND_TASK_FAILED}}, []string{"a/1", "a/2", "b"}},
			"nothing":        {&pb.EventFilter{Names: []string{"c"}}, []string{}},
		} {
			f := watch(t, h, &pb.WatchEventsRequest{Start: startSnapshot, Filter: test.filter})
			if s := f.snapshot(h); !slices.Equal(taskNames(s.tasks), test.want) {
				t.Errorf("%s: %q, want %q", name, taskNames(s.tasks), test.want)
			}
		}
	})
}

// Tasks that are added, removed and restarted between two pages of a snapshot: those on pages that were read already come as events, those
// on later pages as part of the snapshot, and nothing comes as both.
func TestSnapshotOfTasksThatChangeMeanwhile(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := newGate()
		h := newHarness(t, servertest.WithGRPC(grpc.ChainStreamInterceptor(g.intercept)))
		add := func(name, body string) {
			if _, err := h.Server.AddTask(t.Context(), &pb.AddTaskRequest{Task: servertest.Spec(name, body)}); err != nil {
				t.Fatal(err)
			}
		}
		remove := func(name string) {
			if _, err := h.Server.RemoveTask(t.Context(), &pb.RemoveTaskRequest{Name: name}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 1100 { // more than two pages
			add(fmt.Sprintf("t%04d", i), servertest.Wait)
		}
		synctest.Wait()
		g.shut()
		f := watch(t, h, &pb.WatchEventsRequest{Start: startSnapshot})
		synctest.Wait() // it has read the first page
		early, late := "t0100", "t0900"
		for _, name := range []string{early, late} {
			add(name+"-new", servertest.Wait)
			add(name+"-short", servertest.Succeed)
			add(name+"-failing", servertest.Fail)
			remove(name)
			add(name, servertest.Wait) // another life of the name
			synctest.Wait()
		}
		remove("t0101")
		remove("t0901")
		g.open()
		s := f.snapshot(h)
		h.Add("t9999", servertest.Succeed)
		time.Sleep(time.Second)
		go func() {
			if err := h.Server.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		}()
		wantRefusal(t, f.end(), codes.Unavailable, "SERVER_SHUTDOWN")
		all := historyOf(t, h)
		all.wantShown(t, s, selectAll)
		all.wantExact(t, f, s, selectAll)
		names := taskNames(s.tasks)
		for name, want := range map[string]bool{
			early + "-new": false, early + "-failing": false, "t0101": true,
			late + "-new": true, late + "-short": false, late + "-failing": true, "t0901": false, late: true,
		} {
			if slices.Contains(names, name) != want {
				t.Errorf("%s is in the snapshot: %t", name, !want)
			}
		}
	})
}

// A snapshot is sent in messages that fit into a frame, as long as each of its tasks does.
func TestSnapshotMessagesFitIntoAFrame(t *testing.T) {
	h := newHarness(t)
	large := strings.Repeat("x", 40<<10)
	h.Define(large, func(ctx context.Context) error { <-ctx.Done(); return nil })
	for i := range 300 {
		h.Add(fmt.Sprint("t", i), servertest.Wait)
	}
	h.Add("t150-large", large)
	f := watch(t, h, &pb.WatchEventsRequest{Start: startSnapshot})
	if s := f.snapshot(h); len(s.tasks) != 301 {
		t.Errorf("%d tasks", len(s.tasks))
	}
	if len(f.messages) > 10 {
		t.Errorf("%d messages", len(f.messages))
	}
	for _, msg := range f.messages {
		if size := proto.Size(msg); size > 16<<10-5 && len(msg.GetTasks()) > 1 {
			t.Errorf("a message of %d bytes with %d tasks", size, len(msg.GetTasks()))
		}
	}
}

// What the log dropped while the snapshot was sent is a gap like any other, right after it.
func TestSnapshotThenAGap(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := newGate()
		h := newHarness(t, servertest.WithEngine(supervisor.Config{EventBuffer: 4}), servertest.WithGRPC(grpc.ChainStreamInterceptor(g.intercept)))
		h.Add("a", servertest.Wait)
		synctest.Wait()
		g.shut()
		f := watch(t, h, &pb.WatchEventsRequest{Start: startSnapshot})
		synctest.Wait()
		for _, name := range []string{"b", "c", "d"} {
			if _, err := h.Server.AddTask(t.Context(), &pb.AddTaskRequest{Task: servertest.Spec(name, servertest.Wait)}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		end := h.Supervisor.Cursor().Sequence
		g.open()
		s := f.snapshot(h)
		msg := f.next()
		if msg.GetGap().GetFirst() != s.begin+1 || msg.GetGap().GetLast() != end-4 || len(msg.GetEvents()) != 4 {
			t.Errorf("after %d came %v", s.begin, msg)
		}
	})
}

// churn adds and removes tasks from several goroutines at once, some over the wire: lives that succeed, fail, panic, retry and are removed, under
// names that are used again and again.
func churn(t *testing.T, h *servertest.Harness) {
	const workers, rounds = 4, 24
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			for i := range rounds {
				name := fmt.Sprintf("w%d-%d", worker, i%5)
				body := []string{servertest.Wait, servertest.Succeed, servertest.Fail, servertest.Panic}[i%4]
				spec := servertest.Spec(name, body)
				if body == servertest.Panic {
					spec.Restart = never()
				}
				if err := addAndRemove(t.Context(), h, spec, worker%2 == 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// addBusy adds tasks that stay, and never rest.
func addBusy(h *servertest.Harness) {
	for i := range 3 {
		h.Add(fmt.Sprint("busy-", i), servertest.Succeed, func(s *pb.TaskSpec) { s.Restart = always(seconds(0.0002)) })
	}
}

func addAndRemove(ctx context.Context, h *servertest.Harness, spec *pb.TaskSpec, direct bool) error {
	add := func(req *pb.AddTaskRequest) (*pb.AddTaskResponse, error) { return h.Tasks.AddTask(ctx, req) }
	remove := func(req *pb.RemoveTaskRequest) (*pb.RemoveTaskResponse, error) { return h.Tasks.RemoveTask(ctx, req) }
	if direct {
		add = func(req *pb.AddTaskRequest) (*pb.AddTaskResponse, error) { return h.Server.AddTask(ctx, req) }
		remove = func(req *pb.RemoveTaskRequest) (*pb.RemoveTaskResponse, error) { return h.Server.RemoveTask(ctx, req) }
	}
	resp, err := add(&pb.AddTaskRequest{Task: spec})
	if err != nil {
		return err
	}
	_, err = remove(&pb.RemoveTaskRequest{Uid: resp.GetTask().GetUid()})
	return err
}

// "No event is missed or doubled" under a storm of adds and removes, whenever a stream begins and whatever its filter.
func TestSnapshotThenFollowIsExactInAStorm(t *testing.T) {
	h := newHarness(t, servertest.WithServer(patient), servertest.WithEngine(supervisor.Config{EventBuffer: 1 << 18}))
	var stay []string
	for i := range 20 {
		stay = append(stay, h.Add(fmt.Sprint("stay-", i), servertest.Wait).GetUid())
	}
	type stream struct {
		*follower
		snapshot
		kind int
	}
	filters := []*pb.EventFilter{
		nil, {Names: []string{"w1-*", "stay-1?"}}, {Kinds: []pb.EventKind{pb.EventKind_EVENT_KIND_TASK_REMOVED}}, {Uids: stay[:5]},
	}
	matches := []func(*supervisor.Event) bool{
		selectAll,
		func(e *supervisor.Event) bool {
			return strings.HasPrefix(e.Task, "w1-") || strings.HasPrefix(e.Task, "stay-1") && len(e.Task) == len("stay-1x")
		},
		func(e *supervisor.Event) bool { return e.Kind == supervisor.TaskRemoved },
		func(e *supervisor.Event) bool { return slices.Contains(stay[:5], e.UID.String()) },
	}
	var storm, reading sync.WaitGroup
	addBusy(h)
	storm.Go(func() { churn(t, h) })
	var streams []stream
	for i := range 16 {
		kind := i % len(filters)
		f := watch(t, h, &pb.WatchEventsRequest{Start: startSnapshot, Filter: filters[kind]})
		streams = append(streams, stream{f, f.snapshot(h), kind})
		reading.Go(func() { f.err = f.end() })
	}
	storm.Wait()
	if err := h.Server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	reading.Wait()
	all := historyOf(t, h)
	for _, s := range streams {
		wantRefusal(t, s.err, codes.Unavailable, "SERVER_SHUTDOWN")
		if s.kind != 2 { // kinds do not select tasks
			all.wantShown(t, s.snapshot, matches[s.kind])
		} else {
			all.wantShown(t, s.snapshot, selectAll)
		}
		all.wantExact(t, s.follower, s.snapshot, matches[s.kind])
	}
}

// "List-then-watch has no gap": a stream that resumes from the cursor of a list, read page by page in a storm, delivers all that the list may not
// have, and for each task the events after its sequence.
func TestListThenWatchIsExactInAStorm(t *testing.T) {
	h := newHarness(t, servertest.WithServer(patient), servertest.WithEngine(supervisor.Config{EventBuffer: 1 << 18}))
	for i := range 20 {
		h.Add(fmt.Sprint("stay-", i), servertest.Wait)
	}
	var storm, reading sync.WaitGroup
	addBusy(h)
	storm.Go(func() { churn(t, h) })
	var lists []snapshot
	var followers []*follower
	for i := range 24 {
		var s snapshot
		var cursor *pb.Cursor
		for req := (&pb.ListTasksRequest{PageSize: []int32{7, 1000}[i%2]}); ; {
			resp := list(t, h, req)
			s.tasks, cursor = append(s.tasks, resp.GetTasks()...), resp.GetCursor()
			if req.PageToken = resp.GetNextPageToken(); req.PageToken == "" {
				break
			}
		}
		s.begin, s.end = cursor.GetSequence(), h.Supervisor.Cursor().Sequence
		f := watch(t, h, &pb.WatchEventsRequest{Resume: cursor})
		lists, followers = append(lists, s), append(followers, f)
		reading.Go(func() { f.err = f.end() })
	}
	storm.Wait()
	if err := h.Server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	reading.Wait()
	all := historyOf(t, h)
	for i, s := range lists {
		all.wantShown(t, s, selectAll)
		all.wantExact(t, followers[i], snapshot{begin: s.begin}, selectAll)
	}
}

// A line that a task writes while the snapshot is taken is no part of the task as it is shown, so it is delivered, whatever the task does next.
func TestSnapshotDoesNotHideOutput(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := newGate()
		h := newHarness(t, servertest.WithGRPC(grpc.ChainStreamInterceptor(g.intercept)))
		speak := make(chan struct{})
		h.Define("speaks", func(ctx context.Context) error {
			<-speak
			supervisor.OutputLine(ctx, supervisor.Stdout, "hello")
			return errors.New("then fails")
		})
		for i := range 600 { // more than a page
			h.Add(fmt.Sprintf("t%04d", i), servertest.Wait)
		}
		h.Add("z", "speaks", func(s *pb.TaskSpec) { s.CaptureOutput = true })
		synctest.Wait()
		g.shut()
		f := watch(t, h, &pb.WatchEventsRequest{Start: startSnapshot})
		synctest.Wait() // it has read the first page, and its cursor is before what follows
		close(speak)
		synctest.Wait()
		g.open()
		f.until(func(msg *pb.WatchEventsResponse) bool { return len(msg.GetEvents()) > 0 })
		if events := f.events(); len(events) != 1 || events[0].GetLine() != "hello" {
			t.Errorf("got %v", events)
		}
	})
}
