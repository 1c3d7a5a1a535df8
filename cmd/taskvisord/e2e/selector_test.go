//go:build e2e

package e2e

import (
	"maps"
	"slices"
	"strings"
	"testing"

	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// TestLabelSelectors: lists, snapshots and streams have the tasks that a selector selects, and no others.
func TestLabelSelectors(t *testing.T) {
	d := startDaemon(t)
	all := d.watch(t, `{}`)
	selected := d.watch(t, `{"filter":{"label_selector":"app in (web,store), !legacy"}}`)
	for name, labels := range map[string]string{
		"api": `"app":"web"`, "db": `"app":"store"`, "old": `"app":"web","legacy":""`, "tool": ``,
	} {
		request := `{"task":{"name":"` + name + `","plugin":"sleep","config":{"duration":"1h"},"labels":{` + labels + `}}}`
		d.call(t, "AddTask", request, &taskvisorv1.AddTaskResponse{})
		all.until(t, "TASK_STARTING")
	}
	for selector, want := range map[string]string{
		"app=web": "api,old", "app!=web": "db,tool", "legacy": "old", "!app": "tool", "app notin (store),app": "api,old",
		"app in (web,store),!legacy": "api,db", "legacy=": "old", "app==nobody": "", "": "api,db,old,tool",
	} {
		listed := &taskvisorv1.ListTasksResponse{}
		d.call(t, "ListTasks", `{"filter":{"label_selector":"`+selector+`"}}`, listed)
		if got := taskNames(listed.GetTasks()); got != want {
			t.Errorf("list of %q: %s, want %s", selector, got, want)
		}
		w := d.watch(t, `{"start":"WATCH_START_SNAPSHOT","filter":{"label_selector":"`+selector+`"}}`)
		if got := taskNames(w.snapshot(t)); got != want {
			t.Errorf("snapshot of %q: %s, want %s", selector, got, want)
		}
	}
	began := map[string]bool{}
	for !maps.Equal(began, map[string]bool{"api": true, "db": true}) {
		msg, ok := selected.message(t)
		if !ok {
			t.Fatalf("the stream ends: %s", selected.output())
		}
		for _, e := range msg.GetEvents() {
			if e.GetTask() != "api" && e.GetTask() != "db" {
				t.Fatalf("the selector lets through %v", e)
			}
			if kindOf(e) == "TASK_STARTING" {
				began[e.GetTask()] = true
			}
		}
	}
}

func taskNames(tasks []*taskvisorv1.Task) string {
	var names []string
	for _, task := range tasks {
		names = append(names, task.GetName())
	}
	slices.Sort(names)
	return strings.Join(names, ",")
}
