package client

import (
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"

	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// errorDomain is what google.rpc.ErrorInfo.domain says on every error that a Taskvisor server made.
const errorDomain = "taskvisor"

// reasonPrefix is what the names of ErrorReason have in front of google.rpc.ErrorInfo.reason.
const reasonPrefix = "ERROR_REASON_"

// Reason returns why a Taskvisor server refused a call. It is ERROR_REASON_UNSPECIFIED for nil, for an error that no such server made,
// such as a broken connection, and for a reason that is newer than this package.
func Reason(err error) taskvisorv1.ErrorReason {
	name := reasonPrefix + info(err).GetReason()
	return taskvisorv1.ErrorReason(taskvisorv1.ErrorReason_value[name])
}

// Metadata returns the values that belong to the reason: the comment of each ErrorReason names them. It is nil where Reason has nothing to
// tell.
func Metadata(err error) map[string]string { return info(err).GetMetadata() }

// Violations returns all that is wrong with the fields of a request, for an error with ERROR_REASON_INVALID_FIELD.
func Violations(err error) []*errdetails.BadRequest_FieldViolation {
	bad, _ := detail[*errdetails.BadRequest](err)
	return bad.GetFieldViolations()
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
