package server_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/servertest"
)

// labeled has the labels of some tasks.
var labeled = map[string]map[string]string{
	"api":  {"app": "web", "tier": "back"},
	"db":   {"app": "store", "tier": "back", "legacy": "yes"},
	"page": {"app": "web", "tier": "front"},
	"tool": nil,
}

func addLabeled(h *servertest.Harness) {
	for _, name := range slices.Sorted(maps.Keys(labeled)) {
		h.Add(name, servertest.Wait, func(s *pb.TaskSpec) { s.Labels = labeled[name] })
	}
}

// selections has the tasks that each selector selects.
var selections = map[string][]string{
	"":                                    {"api", "db", "page", "tool"},
	" ":                                   {"api", "db", "page", "tool"},
	"app=web":                             {"api", "page"},
	"app==web,tier=back":                  {"api"},
	"app!=web":                            {"db", "tool"},
	"tier in (front,back)":                {"api", "db", "page"},
	"tier notin (front)":                  {"api", "db", "tool"},
	"legacy":                              {"db"},
	"!app":                                {"tool"},
	" tier , ! legacy , app in ( web , )": {"api", "page"},
	"tier in (front":                      nil, // refused
	"app=nobody":                          {},
}

// A list and a snapshot have the tasks whose labels the selector selects, on however many pages.
func TestSelectorsSelectTasks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		addLabeled(h)
		synctest.Wait()
		for selector, want := range selections {
			req := &pb.ListTasksRequest{Filter: &pb.TaskFilter{LabelSelector: selector}, PageSize: 1}
			watchReq := &pb.WatchEventsRequest{Start: startSnapshot, Filter: &pb.EventFilter{LabelSelector: selector}}
			if want == nil {
				_, err := h.Tasks.ListTasks(t.Context(), req)
				wantInvalid(t, err, "filter.label_selector")
				wantInvalid(t, watchError(t, h, watchReq), "filter.label_selector")
				continue
			}
			if tasks, _ := listAll(t, h, req); !slices.Equal(taskNames(tasks), want) {
				t.Errorf("list of %q: %q, want %q", selector, taskNames(tasks), want)
			}
			if s := watch(t, h, watchReq).snapshot(h); !slices.Equal(taskNames(s.tasks), want) {
				t.Errorf("snapshot of %q: %q, want %q", selector, taskNames(s.tasks), want)
			}
		}
	})
}

// A stream has the events of the tasks that the selector selects: of each one all, from the request to add it on. "Events about no task satisfy
// neither names, label_selector nor uids", not even a selector for tasks that lack a label.
func TestSelectorsSelectEvents(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		addLabeled(h)
		synctest.Wait()
		all, selected := watch(t, h, &pb.WatchEventsRequest{Start: startOldest}), map[string]*follower{}
		for selector, tasks := range selections {
			if tasks != nil {
				selected[selector] = watch(t, h, &pb.WatchEventsRequest{Start: startOldest, Filter: &pb.EventFilter{LabelSelector: selector}})
			}
		}
		if err := h.Server.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		each := eventsByTask(all)
		if each[""] == 0 || len(each) != len(labeled)+1 {
			t.Fatalf("events by task: %v", each)
		}
		for selector, f := range selected {
			want := map[string]int{}
			for _, name := range selections[selector] {
				want[name] = each[name]
			}
			if strings.TrimSpace(selector) == "" {
				want[""] = each[""]
			}
			if got := eventsByTask(f); !maps.Equal(got, want) {
				t.Errorf("%q: events of %v, want %v", selector, got, want)
			}
		}
	})
}

// eventsByTask reads to the end of the shutdown and counts the events of each task; those of none are under no name.
func eventsByTask(f *follower) map[string]int {
	f.t.Helper()
	wantRefusal(f.t, f.end(), codes.Unavailable, "SERVER_SHUTDOWN")
	n := map[string]int{}
	for _, e := range f.events() {
		n[e.GetTask()]++
	}
	return n
}

// All that is wrong with a selector comes at once, each a violation that names the part and the place.
func TestSelectorProblemsComeAtOnce(t *testing.T) {
	h := newHarness(t)
	for text, want := range map[string][]string{
		"größe=1,app=a/b,x y,app in (a": {
			`"größe" at position 1`, `"a/b" at position 13`, `"y" at position 19`, `"a" at position 29`,
		},
		strings.Repeat("a", 4097): {"4097 bytes"},
	} {
		_, err := h.Tasks.ListTasks(t.Context(), &pb.ListTasksRequest{Filter: &pb.TaskFilter{LabelSelector: text}})
		fields := slices.Repeat([]string{"filter.label_selector"}, len(want))
		wantInvalid(t, err, fields...)
		wantInvalid(t, watchError(t, h, &pb.WatchEventsRequest{Filter: &pb.EventFilter{LabelSelector: text}}), fields...)
		got := descriptions(err)
		for i, part := range want {
			if !strings.Contains(got[i], part) {
				t.Errorf("%.40q: problem %d is %q and does not have %s", text, i, got[i], part)
			}
		}
		if message := refusalOf(t, err).message; strings.Contains(message, "fields") {
			t.Errorf("%.40q: one field is wrong, and the message is %q", text, message)
		}
	}
}

// descriptions returns what the violations say, in their order.
func descriptions(err error) (all []string) {
	for _, detail := range status.Convert(err).Details() {
		if bad, ok := detail.(*errdetails.BadRequest); ok {
			for _, v := range bad.GetFieldViolations() {
				all = append(all, v.GetDescription())
			}
		}
	}
	return all
}

// "The other fields must be as they were there": a token is good for the selector that it was given for.
func TestListTasksTokenOfAnotherSelector(t *testing.T) {
	h := newHarness(t)
	addLabeled(h)
	page := func(selector, token string) (*pb.ListTasksResponse, error) {
		return h.Tasks.ListTasks(t.Context(), &pb.ListTasksRequest{
			Filter: &pb.TaskFilter{LabelSelector: selector}, PageSize: 1, PageToken: token,
		})
	}
	first, err := page("app=web", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{"", "app=web,tier", "app!=web"} {
		_, err := page(other, first.GetNextPageToken())
		wantInvalid(t, err, "page_token")
	}
	second, err := page("app=web", first.GetNextPageToken())
	if err != nil || fmt.Sprint(taskNames(second.GetTasks())) != "[page]" || second.GetNextPageToken() != "" {
		t.Errorf("second page: %v, %v", second, err)
	}
}
