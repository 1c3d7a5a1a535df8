package client_test

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

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/servertest"
	"github.com/taskvisor/taskvisor/supervisor"
)

// following is a loop over Follow that goes on in the background, in a bubble.
type following struct {
	gate chan struct{} // holds the loop up when it is not nil

	mu    sync.Mutex // guards what is below
	view  *client.View
	told  []string
	kinds map[client.ChangeKind]int
	wrong []string
	err   error

	// What was seen of the log, for the check that nothing is missing without being told.
	sequence, shown uint64
}

func follow(ctx context.Context, c *client.Client, filter *pb.EventFilter, opts ...client.WatchOption) *following {
	f := &following{kinds: map[client.ChangeKind]int{}}
	go func() {
		for change, err := range c.Follow(ctx, filter, opts...) {
			f.take(change, err, filter == nil)
		}
	}()
	return f
}

func (f *following) take(c client.Change, err error, all bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.err = err
		return
	}
	f.view = c.View
	f.kinds[c.Kind]++
	f.told = append(f.told, briefChange(c))
	f.check(c, all)
	if gate := f.gate; gate != nil {
		f.mu.Unlock()
		<-gate
		f.mu.Lock()
	}
}

// check notes an event that came twice, or one that is missing although nothing was told of it. After a snapshot, the events that its tasks show
// do not come.
func (f *following) check(c client.Change, all bool) {
	switch c.Kind {
	case client.ChangeEpoch:
		f.sequence, f.shown = 0, 0
	case client.ChangeGap:
		f.sequence = c.Gap.GetLast()
	case client.ChangeSynced:
		f.sequence, f.shown = c.Cursor().GetSequence(), 0
		for _, task := range c.View.Tasks() {
			f.shown = max(f.shown, task.GetSequence())
		}
	case client.ChangeEvent:
		n := c.Event.GetSequence()
		if n <= f.sequence || all && n > max(f.sequence, f.shown)+1 {
			f.wrong = append(f.wrong, fmt.Sprintf("event %d came after %d", n, f.sequence))
		}
		f.sequence = n
	}
}

func briefChange(c client.Change) string {
	state := func(t *pb.Task) string { return strings.TrimPrefix(t.GetState().String(), "TASK_STATE_") }
	switch c.Kind {
	case client.ChangeSynced:
		return fmt.Sprintf("synced %d", c.View.Len())
	case client.ChangeEvent:
		kind := strings.TrimPrefix(c.Event.GetKind().String(), "EVENT_KIND_")
		if c.Before == nil && c.After == nil {
			return kind
		}
		return fmt.Sprintf("%s %s→%s", kind, state(c.Before), state(c.After))
	case client.ChangeRefreshed:
		return fmt.Sprintf("refreshed %s→%s", state(c.Before), state(c.After))
	case client.ChangeGap:
		return fmt.Sprintf("gap %d-%d", c.Gap.GetFirst(), c.Gap.GetLast())
	case client.ChangeEpoch:
		return fmt.Sprintf("epoch, complete %t", c.Epoch.Complete)
	}
	return fmt.Sprint(c.Kind)
}

// expect compares the view with what the server lists, field by field. It is to be called when all is quiet.
func (f *following) expect(t *testing.T, listed []*pb.Task) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, wrong := range f.wrong {
		t.Error(wrong)
	}
	if f.err != nil || f.view == nil || !f.view.Synced() {
		t.Errorf("not synced: %v", f.err)
		return
	}
	seen := f.view.Tasks()
	if slices.EqualFunc(seen, listed, func(a, b *pb.Task) bool { return proto.Equal(a, b) }) {
		return
	}
	t.Errorf("the view has %d tasks, the list %d", len(seen), len(listed))
	for i := range min(len(seen), len(listed)) {
		if !proto.Equal(seen[i], listed[i]) {
			t.Errorf("first difference:\nview: %v\nlist: %v", seen[i], listed[i])
			return
		}
	}
}

func (f *following) count(kind client.ChangeKind) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.kinds[kind]
}

func (f *following) all() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.told)
}

// TestFollow: each act is followed by a moment in which all is quiet: then the view has to equal the list.
func TestFollow(t *testing.T) {
	captured := func(s *pb.TaskSpec) { s.CaptureOutput = true }
	timeout := func(s *pb.TaskSpec) { s.Timeout = durationpb.New(time.Second) }
	inSlot := func(s *pb.TaskSpec) { s.Admission = &pb.Admission{Slot: "slot"} }
	replaces := func(s *pb.TaskSpec) {
		s.Admission = &pb.Admission{Slot: "slot", Policy: pb.AdmissionPolicy_ADMISSION_POLICY_REPLACE}
	}
	always := func(s *pb.TaskSpec) {
		s.Restart = &pb.RestartPolicy{Mode: pb.RestartMode_RESTART_MODE_ALWAYS, Interval: durationpb.New(time.Minute)}
	}
	remove := func(t *testing.T, w *world, name string) {
		if _, err := w.server.Tasks.RemoveTask(t.Context(), &pb.RemoveTaskRequest{Name: name}); err != nil {
			t.Error(err)
		}
	}
	for name, act := range map[string]func(t *testing.T, w *world) string{
		"a task that runs and is removed": func(t *testing.T, w *world) string {
			w.add("a", servertest.Wait)
			synctest.Wait()
			remove(t, w, "a")
			return "synced 0, TASK_ADD_REQUESTED, TASK_ADDED UNSPECIFIED→WAITING, TASK_STARTING WAITING→RUNNING, " +
				"TASK_REMOVE_REQUESTED RUNNING→STOPPING, TASK_STOPPED STOPPING→STOPPING, TASK_REMOVED STOPPING→FINISHED"
		},
		"a task that fails": func(t *testing.T, w *world) string {
			w.add("a", servertest.Fail, captured)
			return "synced 0, TASK_ADD_REQUESTED, TASK_ADDED UNSPECIFIED→WAITING, TASK_STARTING WAITING→RUNNING, " +
				"TASK_FAILED RUNNING→RUNNING, BACKOFF_SCHEDULED RUNNING→BACKOFF"
		},
		"a task that succeeds and waits": func(t *testing.T, w *world) string {
			w.add("a", servertest.Succeed, always)
			return "synced 0, TASK_ADD_REQUESTED, TASK_ADDED UNSPECIFIED→WAITING, TASK_STARTING WAITING→RUNNING, " +
				"TASK_STOPPED RUNNING→RUNNING, BACKOFF_SCHEDULED RUNNING→BACKOFF"
		},
		"a task that is over at once": func(t *testing.T, w *world) string {
			w.add("a", servertest.Succeed)
			return "synced 0, TASK_ADD_REQUESTED, TASK_ADDED UNSPECIFIED→WAITING, TASK_STARTING WAITING→RUNNING, " +
				"TASK_STOPPED RUNNING→RUNNING, ACTOR_EXHAUSTED RUNNING→STOPPING, TASK_REMOVED STOPPING→FINISHED"
		},
		"a body that does not stop": func(t *testing.T, w *world) string {
			release := make(chan struct{})
			t.Cleanup(func() { close(release) })
			w.server.Define("stubborn", func(context.Context) error { <-release; return nil })
			w.add("a", "stubborn", timeout)
			time.Sleep(14 * time.Second) // and a heartbeat comes before the next one
			return "synced 0, TASK_ADD_REQUESTED, TASK_ADDED UNSPECIFIED→WAITING, TASK_STARTING WAITING→RUNNING, " +
				"TIMEOUT_HIT RUNNING→STOPPING, GRACE_EXCEEDED STOPPING→STUCK"
		},
		"slots": func(t *testing.T, w *world) string {
			w.add("a", servertest.Wait, inSlot)
			w.add("b", servertest.Wait, inSlot)
			w.add("c", servertest.Wait, replaces)
			return ""
		},
		"a shutdown": func(t *testing.T, w *world) string {
			w.server.Define("slow", func(ctx context.Context) error { <-ctx.Done(); time.Sleep(5 * time.Second); return nil })
			w.add("a", "slow", inSlot)
			synctest.Wait()
			w.add("b", servertest.Wait, inSlot)
			synctest.Wait()
			go w.stop()
			time.Sleep(time.Second)
			return "synced 0, TASK_ADD_REQUESTED, CONTROLLER_SLOT_TRANSITION, TASK_ADDED UNSPECIFIED→WAITING, TASK_STARTING WAITING→RUNNING, " +
				"TASK_ADD_REQUESTED, CONTROLLER_SUBMITTED UNSPECIFIED→QUEUED, SHUTDOWN_REQUESTED, CONTROLLER_REJECTED QUEUED→QUEUED, " +
				"TASK_REMOVED QUEUED→FINISHED, CONTROLLER_SLOT_TRANSITION STOPPING→STOPPING"
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, supervisor.Config{})
				f := follow(t.Context(), w.dial(), nil)
				synctest.Wait()
				want := act(t, w)
				synctest.Wait()
				if got := strings.Join(f.all(), ", "); got != want && want != "" {
					t.Errorf("told\n%s\nwant\n%s", got, want)
				}
				f.expect(t, w.tasks())
				time.Sleep(20 * time.Second)
				synctest.Wait()
				if name != "a shutdown" {
					f.expect(t, w.tasks())
				}
			})
		})
	}
}

// "That a task waits for a permit after its backoff no event tells: a list does, with the next heartbeat."
func TestFollowLearnsFromAListWhatNoEventTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, supervisor.Config{MaxConcurrent: 1})
		f := follow(t.Context(), w.dial(), nil, client.Heartbeat(2*time.Second))
		w.add("a", servertest.Fail, func(s *pb.TaskSpec) { s.Backoff = &pb.BackoffPolicy{First: durationpb.New(time.Second)} })
		synctest.Wait()
		w.add("b", servertest.Wait)
		synctest.Wait()
		f.expect(t, w.tasks())
		time.Sleep(10 * time.Second)
		synctest.Wait()
		f.expect(t, w.tasks())
		if told := f.all(); told[len(told)-1] != "refreshed BACKOFF→WAITING" {
			t.Errorf("told %q", told)
		}
	})
}

func TestFollowOfAFilter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, supervisor.Config{EventBuffer: 64})
		w.add("web/1", servertest.Wait)
		f := follow(t.Context(), w.dial(), &pb.EventFilter{Names: []string{"web/*"}})
		synctest.Wait()
		w.add("db", servertest.Wait)
		w.add("web/2", servertest.Wait)
		time.Sleep(time.Minute)
		for range 1000 { // more than the log keeps, none of which concerns the view
			w.add("", servertest.Succeed)
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		w.cut()
		time.Sleep(time.Minute)
		synctest.Wait()
		f.expect(t, slices.DeleteFunc(w.tasks(), func(t *pb.Task) bool { return t.GetName() == "db" }))
		if f.count(client.ChangeSynced) != 1 {
			t.Errorf("told %q: heartbeats did not keep the cursor fresh", f.all())
		}
	})
}

func TestFollowNeedsAllKinds(t *testing.T) {
	_, c := newFake(t)
	for _, err := range c.Follow(t.Context(), &pb.EventFilter{Kinds: []pb.EventKind{pb.EventKind_EVENT_KIND_TASK_ADDED}}) {
		if !client.IsInvalid(err) {
			t.Errorf("got %v", err)
		}
	}
}

func TestLeavingAFollow(t *testing.T) {
	for _, kind := range []client.ChangeKind{client.ChangeSynced, client.ChangeEvent, client.ChangeRefreshed, client.ChangeGap, client.ChangeEpoch} {
		synctest.Test(t, func(t *testing.T) {
			s := &scripted{streams: []func(serverStream) error{
				sends(errShutdown, synced("e", 3, task(3)), events(4), position(4)), sends(expiredCursor("e", "9", "9")),
				sends(errShutdown, synced("e", 9)), sends(expiredCursor("f", "1", "0")),
			}}
			s.list = func(*pb.ListTasksRequest) (*pb.ListTasksResponse, error) {
				better := task(4)
				better.Attempt = 7
				return &pb.ListTasksResponse{Tasks: []*pb.Task{better}}, nil
			}
			found := false
			for c, err := range dialScripted(t, s).Follow(t.Context(), nil) {
				if lost := c.Kind == client.ChangeGap || c.Kind == client.ChangeEpoch; err == nil && (c.Lost() != lost || c.View.Synced() == lost) {
					t.Errorf("kind %d: lost %t, synced %t", c.Kind, c.Lost(), c.View.Synced())
				}
				if found = err == nil && c.Kind == kind; found || err != nil {
					break
				}
			}
			if !found {
				t.Errorf("no change of kind %d", kind)
			}
			s.expectNoStream(t)
		})
	}
}

// What could not be told because the server did not answer is told later.
func TestFollowWhenAListFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		added := &pb.WatchEventsResponse{Cursor: at("e", 2), Events: []*pb.Event{
			{Sequence: 1, Kind: pb.EventKind_EVENT_KIND_TASK_ADD_REQUESTED, Task: "t", Uid: "u"},
			{Sequence: 2, Kind: pb.EventKind_EVENT_KIND_TASK_ADDED, Task: "t", Uid: "u"},
		}}
		s := &scripted{streams: []func(serverStream) error{sends(nil, synced("e", 0), added), sends(nil, events(3)), sends(nil, position(3))}}
		f := &failing{errors: []error{status.Error(codes.Internal, "")}}
		s.list = func(*pb.ListTasksRequest) (*pb.ListTasksResponse, error) {
			listed := task(3)
			listed.Spec = &pb.TaskSpec{Plugin: "sleep"}
			return &pb.ListTasksResponse{Tasks: []*pb.Task{listed}}, f.next()
		}
		var told []string
		var last error
		for c, err := range dialScripted(t, s).Follow(t.Context(), nil) {
			if last = err; err != nil {
				continue
			}
			told = append(told, briefChange(c))
			if c.After != nil && c.After.GetSpec().GetPlugin() != "sleep" {
				t.Errorf("no spec: %v", c.After)
			}
		}
		want := "synced 0, TASK_ADD_REQUESTED, TASK_ADDED UNSPECIFIED→WAITING, TASK_OUTPUT WAITING→RUNNING"
		if got := strings.Join(told, ", "); got != want || !client.IsForbidden(last) {
			t.Errorf("told\n%s\nwant\n%s\nended with %v", got, want, last)
		}
		if got := s.resumed(); !slices.Equal(got, []int{-1, 2, 3, 3}) {
			t.Errorf("resumed from %d", got)
		}
	})
}

// A spec that a list did not have is in the next one, which may be ahead of the events.
func TestFollowWhenAListIsAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		added := &pb.WatchEventsResponse{Cursor: at("e", 1), Events: []*pb.Event{
			{Sequence: 1, Kind: pb.EventKind_EVENT_KIND_TASK_ADDED, Task: "t", Uid: "u"},
		}}
		s := &scripted{streams: []func(serverStream) error{sends(errShutdown, synced("e", 0), added, position(1), events(2), events(3))}}
		lists := 0
		s.list = func(*pb.ListTasksRequest) (*pb.ListTasksResponse, error) {
			if lists++; lists == 1 {
				return &pb.ListTasksResponse{}, nil
			}
			listed := task(3)
			listed.Spec = &pb.TaskSpec{Plugin: "sleep"}
			return &pb.ListTasksResponse{Tasks: []*pb.Task{listed}}, nil
		}
		var told []string
		for c, err := range dialScripted(t, s).Follow(t.Context(), nil) {
			if err == nil && c.After != nil {
				told = append(told, fmt.Sprintf("%s %s %s", briefChange(c), c.After.GetState(), c.After.GetSpec().GetPlugin()))
			}
		}
		want := []string{
			"TASK_ADDED UNSPECIFIED→WAITING TASK_STATE_WAITING ", "refreshed WAITING→WAITING TASK_STATE_WAITING sleep",
			"TASK_OUTPUT WAITING→WAITING TASK_STATE_WAITING sleep", "TASK_OUTPUT WAITING→RUNNING TASK_STATE_RUNNING sleep",
		}
		if !slices.Equal(told, want) {
			t.Errorf("told\n%s\nwant\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
		}
	})
}

// Times that events tell may be late by what one event waits for another; once all is quiet, a list corrects them.
func TestFollowInRealTime(t *testing.T) {
	w := newWorld(t, supervisor.Config{})
	changed := make(chan *client.View, 1)
	go func() {
		for c, err := range w.dial().Follow(t.Context(), nil, client.Heartbeat(100*time.Millisecond)) {
			if err != nil {
				return // the test is over
			}
			select {
			case changed <- c.View:
			default:
			}
		}
	}()
	var adding sync.WaitGroup
	for i := range 8 {
		adding.Go(func() {
			for k := range 20 {
				w.add(fmt.Sprintf("t/%d/%d", i, k), servertest.Fail, func(s *pb.TaskSpec) {
					s.Backoff = &pb.BackoffPolicy{First: durationpb.New(time.Hour), Max: durationpb.New(time.Hour)}
				})
			}
		})
	}
	adding.Wait()
	for {
		v := <-changed
		if slices.EqualFunc(v.Tasks(), w.tasks(), func(a, b *pb.Task) bool { return proto.Equal(a, b) }) {
			return
		}
	}
}

func TestFollowEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, supervisor.Config{})
		ctx, cancel := context.WithCancel(t.Context())
		f := follow(ctx, w.dial(), nil)
		synctest.Wait()
		cancel()
		synctest.Wait()
		if !errors.Is(f.err, context.Canceled) {
			t.Errorf("ended with %v", f.err)
		}
	})
}

func TestView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, supervisor.Config{})
		b, a := w.add("b", servertest.Wait), w.add("a", servertest.Wait)
		f := follow(t.Context(), w.dial(), nil)
		synctest.Wait()
		v := f.view
		if v.Len() != 2 || !v.Synced() || v.Tasks()[0].GetUid() != a.GetUid() || v.Tasks()[1].GetUid() != b.GetUid() {
			t.Errorf("tasks %v", v.Tasks())
		}
		for ref, uid := range map[client.Ref]string{
			client.ByName("a"): a.GetUid(), client.ByUID(b.GetUid()): b.GetUid(), client.ByName("c"): "", client.ByUID("c"): "", {}: "",
		} {
			if got := v.Task(ref); got.GetUid() != uid {
				t.Errorf("%s: got %v", ref, got)
			}
		}
	})
}
