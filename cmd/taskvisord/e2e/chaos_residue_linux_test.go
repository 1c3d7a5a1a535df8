//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// checkTasks compares what is listed with what each caller knows.
func (c *chaos) checkTasks(t *testing.T) {
	t.Helper()
	listed := map[string]*pb.Task{}
	for _, task := range c.list(t, nil) {
		listed[task.GetName()] = task
	}
	for _, caller := range c.callers {
		for _, problem := range caller.compare(listed) {
			t.Error(problem)
		}
	}
}

// calm returns the caller for what is done after the trouble.
func (c *chaos) calm() *chaosCaller { return c.callers[chaosOverSocket] }

// list lists all live tasks, page by page.
func (c *chaos) list(t *testing.T, filter *pb.TaskFilter) (all []*pb.Task) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), chaosHang)
	defer cancel()
	for token := ""; ; {
		page, err := c.calm().tasks.ListTasks(ctx, &pb.ListTasksRequest{PageSize: 1000, PageToken: token, Filter: filter})
		if err != nil {
			t.Fatalf("ListTasks: %v", err)
		}
		all = append(all, page.GetTasks()...)
		if token = page.GetNextPageToken(); token == "" {
			return all
		}
	}
}

// removeAll removes all tasks, and waits for those that have been removed but ignore it for a while.
func (c *chaos) removeAll(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), chaosPatience)
	defer cancel()
	for {
		left := c.list(t, nil)
		if len(left) == 0 {
			return
		}
		for _, task := range left {
			_, err := c.calm().tasks.RemoveTask(ctx, &pb.RemoveTaskRequest{Uid: task.GetUid()})
			if reason := reasonOf(err); err != nil && reason != "TASK_STUCK" {
				t.Fatalf("RemoveTask %s: %v", task, err)
			}
		}
	}
}

// checkPermits adds as many tasks as may run, and one more: those run, and this one waits.
func (c *chaos) checkPermits(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), chaosPatience)
	defer cancel()
	events, err := c.calm().tasks.WatchEvents(ctx, &pb.WatchEventsRequest{Filter: &pb.EventFilter{
		Names: []string{"permit-*"}, Kinds: []pb.EventKind{pb.EventKind_EVENT_KIND_TASK_STARTING},
	}})
	if err == nil {
		_, err = events.Header()
	}
	for i := 0; err == nil && i <= chaosPermits; i++ {
		spec := &pb.TaskSpec{Name: fmt.Sprintf("permit-%d", i), Plugin: "sleep", Config: object("duration", "1h")}
		_, err = c.calm().tasks.AddTask(ctx, &pb.AddTaskRequest{Task: spec})
	}
	for started := 0; err == nil && started < chaosPermits; {
		var message *pb.WatchEventsResponse
		message, err = events.Recv()
		started += len(message.GetEvents())
	}
	if err != nil {
		t.Fatalf("%d tasks do not come to run at once, which needs as many permits: %v", chaosPermits, err)
	}
	if waiting := c.list(t, &pb.TaskFilter{States: []pb.TaskState{pb.TaskState_TASK_STATE_WAITING}}); len(waiting) != 1 {
		t.Errorf("%d of %d tasks wait, with %d permits", len(waiting), chaosPermits+1, chaosPermits)
	}
	cancel() // the stream is none that is left over
	c.removeAll(t)
	if children := childrenOf(t, c.cmd.Process.Pid); len(children) > 1 {
		t.Errorf("the daemon has the children %v: more than its guardian", children)
	}
}

// settledFiles waits until the daemon has as many open files of each kind as want says, and returns nil. If it never has, it returns those
// that it has. Without want it waits until all connections are closed, and returns what is open then.
func (c *chaos) settledFiles(t *testing.T, want map[string]int) (files map[string]int) {
	t.Helper()
	deadline := time.Now().Add(chaosHang)
	tick := time.NewTicker(20 * time.Millisecond) // nothing tells of files that another process closes
	defer tick.Stop()
	const listeners = 2
	for {
		files = openFiles(t, c.cmd.Process.Pid)
		switch {
		case want != nil && sameCounts(files, want):
			return nil
		case want == nil && files["socket"] == listeners, time.Now().After(deadline):
			return files
		}
		<-tick.C
	}
}

// openFiles returns how many files of each kind a process has open.
func openFiles(t *testing.T, pid int) map[string]int {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, entry := range entries {
		target, err := os.Readlink(filepath.Join(dir, entry.Name()))
		if err != nil {
			continue // closed since
		}
		kind, _, _ := strings.Cut(target, ":[") // "socket:[1234]"
		kinds[kind]++
	}
	return kinds
}

func childrenOf(t *testing.T, pid int) (children []string) {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // a thread that has ended
		}
		children = append(children, strings.Fields(string(text))...)
	}
	return children
}

// residentOf returns how many MiB of memory a process has from the system.
func residentOf(t *testing.T, pid int) float64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return float64(pages*os.Getpagesize()) / (1 << 20)
}

func sameCounts(a, b map[string]int) bool { return maps.Equal(a, b) }

// describe lists counts, a line for each.
func describe(counts map[string]int) string {
	var b strings.Builder
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&b, "  %3d %s\n", counts[what], what)
	}
	return b.String()
}
