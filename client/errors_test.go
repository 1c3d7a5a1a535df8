package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/taskvisor/taskvisor/client"
	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// TestReasonKnowsEachOfTheContract fails when the enum and the way in which reasons are written drift apart.
func TestReasonKnowsEachOfTheContract(t *testing.T) {
	for number, name := range taskvisorv1.ErrorReason_name {
		want := taskvisorv1.ErrorReason(number)
		err := refusal(codes.Unknown, strings.TrimPrefix(name, "ERROR_REASON_"), nil)
		if got := client.Reason(err); got != want {
			t.Errorf("%s: got %s", name, got)
		}
		if got := client.Reason(fmt.Errorf("add tick: %w", err)); got != want {
			t.Errorf("%s, wrapped: got %s", name, got)
		}
	}
}

func TestReasonOfForeignErrors(t *testing.T) {
	foreign, err := status.New(codes.NotFound, "").WithDetails(&errdetails.ErrorInfo{
		Reason: "TASK_NOT_FOUND", Domain: "example.com", Metadata: map[string]string{"name": "tick"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"nil":            nil,
		"no status":      io.EOF,
		"context":        context.Canceled,
		"joined":         errors.Join(io.EOF, io.ErrClosedPipe),
		"no details":     status.Error(codes.NotFound, "TASK_NOT_FOUND"),
		"another domain": foreign.Err(),
		"newer reason":   refusal(codes.Unknown, "MOON_PHASE", nil),
		"no reason":      refusal(codes.Unknown, "", nil),
	} {
		if got := client.Reason(err); got != taskvisorv1.ErrorReason_ERROR_REASON_UNSPECIFIED {
			t.Errorf("%s: reason %s", name, got)
		}
		if got := client.Metadata(err); got != nil {
			t.Errorf("%s: metadata %v", name, got)
		}
		if got := client.Violations(err); got != nil {
			t.Errorf("%s: violations %v", name, got)
		}
	}
}

func TestViolationsOverTheWire(t *testing.T) {
	_, c := newFake(t)
	task, err := c.Add(t.Context(), &taskvisorv1.AddTaskRequest{
		Task: &taskvisorv1.TaskSpec{Name: "bad name", Plugin: "exec", Timeout: durationpb.New(-time.Second)},
	})
	if task != nil || client.Reason(err) != taskvisorv1.ErrorReason_ERROR_REASON_INVALID_FIELD {
		t.Errorf("got %v, %v", task, err)
	}
	var fields []string
	for _, v := range client.Violations(fmt.Errorf("add: %w", err)) {
		fields = append(fields, v.GetField())
	}
	if got := strings.Join(fields, " "); got != "task.name task.timeout" {
		t.Errorf("violations of %q", got)
	}
}

func TestRemoveOfAMissingTask(t *testing.T) {
	_, c := newFake(t)
	_, err := c.Remove(t.Context(), &taskvisorv1.RemoveTaskRequest{Name: "gone"})
	if client.Reason(err) != taskvisorv1.ErrorReason_ERROR_REASON_TASK_NOT_FOUND || client.Metadata(err)["name"] != "gone" {
		t.Errorf("got %v", err)
	}
	task, err := c.Remove(t.Context(), &taskvisorv1.RemoveTaskRequest{Name: "gone", AllowMissing: true})
	if task != nil || err != nil {
		t.Errorf("allowed: got %v, %v", task, err)
	}
}
