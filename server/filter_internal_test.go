package server

import (
	"path"
	"slices"
	"testing"

	"pgregory.net/rapid"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
)

// "Events about no task satisfy neither names, label_selector nor uids."
func TestEventFilter(t *testing.T) {
	uid := must(supervisor.ParseUID("01890a5d-ac96-774b-bcce-b302099a8057"))
	about := supervisor.Event{Kind: supervisor.TaskStarting, Task: "web/1", UID: uid, Labels: map[string]string{"app": "web"}}
	aboutNone := supervisor.Event{Kind: supervisor.ShutdownRequested}
	for name, test := range map[string]struct {
		filter      *pb.EventFilter
		task, other bool // whether each of the two events is selected
	}{
		"none":           {nil, true, true},
		"empty":          {&pb.EventFilter{}, true, true},
		"name":           {&pb.EventFilter{Names: []string{"web/1"}}, true, false},
		"other name":     {&pb.EventFilter{Names: []string{"web"}}, false, false},
		"glob":           {&pb.EventFilter{Names: []string{"web/*"}}, true, false},
		"glob without /": {&pb.EventFilter{Names: []string{"*"}}, false, false},
		"kind":           {&pb.EventFilter{Kinds: []pb.EventKind{pb.EventKind_EVENT_KIND_TASK_STARTING}}, true, false},
		"other kind":     {&pb.EventFilter{Kinds: []pb.EventKind{pb.EventKind_EVENT_KIND_SHUTDOWN_REQUESTED}}, false, true},
		"kind to come":   {&pb.EventFilter{Kinds: []pb.EventKind{pb.EventKind_EVENT_KIND_TASK_OUTPUT}}, false, false},
		"uid":            {&pb.EventFilter{Uids: []string{uid.String()}}, true, false},
		"other uid":      {&pb.EventFilter{Uids: []string{"01890a5d-ac96-774b-bcce-b302099a8058"}}, false, false},
		"label":          {&pb.EventFilter{LabelSelector: "app in (web)"}, true, false},
		"other label":    {&pb.EventFilter{LabelSelector: "app=db"}, false, false},
		"no such label":  {&pb.EventFilter{LabelSelector: "!legacy,zone!=a"}, true, false},
		"blank selector": {&pb.EventFilter{LabelSelector: " "}, true, true},
		"all":            {&pb.EventFilter{Uids: []string{uid.String()}, Names: []string{"web/?"}, Kinds: []pb.EventKind{3, 4}, LabelSelector: "app"}, true, false},
		"all but one":    {&pb.EventFilter{Uids: []string{uid.String()}, Names: []string{"web/?"}, Kinds: []pb.EventKind{4}}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			var v violations
			filter := newEventFilter("filter", test.filter, &v)
			if v != nil {
				t.Fatal(v)
			}
			if got := filter.match(&about); got != test.task {
				t.Errorf("about a task: %t", got)
			}
			if got := filter.match(&aboutNone); got != test.other {
				t.Errorf("about none: %t", got)
			}
		})
	}
}

// Each kind of an event is selected by itself, and by nothing else.
func TestEventFilterTellsKindsApart(t *testing.T) {
	for kind, wire := range wireKinds {
		if kind == 0 {
			continue
		}
		var v violations
		filter := newEventFilter("filter", &pb.EventFilter{Kinds: []pb.EventKind{wire, wire}}, &v)
		if v != nil {
			t.Fatal(v)
		}
		for other := supervisor.Kind(1); int(other) < len(wireKinds); other++ {
			if got := filter.match(&supervisor.Event{Kind: other}); got != (int(other) == kind) {
				t.Errorf("the filter for %s selects %s: %t", supervisor.Kind(kind), other, got)
			}
		}
	}
}

// A set says of one value, of several and of a value that is given twice what a list of them would say.
func TestSets(t *testing.T) {
	for _, values := range [][]string{nil, {"a"}, {"a", "a"}, {"a", "b"}, {"c", "b", "a"}} {
		s := newSet(values)
		for _, value := range []string{"", "a", "b", "x"} {
			if want := values == nil || slices.Contains(values, value); s.has(value) != want {
				t.Errorf("%q has %q: %t", values, value, !want)
			}
		}
	}
}

// A filtered stream asks its filter about every event: that must not make garbage.
func TestEventFiltersAllocateNothing(t *testing.T) {
	selected, other := benchEvents()
	for name, wire := range benchFilters() {
		var v violations
		filter := newEventFilter(name, wire, &v)
		if v != nil || !filter.match(selected) || filter.match(other) != (wire == nil) {
			t.Errorf("%s: violations %v, selects %t and %t", name, v, filter.match(selected), filter.match(other))
		}
		if n := testing.AllocsPerRun(10, func() { filter.match(selected); filter.match(other) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// Names are what path.Match makes of each pattern, whatever the shortcut for exact ones.
func TestNamesMatchAsPathMatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		patterns := rapid.SliceOfN(rapid.StringMatching(`[ab/*?\[\]\\-]{1,6}`), 1, 4).Draw(t, "patterns")
		name := rapid.StringMatching(`[ab][ab/]{0,5}`).Draw(t, "name")
		want, bad := false, 0
		for _, pattern := range patterns {
			ok, err := path.Match(pattern, name)
			want = want || ok
			if err != nil {
				bad++
			}
		}
		var v violations
		n := newNames("filter.names", patterns, &v)
		if len(v) != bad {
			t.Fatalf("%d violations, %d bad patterns: %v", len(v), bad, v)
		}
		if bad == 0 && n.match(name) != want {
			t.Fatalf("%q matches %q: %t, want %t", name, patterns, n.match(name), want)
		}
	})
}
