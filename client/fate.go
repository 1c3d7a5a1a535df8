package client

import (
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// fates and retriedCodes are the one table of what Watch does when a stream ends with an error: it opens another one for what is true, or is
// among the codes, and ends with the error for all else. A reason that this package knows decides; without one, the code does. doc.go has the
// table in words. To add a reason: a row here.
var (
	fates = map[pb.ErrorReason]bool{
		pb.ErrorReason_ERROR_REASON_SERVER_SHUTDOWN:        true, // another server, or the same one, will be there
		pb.ErrorReason_ERROR_REASON_STREAM_LIMIT:           true, // others leave
		pb.ErrorReason_ERROR_REASON_PRINCIPAL_STREAM_LIMIT: true, // so do others of the same name
		pb.ErrorReason_ERROR_REASON_RATE_LIMIT:             true, // the delays make the rate lower
		pb.ErrorReason_ERROR_REASON_INTERNAL:               true, // an alert must not end with one fault of the server

		pb.ErrorReason_ERROR_REASON_CURSOR_EXPIRED: false, // it is told as a value; this is for one that says nothing

		pb.ErrorReason_ERROR_REASON_INVALID_FIELD:     false,
		pb.ErrorReason_ERROR_REASON_NOT_IMPLEMENTED:   false,
		pb.ErrorReason_ERROR_REASON_SIZE_LIMIT:        false,
		pb.ErrorReason_ERROR_REASON_UNAUTHENTICATED:   false,
		pb.ErrorReason_ERROR_REASON_ROLE_REQUIRED:     false,
		pb.ErrorReason_ERROR_REASON_UNKNOWN_PLUGIN:    false, // this and what follows is about other calls
		pb.ErrorReason_ERROR_REASON_PLUGIN_DISABLED:   false,
		pb.ErrorReason_ERROR_REASON_TASK_EXISTS:       false,
		pb.ErrorReason_ERROR_REASON_TASK_NOT_FOUND:    false,
		pb.ErrorReason_ERROR_REASON_SLOT_BUSY:         false,
		pb.ErrorReason_ERROR_REASON_QUEUE_FULL:        false,
		pb.ErrorReason_ERROR_REASON_SUPERSEDED:        false,
		pb.ErrorReason_ERROR_REASON_TASK_STUCK:        false,
		pb.ErrorReason_ERROR_REASON_TASK_LIMIT:        false,
		pb.ErrorReason_ERROR_REASON_REQUEST_ID_REUSED: false,
		pb.ErrorReason_ERROR_REASON_UNSPECIFIED:       false, // not looked up
	}
	retriedCodes = []codes.Code{
		codes.Unavailable,       // nobody listens, or the connection broke
		codes.Canceled,          // something between here and the server dropped the stream; this side did not
		codes.DeadlineExceeded,  // something between here and the server limits how long a stream may be
		codes.ResourceExhausted, // something between here and the server is busy
		codes.Aborted,           // something between here and the server wants a new call
		codes.Internal,          // what was received was cut off
		codes.Unknown,           // no server of ours says that: the stream ended without a status, or was silent
	}
)

// isRetried reports whether a watch whose stream ended with err opens another one.
func isRetried(err error) bool {
	if reason := Reason(err); reason != pb.ErrorReason_ERROR_REASON_UNSPECIFIED {
		return fates[reason]
	}
	return slices.Contains(retriedCodes, status.Code(err))
}
