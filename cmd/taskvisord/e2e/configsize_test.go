//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// configLimit is how many bytes of JSON a config may have, as TaskSpec.config states it.
const configLimit = 64 << 10

// counted is an AddTask whose config has so many bytes once it is encoded as JSON, of which the command counts those that reach it. One unit of the text
// takes the given number of them.
func counted(name string, size int, unit string, encoded int) (request string, text int) {
	const frame = `{"command":["wc","-c"],"stdin":""}`
	units := (size - len(frame)) / encoded
	rest := size - len(frame) - units*encoded
	input := strings.Repeat(unit, units) + strings.Repeat("x", rest)
	return `{"task":{"name":"` + name + `","plugin":"exec","config":{"command":["wc","-c"],"stdin":"` + input + `"},` +
		`"capture_output":true,"restart":{"mode":"RESTART_MODE_NEVER"}}}`, units + rest
}

// A config of 64 KiB is accepted and all of it reaches the body; one more byte, and the answer says how many there are and how many there may be. What
// counts is what the config is as JSON, not how the caller has written it: a line feed is the two bytes \n, also from who sends it as \u000a.
func TestConfigOf64KiB(t *testing.T) {
	d := startDaemon(t, "--exec-allow", "wc")
	w := d.watch(t, `{}`)
	for name, unit := range map[string]struct {
		text    string
		encoded int
	}{"letters": {"x", 1}, "line-feeds": {`\u000a`, 2}} {
		request, text := counted(name, configLimit, unit.text, unit.encoded)
		d.call(t, "AddTask", request, &taskvisorv1.AddTaskResponse{})
		events := w.until(t, "TASK_REMOVED")
		line := ""
		for _, e := range events {
			line += strings.TrimSpace(e.GetLine())
		}
		if last := events[len(events)-1]; last.GetOutcome() != taskvisorv1.Outcome_OUTCOME_COMPLETED || line != fmt.Sprint(text) {
			t.Errorf("%s: %s with %q, want COMPLETED with %d", name, last.GetOutcome(), line, text)
		}

		request, _ = counted(name, configLimit+1, unit.text, unit.encoded)
		r := d.refuse(t, "AddTask", request)
		m := mistake{code: codes.InvalidArgument, reason: "INVALID_FIELD", fields: []string{"task.config"}}
		m.check(t, r)
		want := "65537 bytes of JSON are too many; give at most 65536"
		if len(r.wrong) != 1 || r.wrong[0].GetDescription() != want || !strings.Contains(r.message, want) {
			t.Errorf("%s: refused with %v %q, want %q", name, r.wrong, r.message, want)
		}
		t.Logf("%s: %s", name, r.message)
	}
	listed := &taskvisorv1.ListTasksResponse{}
	if d.call(t, "ListTasks", `{"include_finished":true}`, listed); len(listed.GetTasks()) != 2 {
		t.Errorf("%d tasks are listed", len(listed.GetTasks()))
	}
}
