package server_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/servertest"
	"github.com/taskvisor/taskvisor/supervisor"
)

func list(t testing.TB, h *servertest.Harness, req *pb.ListTasksRequest) *pb.ListTasksResponse {
	t.Helper()
	resp, err := h.Tasks.ListTasks(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// listAll returns the tasks of all pages.
func listAll(t testing.TB, h *servertest.Harness, req *pb.ListTasksRequest) (tasks []*pb.Task, pages int) {
	t.Helper()
	req = proto.CloneOf(req)
	for {
		resp := list(t, h, req)
		tasks, pages = append(tasks, resp.GetTasks()...), pages+1
		if req.PageToken = resp.GetNextPageToken(); req.PageToken == "" {
			return tasks, pages
		}
	}
}

func taskNames(tasks []*pb.Task) []string {
	names := []string{}
	for _, task := range tasks {
		names = append(names, task.GetName())
	}
	return names
}

func TestListTasksRefuses(t *testing.T) {
	h := newHarness(t)
	for i := range 3 {
		h.Add(fmt.Sprint("t", i), servertest.Wait)
	}
	token := list(t, h, &pb.ListTasksRequest{PageSize: 1}).GetNextPageToken()
	manyNames, manyStates, manyUIDs := make([]string, 101), make([]pb.TaskState, 101), make([]string, 101)
	for name, test := range map[string]struct {
		req    *pb.ListTasksRequest
		fields []string
	}{
		"negative size":        {&pb.ListTasksRequest{PageSize: -1}, []string{"page_size"}},
		"size above 1000":      {&pb.ListTasksRequest{PageSize: 1001}, []string{"page_size"}},
		"no token":             {&pb.ListTasksRequest{PageToken: "next"}, []string{"page_token"}},
		"cut token":            {&pb.ListTasksRequest{PageToken: token[:len(token)-4]}, []string{"page_token"}},
		"endless token":        {&pb.ListTasksRequest{PageToken: strings.Repeat("A", 1<<16)}, []string{"page_token"}},
		"token, other filter":  {&pb.ListTasksRequest{PageToken: token, Filter: &pb.TaskFilter{Names: []string{"t*"}}}, []string{"page_token"}},
		"token, finished":      {&pb.ListTasksRequest{PageToken: token, IncludeFinished: true}, []string{"page_token"}},
		"bad pattern":          {filtered(&pb.TaskFilter{Names: []string{"t0", "[a-", ""}}), []string{"filter.names[1]", "filter.names[2]"}},
		"long pattern":         {filtered(&pb.TaskFilter{Names: []string{strings.Repeat("*", 513)}}), []string{"filter.names[0]"}},
		"many names":           {filtered(&pb.TaskFilter{Names: manyNames}), []string{"filter.names"}},
		"unknown state":        {filtered(&pb.TaskFilter{States: []pb.TaskState{1, 99, 0}}), []string{"filter.states[1]", "filter.states[2]"}},
		"many states":          {filtered(&pb.TaskFilter{States: manyStates}), []string{"filter.states"}},
		"finished, not asked":  {filtered(&pb.TaskFilter{States: []pb.TaskState{1, pb.TaskState_TASK_STATE_FINISHED}}), []string{"filter.states[1]"}},
		"bad uid":              {filtered(&pb.TaskFilter{Uids: []string{someUID, "x"}}), []string{"filter.uids[1]"}},
		"many uids":            {filtered(&pb.TaskFilter{Uids: manyUIDs}), []string{"filter.uids"}},
		"all of them":          {&pb.ListTasksRequest{PageSize: -1, PageToken: "?", Filter: &pb.TaskFilter{Names: []string{"["}, States: []pb.TaskState{-1}, Uids: []string{""}, LabelSelector: ","}}, []string{"page_size", "page_token", "filter.names[0]", "filter.states[0]", "filter.uids[0]", "filter.label_selector", "filter.label_selector"}},
		"token of ListPlugins": {&pb.ListTasksRequest{PageToken: pluginToken(t, h)}, []string{"page_token"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.Tasks.ListTasks(t.Context(), test.req)
			wantInvalid(t, err, test.fields...)
		})
	}
}

func filtered(f *pb.TaskFilter) *pb.ListTasksRequest { return &pb.ListTasksRequest{Filter: f} }

func pluginToken(t *testing.T, h *servertest.Harness) string {
	t.Helper()
	resp, err := h.Plugins.ListPlugins(t.Context(), &pb.ListPluginsRequest{PageSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	return resp.GetNextPageToken()
}

// "Sorted by name; lives of the same name are sorted by uid, the oldest first", through pages of every size; "include finished lives that the
// server still keeps".
func TestListTasksPages(t *testing.T) {
	h := newHarness(t)
	var want []string
	for _, name := range []string{"b", "a", "a/b", "B", "c"} {
		for range 3 {
			task := h.Add(name, servertest.Succeed)
			waitFor(t, h, task)
			want = append(want, name+" "+task.GetUid())
		}
		want = append(want, name+" "+h.Add(name, servertest.Wait).GetUid())
	}
	slices.Sort(want)
	for size := range int32(len(want) + 2) {
		req := &pb.ListTasksRequest{PageSize: size, IncludeFinished: true}
		tasks, pages := listAll(t, h, req)
		var got []string
		for _, task := range tasks {
			got = append(got, task.GetName()+" "+task.GetUid())
		}
		if !slices.Equal(got, want) {
			t.Errorf("page_size %d: got %q, want %q", size, got, want)
		}
		if size > 0 && pages != (len(want)+int(size)-1)/int(size) {
			t.Errorf("page_size %d: %d pages", size, pages)
		}
	}
	if live, _ := listAll(t, h, &pb.ListTasksRequest{PageSize: 2}); !slices.Equal(taskNames(live), []string{"B", "a", "a/b", "b", "c"}) {
		t.Errorf("live: %q", taskNames(live))
	}
}

// "Default: 0, which means 100."
func TestListTasksDefaultPageSize(t *testing.T) {
	h := newHarness(t)
	for range 101 {
		h.Add("", servertest.Wait)
	}
	if resp := list(t, h, &pb.ListTasksRequest{}); len(resp.GetTasks()) != 100 || resp.GetNextPageToken() == "" {
		t.Errorf("%d tasks, token %q", len(resp.GetTasks()), resp.GetNextPageToken())
	}
	if resp := list(t, h, &pb.ListTasksRequest{PageSize: 101}); len(resp.GetTasks()) != 101 || resp.GetNextPageToken() != "" {
		t.Errorf("%d tasks, token %q", len(resp.GetTasks()), resp.GetNextPageToken())
	}
}

// A token may be used with another page_size, and however often.
func TestListTasksTokenTakesAnotherSize(t *testing.T) {
	h := newHarness(t)
	for _, name := range []string{"a", "b", "c", "d"} {
		h.Add(name, servertest.Wait)
	}
	token := list(t, h, &pb.ListTasksRequest{PageSize: 1}).GetNextPageToken()
	for _, size := range []int32{1, 2, 100} {
		got := taskNames(list(t, h, &pb.ListTasksRequest{PageSize: size, PageToken: token}).GetTasks())
		if want := []string{"b", "c", "d"}[:min(size, 3)]; !slices.Equal(got, want) {
			t.Errorf("page_size %d: %q", size, got)
		}
	}
}

// "Cursor … was taken before the first page was read", and is the same on each page.
func TestListTasksCursorIsThatOfTheFirstPage(t *testing.T) {
	h := newHarness(t)
	h.Add("a", servertest.Wait)
	h.Add("b", servertest.Wait)
	first := list(t, h, &pb.ListTasksRequest{PageSize: 1})
	if now := h.Supervisor.Cursor(); first.GetCursor().GetEpoch() != now.Epoch || first.GetCursor().GetSequence() > now.Sequence {
		t.Errorf("cursor %v, now %v", first.GetCursor(), now)
	}
	h.Add("c", servertest.Wait)
	second := list(t, h, &pb.ListTasksRequest{PageSize: 1, PageToken: first.GetNextPageToken()})
	if !proto.Equal(first.GetCursor(), second.GetCursor()) {
		t.Errorf("the cursor went from %v to %v", first.GetCursor(), second.GetCursor())
	}
}

// A page of many large tasks has fewer than it may: many clients take no message above 4 MiB.
func TestListTasksPagesAreBoundedInBytes(t *testing.T) {
	h := newHarness(t)
	long := strings.Repeat("x", 60<<10)
	h.Define(long, func(ctx context.Context) error { <-ctx.Done(); return nil })
	const n = 40
	for i := range n {
		h.Add(fmt.Sprintf("t%02d", i), long)
	}
	req := &pb.ListTasksRequest{PageSize: 1000}
	if size := proto.Size(list(t, h, req)); size > 1<<20+1024 {
		t.Errorf("a page of %d bytes", size)
	}
	if tasks, pages := listAll(t, h, req); len(tasks) != n || pages != 3 {
		t.Errorf("%d tasks on %d pages", len(tasks), pages)
	}
}

// A token of a server that was started anew since is refused: its cursor would promise what nobody can keep.
func TestListTasksTokenOfAnotherServer(t *testing.T) {
	one, other := newHarness(t, servertest.WithoutLeakCheck()), newHarness(t, servertest.WithoutLeakCheck())
	one.Add("a", servertest.Wait)
	one.Add("b", servertest.Wait)
	token := list(t, one, &pb.ListTasksRequest{PageSize: 1}).GetNextPageToken()
	_, err := other.Tasks.ListTasks(t.Context(), &pb.ListTasksRequest{PageToken: token})
	wantInvalid(t, err, "page_token")
}

func TestListTasksFilters(t *testing.T) {
	h := newHarness(t)
	uids := map[string]string{}
	for _, name := range []string{"a", "ab", "a/b", "a/b/c", "b", "x.y"} {
		uids[name] = h.Add(name, servertest.Wait).GetUid()
	}
	done := h.Add("done", servertest.Succeed)
	waitFor(t, h, done)
	running, finished := pb.TaskState_TASK_STATE_RUNNING, pb.TaskState_TASK_STATE_FINISHED
	for _, name := range []string{"a", "ab", "a/b", "a/b/c", "b", "x.y"} {
		waitRunning(t, h, name)
	}
	for name, test := range map[string]struct {
		filter *pb.TaskFilter
		want   []string
	}{
		"none":            {nil, []string{"a", "a/b", "a/b/c", "ab", "b", "done", "x.y"}},
		"empty":           {&pb.TaskFilter{}, []string{"a", "a/b", "a/b/c", "ab", "b", "done", "x.y"}},
		"exact":           {&pb.TaskFilter{Names: []string{"b", "a/b", "nobody"}}, []string{"a/b", "b"}},
		"* is not /":      {&pb.TaskFilter{Names: []string{"a*"}}, []string{"a", "ab"}},
		"*/*":             {&pb.TaskFilter{Names: []string{"*/*"}}, []string{"a/b"}},
		"?":               {&pb.TaskFilter{Names: []string{"?"}}, []string{"a", "b"}},
		"set":             {&pb.TaskFilter{Names: []string{"[b-x]*"}}, []string{"b", "done", "x.y"}},
		"escaped":         {&pb.TaskFilter{Names: []string{`x\.y`}}, []string{"x.y"}},
		"exact and glob":  {&pb.TaskFilter{Names: []string{"x.y", "a/*"}}, []string{"a/b", "x.y"}},
		"running":         {&pb.TaskFilter{States: []pb.TaskState{running}}, []string{"a", "a/b", "a/b/c", "ab", "b", "x.y"}},
		"finished":        {&pb.TaskFilter{States: []pb.TaskState{finished}}, []string{"done"}},
		"either state":    {&pb.TaskFilter{States: []pb.TaskState{finished, running}, Names: []string{"?", "done"}}, []string{"a", "b", "done"}},
		"uids":            {&pb.TaskFilter{Uids: []string{uids["b"], uids["a"], strings.ToUpper(done.GetUid())}}, []string{"a", "b", "done"}},
		"uids and names":  {&pb.TaskFilter{Uids: []string{uids["b"], uids["a"]}, Names: []string{"b"}}, []string{"b"}},
		"nothing matches": {&pb.TaskFilter{Uids: []string{someUID}}, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			req := &pb.ListTasksRequest{Filter: test.filter, IncludeFinished: true, PageSize: 2}
			if tasks, _ := listAll(t, h, req); !slices.Equal(taskNames(tasks), test.want) {
				t.Errorf("got %q, want %q", taskNames(tasks), test.want)
			}
		})
	}
}

// waitRunning waits until the first attempt of a live task has begun.
func waitRunning(t *testing.T, h *servertest.Harness, name string) {
	t.Helper()
	reader, err := h.Supervisor.Read(supervisor.Cursor{Epoch: h.Supervisor.Cursor().Epoch})
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]supervisor.Event, 1)
	for buf[0].Kind != supervisor.TaskStarting || buf[0].Task != name {
		if _, _, err := reader.Next(t.Context(), buf); err != nil {
			t.Fatal(err)
		}
	}
}

// Each field of Task in the states of a life, as their comments say.
func TestListTasksThroughALife(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		fails := true
		h.Define("flaky", func(context.Context) error {
			time.Sleep(time.Second)
			if fails {
				fails = false
				return supervisor.ExitCode(errors.New("first time"), 7)
			}
			return nil
		})
		begin := time.Now()
		at := func(s float64) time.Time { return begin.Add(time.Duration(s * float64(time.Second))) }
		added := h.Add("task", "flaky", func(s *pb.TaskSpec) {
			s.Backoff = &pb.BackoffPolicy{First: seconds(2), Jitter: pb.Jitter_JITTER_NONE}
		})
		look := func() *pb.Task {
			tasks := list(t, h, &pb.ListTasksRequest{IncludeFinished: true}).GetTasks()
			if len(tasks) != 1 || tasks[0].GetUid() != added.GetUid() || !proto.Equal(tasks[0].GetSpec(), added.GetSpec()) {
				t.Fatalf("listed: %v", tasks)
			}
			return tasks[0]
		}
		time.Sleep(500 * time.Millisecond)
		if task := look(); task.GetState() != pb.TaskState_TASK_STATE_RUNNING || task.GetAttempt() != 1 ||
			!task.GetStartTime().AsTime().Equal(begin) || task.GetNextAttemptTime() != nil || task.GetLastError() != nil {
			t.Errorf("running: %v", task)
		}
		time.Sleep(time.Second)
		if task := look(); task.GetState() != pb.TaskState_TASK_STATE_BACKOFF || task.GetFailureStreak() != 1 ||
			!task.GetNextAttemptTime().AsTime().Equal(at(3)) || task.GetLastError().GetReason() != "first time" ||
			task.GetLastError().GetExitCode() != 7 || !task.GetLastError().GetTime().AsTime().Equal(at(1)) || task.GetFinishTime() != nil {
			t.Errorf("in backoff: %v", task)
		}
		time.Sleep(10 * time.Second)
		if task := look(); task.GetState() != pb.TaskState_TASK_STATE_FINISHED || task.GetOutcome() != pb.Outcome_OUTCOME_COMPLETED ||
			task.GetAttempt() != 2 || task.GetFailureStreak() != 0 || !task.GetFinishTime().AsTime().Equal(at(4)) ||
			task.GetLastError().GetReason() != "first time" || task.GetNextAttemptTime() != nil || task.GetSequence() != h.Supervisor.Cursor().Sequence {
			t.Errorf("finished: %v", task)
		}
	})
}

// A task that the program added past the server is listed with what there is to say about its spec.
func TestListTasksOfTheProgramItself(t *testing.T) {
	h := newHarness(t)
	spec := supervisor.Periodic("own", time.Minute, supervisor.TaskFunc(func(ctx context.Context) error { <-ctx.Done(); return nil }))
	spec.Timeout, spec.Labels = supervisor.None, map[string]string{"bad\xff": "\xfe"}
	if _, err := h.Supervisor.Add(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	want := &pb.TaskSpec{
		Name: "own", Timeout: seconds(0), Labels: map[string]string{"bad\uFFFD": "\uFFFD"}, Restart: always(seconds(60)),
	}
	tasks := list(t, h, &pb.ListTasksRequest{}).GetTasks()
	if len(tasks) != 1 || !proto.Equal(tasks[0].GetSpec(), want) || tasks[0].GetPluginVersion() != "" {
		t.Errorf("got %v, want spec %v", tasks, want)
	}
}

// meanError panics when somebody other than the engine, which looks under a recover of its own, looks into it.
type meanError struct{ watched *atomic.Bool }

func (meanError) Error() string { return "mean" }

func (e meanError) Unwrap() error {
	if e.watched.Load() {
		panic("do not look")
	}
	return nil
}

// Errors are code of the body. One that panics when it is looked at must not take ListTasks from everybody.
func TestListTasksSurvivesErrorsThatPanic(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		var watched atomic.Bool
		h.Define("mean", func(context.Context) error { return meanError{&watched} })
		h.Add("task", "mean", func(s *pb.TaskSpec) { s.Restart = never() })
		time.Sleep(time.Second)
		watched.Store(true)
		tasks := list(t, h, &pb.ListTasksRequest{IncludeFinished: true}).GetTasks()
		if len(tasks) != 1 || tasks[0].GetLastError().GetReason() != "mean" || tasks[0].GetLastError().ExitCode != nil {
			t.Errorf("listed: %v", tasks)
		}
	})
}

// "Limit: 64 KiB once encoded as JSON" is far below what a request may have: the largest spec that is valid can be listed again.
func TestListTasksWithALargeSpec(t *testing.T) {
	h := newHarness(t, servertest.WithPlugins(pickyPlugin()))
	words := make([]any, 15_000)
	for i := range words {
		words[i] = "x"
	}
	h.Add("task", "", func(s *pb.TaskSpec) {
		s.Plugin = "picky"
		s.Config = &structpb.Struct{Fields: map[string]*structpb.Value{"command": structpb.NewListValue(must(structpb.NewList(words)))}}
	})
	if got := list(t, h, &pb.ListTasksRequest{}).GetTasks(); len(got) != 1 {
		t.Errorf("listed: %v", got)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
