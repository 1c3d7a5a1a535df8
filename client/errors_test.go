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
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// TestReasonKnowsEachOfTheContract fails when the enum and the way in which reasons are written drift apart.
func TestReasonKnowsEachOfTheContract(t *testing.T) {
	for number, name := range pb.ErrorReason_name {
		want := pb.ErrorReason(number)
		err := refusal(codes.Unknown, strings.TrimPrefix(name, "ERROR_REASON_"), nil)
		if got := client.Reason(err); got != want {
			t.Errorf("%s: got %s", name, got)
		}
		if got := client.Reason(fmt.Errorf("add tick: %w", err)); got != want {
			t.Errorf("%s, wrapped: got %s", name, got)
		}
	}
}

// TestPredicates is the table of which predicate holds for which reason. A reason without a row fails.
func TestPredicates(t *testing.T) {
	predicates := map[string]func(error) bool{
		"IsInvalid": client.IsInvalid, "IsUnsupported": client.IsUnsupported, "IsExists": client.IsExists, "IsRequestIDReused": client.IsRequestIDReused,
		"IsNotFound": client.IsNotFound, "IsSlotBusy": client.IsSlotBusy, "IsQueueFull": client.IsQueueFull, "IsSuperseded": client.IsSuperseded,
		"IsStuck": client.IsStuck, "IsShutdown": client.IsShutdown, "IsCursorExpired": client.IsCursorExpired, "IsLimit": client.IsLimit,
		"IsUnauthenticated": client.IsUnauthenticated, "IsForbidden": client.IsForbidden, "IsInternal": client.IsInternal,
	}
	table := map[string]string{
		"UNSPECIFIED": "", "INVALID_FIELD": "IsInvalid", "UNKNOWN_PLUGIN": "IsInvalid", "PLUGIN_DISABLED": "IsForbidden", "TASK_EXISTS": "IsExists",
		"TASK_NOT_FOUND": "IsNotFound", "SLOT_BUSY": "IsSlotBusy", "QUEUE_FULL": "IsQueueFull", "SUPERSEDED": "IsSuperseded",
		"CURSOR_EXPIRED": "IsCursorExpired", "TASK_STUCK": "IsStuck", "SERVER_SHUTDOWN": "IsShutdown", "NOT_IMPLEMENTED": "IsUnsupported",
		"TASK_LIMIT": "IsLimit", "STREAM_LIMIT": "IsLimit", "PRINCIPAL_STREAM_LIMIT": "IsLimit", "RATE_LIMIT": "IsLimit", "SIZE_LIMIT": "IsLimit",
		"UNAUTHENTICATED": "IsUnauthenticated", "ROLE_REQUIRED": "IsForbidden", "REQUEST_ID_REUSED": "IsRequestIDReused", "INTERNAL": "IsInternal",
	}
	for _, name := range pb.ErrorReason_name {
		reason := strings.TrimPrefix(name, "ERROR_REASON_")
		want, ok := table[reason]
		if !ok {
			t.Errorf("%s has no row", reason)
		}
		err := fmt.Errorf("wrapped: %w", refusal(codes.Unknown, reason, nil))
		for name, is := range predicates {
			if got := is(err); got != (name == want) {
				t.Errorf("%s: %s is %t", reason, name, got)
			}
		}
	}
	for name, is := range predicates {
		for _, err := range []error{nil, io.EOF, context.Canceled, status.Error(codes.NotFound, "TASK_NOT_FOUND")} {
			if is(err) {
				t.Errorf("%s of %v", name, err)
			}
		}
	}
	if client.IsLost(nil) || client.IsLost(io.EOF) || !client.IsLost(fmt.Errorf("wrapped: %w", &client.LostError{})) {
		t.Error("IsLost")
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
		if got := client.Reason(err); got != pb.ErrorReason_ERROR_REASON_UNSPECIFIED {
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
	task, err := c.Add(t.Context(), &pb.AddTaskRequest{
		Task: &pb.TaskSpec{Name: "bad name", Plugin: "exec", Timeout: durationpb.New(-time.Second)},
	})
	if task != nil || client.Reason(err) != pb.ErrorReason_ERROR_REASON_INVALID_FIELD {
		t.Errorf("got %v, %v", task, err)
	}
	var fields []string
	for _, v := range client.Violations(fmt.Errorf("add: %w", err)) {
		fields = append(fields, v.Field)
	}
	if got := strings.Join(fields, " "); got != "task.name task.timeout" {
		t.Errorf("violations of %q", got)
	}
}

func TestRemoveOfAMissingTask(t *testing.T) {
	_, c := newFake(t)
	_, err := c.Remove(t.Context(), &pb.RemoveTaskRequest{Name: "gone"})
	if client.Reason(err) != pb.ErrorReason_ERROR_REASON_TASK_NOT_FOUND || client.Metadata(err)["name"] != "gone" {
		t.Errorf("got %v", err)
	}
	task, err := c.Remove(t.Context(), &pb.RemoveTaskRequest{Name: "gone", AllowMissing: true})
	if task != nil || err != nil {
		t.Errorf("allowed: got %v, %v", task, err)
	}
}
