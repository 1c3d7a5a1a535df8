package client

import (
	"slices"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// errorDomain is what google.rpc.ErrorInfo.domain says on every error that a Taskvisor server made.
const errorDomain = "taskvisor"

// reasonPrefix is what the names of ErrorReason have in front of google.rpc.ErrorInfo.reason.
const reasonPrefix = "ERROR_REASON_"

// Reason returns why a Taskvisor server refused a call. It is ERROR_REASON_UNSPECIFIED for nil, for an error that no such server made,
// such as a broken connection, and for a reason that is newer than this package.
func Reason(err error) pb.ErrorReason {
	name := reasonPrefix + info(err).GetReason()
	return pb.ErrorReason(pb.ErrorReason_value[name])
}

// Metadata returns the values that belong to the reason: the comment of each ErrorReason names them. It is nil where Reason has nothing to
// tell.
func Metadata(err error) map[string]string { return info(err).GetMetadata() }

// Violation is one thing that is wrong with a request.
type Violation struct {
	Field       string // path of the field from the request on: "task.backoff.factor"
	Description string // the value, and what to do about it
}

// Violations returns all that is wrong with the fields of a request, for an error that IsInvalid or IsUnsupported.
func Violations(err error) []Violation {
	bad, _ := detail[*errdetails.BadRequest](err)
	var list []Violation
	for _, v := range bad.GetFieldViolations() {
		list = append(list, Violation{Field: v.GetField(), Description: v.GetDescription()})
	}
	return list
}

// IsInvalid reports that the request is wrong in itself: sent again as it is, it will be refused again. Violations says what to repair.
func IsInvalid(err error) bool {
	return isReason(err, pb.ErrorReason_ERROR_REASON_INVALID_FIELD, pb.ErrorReason_ERROR_REASON_UNKNOWN_PLUGIN)
}

// IsUnsupported reports that this version of the server does not know a field yet.
func IsUnsupported(err error) bool { return isReason(err, pb.ErrorReason_ERROR_REASON_NOT_IMPLEMENTED) }

// IsExists reports that a live task has the name. Metadata "uid" is that of it.
func IsExists(err error) bool { return isReason(err, pb.ErrorReason_ERROR_REASON_TASK_EXISTS) }

// IsRequestIDReused reports that the request id was used with another spec: it is that of another request.
func IsRequestIDReused(err error) bool {
	return isReason(err, pb.ErrorReason_ERROR_REASON_REQUEST_ID_REUSED)
}

// IsNotFound reports that there is no such task, or none any more.
func IsNotFound(err error) bool { return isReason(err, pb.ErrorReason_ERROR_REASON_TASK_NOT_FOUND) }

// IsSlotBusy reports that the slot of the task is owned by another, and its policy was to give up then. Metadata "uid" is that of the owner.
func IsSlotBusy(err error) bool { return isReason(err, pb.ErrorReason_ERROR_REASON_SLOT_BUSY) }

// IsQueueFull reports that as many tasks wait for the slot as may.
func IsQueueFull(err error) bool { return isReason(err, pb.ErrorReason_ERROR_REASON_QUEUE_FULL) }

// IsSuperseded reports that a later task took the place of this one in the queue of its slot.
func IsSuperseded(err error) bool { return isReason(err, pb.ErrorReason_ERROR_REASON_SUPERSEDED) }

// IsStuck reports that a body did not return within its grace period. The task is removed as soon as it does.
func IsStuck(err error) bool { return isReason(err, pb.ErrorReason_ERROR_REASON_TASK_STUCK) }

// IsShutdown reports that the server shuts down.
func IsShutdown(err error) bool { return isReason(err, pb.ErrorReason_ERROR_REASON_SERVER_SHUTDOWN) }

// IsCursorExpired reports that a cursor is of another event log, or that events after it are gone. Watch reports this as a value, not as an
// error.
func IsCursorExpired(err error) bool {
	return isReason(err, pb.ErrorReason_ERROR_REASON_CURSOR_EXPIRED)
}

// IsLimit reports that a limit of the server is reached: on tasks, streams, the rate or the size of requests. Metadata "limit" is the limit.
func IsLimit(err error) bool {
	return isReason(err, pb.ErrorReason_ERROR_REASON_TASK_LIMIT, pb.ErrorReason_ERROR_REASON_STREAM_LIMIT,
		pb.ErrorReason_ERROR_REASON_PRINCIPAL_STREAM_LIMIT, pb.ErrorReason_ERROR_REASON_RATE_LIMIT, pb.ErrorReason_ERROR_REASON_SIZE_LIMIT)
}

// IsUnauthenticated reports that the server wants a token or a certificate, or does not know the one that it got.
func IsUnauthenticated(err error) bool {
	return isReason(err, pb.ErrorReason_ERROR_REASON_UNAUTHENTICATED)
}

// IsForbidden reports that the role of the caller does not allow the call, or that the plugin is not enabled.
func IsForbidden(err error) bool {
	return isReason(err, pb.ErrorReason_ERROR_REASON_ROLE_REQUIRED, pb.ErrorReason_ERROR_REASON_PLUGIN_DISABLED)
}

// IsInternal reports a fault of the server, whose log has the details.
func IsInternal(err error) bool { return isReason(err, pb.ErrorReason_ERROR_REASON_INTERNAL) }

func isReason(err error, reasons ...pb.ErrorReason) bool {
	return slices.Contains(reasons, Reason(err))
}

// refusal makes an error that reads like one of the server: for what the client finds out by itself.
func refusal(code codes.Code, reason pb.ErrorReason, metadata map[string]string, text string) error {
	s := status.New(code, text)
	detailed, err := s.WithDetails(&errdetails.ErrorInfo{Reason: reason.String()[len(reasonPrefix):], Domain: errorDomain, Metadata: metadata})
	if err != nil { // metadata that is not UTF-8, from a caller
		return s.Err()
	}
	return detailed.Err()
}

// info returns the ErrorInfo of the server; nil, which is as good as empty, when there is none.
func info(err error) *errdetails.ErrorInfo {
	if i, ok := detail[*errdetails.ErrorInfo](err); ok && i.GetDomain() == errorDomain {
		return i
	}
	return nil
}

// detail returns the first detail of type T in the status of err, or of an error that it wraps.
func detail[T any](err error) (T, bool) {
	s, _ := status.FromError(err)
	for _, d := range s.Details() {
		if t, ok := d.(T); ok {
			return t, true
		}
	}
	var none T
	return none, false
}
