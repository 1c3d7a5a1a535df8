package server

import (
	"fmt"
	"testing"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
)

// benchFilters are filters as watchers have them, and a hundred names as the limit allows.
func benchFilters() map[string]*pb.EventFilter {
	uid := must(supervisor.ParseUID("01890a5d-ac96-774b-bcce-b302099a8057"))
	hundred := make([]string, 100)
	for i := range hundred {
		hundred[i] = fmt.Sprintf("web/worker-%d", i)
	}
	return map[string]*pb.EventFilter{
		"none":   nil,
		"kinds":  {Kinds: []pb.EventKind{pb.EventKind_EVENT_KIND_TASK_FAILED, pb.EventKind_EVENT_KIND_TASK_REMOVED}},
		"name":   {Names: []string{"web/worker-17"}},
		"names":  {Names: hundred},
		"uid":    {Uids: []string{uid.String()}},
		"glob":   {Names: []string{"web/*"}},
		"globs":  {Names: []string{"db/*", "*-canary", "web/worker-[0-9]*", "tool-?"}},
		"label":  {LabelSelector: "app=web"},
		"labels": {LabelSelector: "app=web, tier in (front,back), !legacy"},
		"all": {
			Kinds: []pb.EventKind{pb.EventKind_EVENT_KIND_TASK_FAILED}, Names: []string{"web/*"}, Uids: []string{uid.String()},
			LabelSelector: "app=web",
		},
	}
}

// benchEvents returns an event that each of the filters selects, and one that none of them but the empty one does.
func benchEvents() (selected, other *supervisor.Event) {
	selected = &supervisor.Event{
		Kind: supervisor.TaskFailed, Task: "web/worker-17", UID: must(supervisor.ParseUID("01890a5d-ac96-774b-bcce-b302099a8057")),
		Labels: map[string]string{"app": "web", "tier": "back", "release": "stable"},
	}
	other = &supervisor.Event{
		Kind: supervisor.TaskStarting, Task: "store/worker-17", UID: must(supervisor.ParseUID("01890a5d-ac96-774b-bcce-b302099a8058")),
		Labels: map[string]string{"app": "store", "tier": "back", "release": "stable"},
	}
	return selected, other
}

// A filtered watcher asks its filter about every event.
func BenchmarkEventFilter(b *testing.B) {
	selected, other := benchEvents()
	for name, wire := range benchFilters() {
		var v violations
		filter := newEventFilter(name, wire, &v)
		if v != nil {
			b.Fatal(v)
		}
		b.Run(name+"/selects", func(b *testing.B) { benchMatch(b, &filter, selected, true) })
		b.Run(name+"/drops", func(b *testing.B) { benchMatch(b, &filter, other, name == "none") })
	}
}

func benchMatch(b *testing.B, filter *eventFilter, e *supervisor.Event, want bool) {
	b.ReportAllocs()
	for b.Loop() {
		if filter.match(e) != want {
			b.Fatal("not what the filter is to say")
		}
	}
}
