//go:build e2e

package e2e

import (
	"slices"
	"testing"

	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// TestOutput: the lines that a command writes are events, if the task asks for them.
func TestOutput(t *testing.T) {
	d := startDaemon(t, "--exec-allow", "sh")
	w := d.watch(t, `{}`)
	run := func(name, capture string) (lines []string) {
		d.call(t, "AddTask", `{"task":{"name":"`+name+`","plugin":"exec","config":{"command":["sh","-c","echo out; echo err >&2"]}`+capture+`}}`,
			&taskvisorv1.AddTaskResponse{})
		for _, e := range w.until(t, "TASK_REMOVED") {
			if kindOf(e) == "TASK_OUTPUT" {
				lines = append(lines, e.GetTask()+" "+e.GetStream().String()+" "+e.GetLine())
			}
		}
		slices.Sort(lines) // two streams are two pipes
		return lines
	}
	if got := run("silent", ""); got != nil {
		t.Errorf("unasked: %q", got)
	}
	want := []string{"heard OUTPUT_STREAM_STDERR err", "heard OUTPUT_STREAM_STDOUT out"}
	if got := run("heard", `,"capture_output":true`); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
