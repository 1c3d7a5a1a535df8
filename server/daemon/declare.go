package daemon

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"

	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/yamlfile"
)

// adder is AddTask of the service: the one piece of code that judges and adds tasks, whoever asks.
type adder interface {
	AddTask(context.Context, *taskvisorv1.AddTaskRequest) (*taskvisorv1.AddTaskResponse, error)
}

// validate has the service judge all tasks that could be read, without adding any. What it objects to becomes problems of the lines in question.
func (d *declaration) validate(ctx context.Context, service adder) {
	for _, t := range d.tasks {
		if !t.read {
			continue // what could not be read would be judged as missing
		}
		request := &taskvisorv1.AddTaskRequest{Task: t.spec, ValidateOnly: true}
		if _, err := service.AddTask(ctx, request); err != nil {
			t.report(err)
		}
	}
}

// addTo adds all tasks. They have been validated, so an error is about the daemon, not about them.
func (d *declaration) addTo(ctx context.Context, service adder) error {
	for _, t := range d.tasks {
		if _, err := service.AddTask(ctx, &taskvisorv1.AddTaskRequest{Task: t.spec}); err != nil {
			return fmt.Errorf("add task %q: %s", t.spec.GetName(), status.Convert(err).Message())
		}
	}
	return nil
}

// report turns an error of the service into problems with the task: one for each field that it names, and one for what it says beyond that.
func (t *declaredTask) report(err error) {
	s := status.Convert(err)
	named := map[string]bool{}
	about := ""
	for _, detail := range s.Details() {
		switch detail := detail.(type) {
		case *errdetails.BadRequest:
			for _, v := range detail.GetFieldViolations() {
				named[v.GetField()] = true
				t.reportField(v.GetField(), v.GetDescription())
			}
		case *errdetails.ErrorInfo:
			about = reasonField(detail)
		}
	}
	if len(named) == 0 || about != "" && !named[about] {
		t.reportField(about, s.Message())
	}
}

// reasonPrefix is what the names of reasons have in the contract and not on the wire.
const reasonPrefix = "ERROR_REASON_"

// reasonField returns the field of the request that an error without violations is about.
func reasonField(info *errdetails.ErrorInfo) string {
	switch taskvisorv1.ErrorReason_value[reasonPrefix+info.GetReason()] {
	case int32(taskvisorv1.ErrorReason_ERROR_REASON_UNKNOWN_PLUGIN), int32(taskvisorv1.ErrorReason_ERROR_REASON_PLUGIN_DISABLED):
		return "task.plugin"
	default:
		return info.GetMetadata()["field"]
	}
}

// reportField adds a problem with a field of the request: "task.restart.interval".
func (t *declaredTask) reportField(field, text string) {
	field = strings.TrimPrefix(strings.TrimPrefix(field, "task"), ".")
	path := t.path
	switch {
	case strings.HasPrefix(field, "["):
		path += field
	case field != "":
		path += "." + field
	}
	t.file.Report(yamlfile.Locate(t.node, field), path, "%s", text)
}
