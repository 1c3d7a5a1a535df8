package server

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// errorDomain is what google.rpc.ErrorInfo.domain says on every error of this server.
const errorDomain = "taskvisor"

// reasonPrefix is what the names of ErrorReason have in front of google.rpc.ErrorInfo.reason.
const reasonPrefix = "ERROR_REASON_"

// situation is one row of the table: what a kind of error becomes on the wire.
type situation struct {
	is       func(error) bool
	code     codes.Code
	reason   pb.ErrorReason // zero: no ErrorInfo
	sentence func(error) string
	metadata func(error) map[string]string // nil: none
}

// situations maps the errors of the engine, of plugins and of this package to the wire. The first row that matches counts. To add a reason:
// a row here.
var situations = []situation{
	{isA[*pluginFault], codes.Internal, pb.ErrorReason_ERROR_REASON_INTERNAL, internalSentence, nil},
	{isA[*plugin.DisabledError], codes.PermissionDenied, pb.ErrorReason_ERROR_REASON_PLUGIN_DISABLED, disabledSentence, disabledMetadata},
	{isA[*plugin.UnknownPluginError], codes.InvalidArgument, pb.ErrorReason_ERROR_REASON_UNKNOWN_PLUGIN, unknownSentence, unknownMetadata},
	{isA[*invalidError], codes.InvalidArgument, pb.ErrorReason_ERROR_REASON_INVALID_FIELD, error.Error, nil},
	{isA[*supervisor.SpecError], codes.InvalidArgument, pb.ErrorReason_ERROR_REASON_INVALID_FIELD, error.Error, nil},
	{isA[*plugin.ConfigError], codes.InvalidArgument, pb.ErrorReason_ERROR_REASON_INVALID_FIELD, error.Error, nil},
	{is(supervisor.ErrTaskExists), codes.AlreadyExists, pb.ErrorReason_ERROR_REASON_TASK_EXISTS,
		existsSentence, existsMetadata},
	{is(supervisor.ErrTaskNotFound), codes.NotFound, pb.ErrorReason_ERROR_REASON_TASK_NOT_FOUND, missingSentence, taskMetadata},
	{is(supervisor.ErrTaskStuck), codes.DeadlineExceeded, pb.ErrorReason_ERROR_REASON_TASK_STUCK,
		remedy("it stays listed as TASK_STATE_STUCK and is removed as soon as its body returns"), taskMetadata},
	{is(supervisor.ErrSuperseded), codes.Aborted, pb.ErrorReason_ERROR_REASON_SUPERSEDED,
		remedy("look at what has the name now before you ask again"), taskMetadata},
	{isA[*requestIDError], codes.AlreadyExists, pb.ErrorReason_ERROR_REASON_REQUEST_ID_REUSED, error.Error, requestIDMetadata},
	{is(supervisor.ErrTaskLimit), codes.ResourceExhausted, pb.ErrorReason_ERROR_REASON_TASK_LIMIT,
		remedy("remove tasks that are not needed, or start the server with a higher limit"), taskLimitMetadata},
	{is(supervisor.ErrSlotBusy), codes.FailedPrecondition, pb.ErrorReason_ERROR_REASON_SLOT_BUSY,
		remedy("wait until it has ended, or add the task with ADMISSION_POLICY_QUEUE or ADMISSION_POLICY_REPLACE"), busyMetadata},
	{is(supervisor.ErrQueueFull), codes.ResourceExhausted, pb.ErrorReason_ERROR_REASON_QUEUE_FULL,
		remedy("try again when fewer do, or add the task with ADMISSION_POLICY_REPLACE"), queueMetadata},
	{is(supervisor.ErrShutdown), codes.Unavailable, pb.ErrorReason_ERROR_REASON_SERVER_SHUTDOWN, shutdownSentence, nil},
	{is(supervisor.ErrClosed), codes.Unavailable, pb.ErrorReason_ERROR_REASON_SERVER_SHUTDOWN, shutdownSentence, nil},
	{isA[*supervisor.CursorError], codes.OutOfRange, pb.ErrorReason_ERROR_REASON_CURSOR_EXPIRED, cursorSentence, cursorMetadata},
	{isLimit(pb.ErrorReason_ERROR_REASON_STREAM_LIMIT), codes.ResourceExhausted, pb.ErrorReason_ERROR_REASON_STREAM_LIMIT, error.Error, limitMetadata},
	{isLimit(pb.ErrorReason_ERROR_REASON_PRINCIPAL_STREAM_LIMIT), codes.ResourceExhausted, pb.ErrorReason_ERROR_REASON_PRINCIPAL_STREAM_LIMIT,
		error.Error, limitMetadata},
	{isLimit(pb.ErrorReason_ERROR_REASON_RATE_LIMIT), codes.ResourceExhausted, pb.ErrorReason_ERROR_REASON_RATE_LIMIT, error.Error, limitMetadata},
	{isLimit(pb.ErrorReason_ERROR_REASON_SIZE_LIMIT), codes.ResourceExhausted, pb.ErrorReason_ERROR_REASON_SIZE_LIMIT, error.Error, limitMetadata},
	{isA[*authError], codes.Unauthenticated, pb.ErrorReason_ERROR_REASON_UNAUTHENTICATED, error.Error, nil},
	{isA[*roleError], codes.PermissionDenied, pb.ErrorReason_ERROR_REASON_ROLE_REQUIRED, error.Error, roleMetadata},
	// The caller has left or is about to, so there is nobody to read a reason, and the contract has none.
	{is(context.Canceled), codes.Canceled, 0, leftSentence, nil},
	{is(context.DeadlineExceeded), codes.DeadlineExceeded, 0, leftSentence, nil},
	{anything, codes.Internal, pb.ErrorReason_ERROR_REASON_INTERNAL, internalSentence, nil},
}

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func isLimit(reason pb.ErrorReason) func(error) bool {
	return func(err error) bool {
		limit, ok := errors.AsType[*limitError](err)
		return ok && limit.reason == reason
	}
}

func anything(error) bool { return true }

// statusOf returns what err becomes on the wire. A status stays as it is: those are of gRPC itself, about a stream that broke.
func statusOf(err error) *status.Status {
	// One that is inside another error is the business of that error.
	if s, ok := err.(interface{ GRPCStatus() *status.Status }); ok {
		return s.GRPCStatus()
	}
	for i := range situations {
		if row := &situations[i]; row.is(err) {
			return row.status(err)
		}
	}
	return status.New(codes.Internal, internalSentence(err)) // not reached: the last row matches anything
}

// status writes the error into a status with all its details.
func (row *situation) status(err error) *status.Status {
	s := status.New(row.code, cutText(row.sentence(err), maxMessageBytes))
	if row.reason != 0 {
		s = withDetail(s, &errdetails.ErrorInfo{Reason: reasonName(row.reason), Domain: errorDomain, Metadata: row.metadataOf(err)})
	}
	if limit, ok := errors.AsType[*limitError](err); ok && limit.wait > 0 {
		s = withDetail(s, &errdetails.RetryInfo{RetryDelay: durationpb.New(limit.wait)})
	}
	if wrong := violationsOf(err); len(wrong) > 0 {
		s = withDetail(s, badRequest(wrong, maxStatusBytes-detailBytes-proto.Size(s.Proto())))
	}
	return s
}

// withDetail adds a detail. It is left out only if it cannot be encoded, which it can.
func withDetail(s *status.Status, detail protoadapt.MessageV1) *status.Status {
	if detailed, err := s.WithDetails(detail); err == nil {
		return detailed
	}
	return s
}

func (row *situation) metadataOf(err error) map[string]string {
	if row.metadata == nil {
		return nil
	}
	metadata := row.metadata(err)
	for key, value := range metadata {
		metadata[key] = cutText(value, maxMessageBytes)
	}
	return metadata
}

// reasonName is what ErrorInfo.reason says for a reason.
func reasonName(reason pb.ErrorReason) string {
	return strings.TrimPrefix(reason.String(), reasonPrefix)
}

// A status travels in the trailers of a call, and many clients and proxies take no more than 8 KiB of those. There the message is once by
// itself, with up to 3 bytes for each of its bytes, and once with all the rest in base64, 4 bytes for 3. What else is in trailers needs 300 bytes.
const (
	maxStatusBytes    = 4608 // of a status as a message: 6 KiB of base64
	maxMessageBytes   = 512  // of the sentence, and of a value of the metadata
	maxViolationBytes = 512  // of a field, and of a problem
	detailBytes       = 64   // of the frame around a detail
)

// badRequest lists the violations; if they need more than so many bytes, the last one says how many are left out.
func badRequest(wrong violations, bytes int) *errdetails.BadRequest {
	const lastBytes = 256
	var list []*errdetails.BadRequest_FieldViolation
	room := newRoom(bytes - lastBytes)
	for i, w := range wrong {
		one := &errdetails.BadRequest_FieldViolation{Field: cutText(w.field, maxViolationBytes), Description: cutText(w.problem, maxViolationBytes)}
		if !room.take(one) {
			rest := fmt.Sprintf("and %d more violations; repair these first", len(wrong)-i)
			list = append(list, &errdetails.BadRequest_FieldViolation{Field: cutText(w.field, lastBytes/2), Description: rest})
			break
		}
		list = append(list, one)
	}
	return &errdetails.BadRequest{FieldViolations: list}
}

// violationsOf returns the violations that err consists of, if any.
func violationsOf(err error) violations {
	if e, ok := errors.AsType[*invalidError](err); ok {
		return e.violations
	}
	if e, ok := errors.AsType[*supervisor.SpecError](err); ok {
		return specViolations(e)
	}
	if e, ok := errors.AsType[*plugin.ConfigError](err); ok {
		return configViolations(e)
	}
	return nil
}

// specViolations returns what the engine found wrong with a spec, with paths from the request on.
func specViolations(e *supervisor.SpecError) (v violations) {
	for _, found := range e.Violations {
		v.add("task."+found.Field, "%s", found.Problem)
	}
	return v
}

// configViolations returns what a plugin found wrong with a config, with paths from the request on.
func configViolations(e *plugin.ConfigError) (v violations) {
	const config = "task.config"
	for _, found := range e.Violations {
		field := config
		if found.Path != "" && found.Path[0] != '[' {
			field += "."
		}
		v.add(field+found.Path, "%s", found.Problem)
	}
	return v
}

// invalidError says that fields of a request are wrong. The cause, if there is one, is a more exact reason for one of them.
type invalidError struct {
	violations violations
	cause      error
}

func (e *invalidError) Error() string { return e.violations.String() }

func (e *invalidError) Unwrap() error { return e.cause }

// limitError says that a request would exceed a limit of the server.
type limitError struct {
	reason    pb.ErrorReason
	limit     int
	text      string
	principal string        // whose limit it is; empty if that is of no matter
	wait      time.Duration // after which it would not, as google.rpc.RetryInfo says it; 0 where that depends on others
}

func (e *limitError) Error() string { return e.text }

// pluginFault is an error of a plugin that has no business to occur. It is a fault of the server, whatever it wraps.
type pluginFault struct{ err error }

func (e *pluginFault) Error() string { return e.err.Error() }
func (e *pluginFault) Unwrap() error { return e.err }

func remedy(what string) func(error) string {
	return func(err error) string { return err.Error() + "; " + what }
}

func internalSentence(error) string { return "internal error; the log of the server has the details" }

func shutdownSentence(error) string {
	return "the server shuts down; try again when it is back, or another one"
}

func leftSentence(err error) string {
	return "the call ended before it had an answer: " + err.Error() + "; what it began goes on"
}

func missingSentence(err error) string {
	if e := taskOf(err); !e.UID.IsZero() {
		return fmt.Sprintf("no task has the uid %q, or none any more; list those that are kept by ListTasks with include_finished", e.UID)
	}
	return fmt.Sprintf("no live task is named %q; ListTasks lists those that are", taskOf(err).Name)
}

func disabledSentence(err error) string {
	e, _ := errors.AsType[*plugin.DisabledError](err)
	return e.Error()
}

// unknownSentence tells all that is wrong with the request, if the plugin is not all.
func unknownSentence(err error) string {
	if e, ok := errors.AsType[*invalidError](err); ok && len(e.violations) > 1 {
		return e.Error()
	}
	e, _ := errors.AsType[*plugin.UnknownPluginError](err)
	return e.Error()
}

func cursorSentence(err error) string {
	e, _ := errors.AsType[*supervisor.CursorError](err)
	return "resume: " + e.Error()
}

func disabledMetadata(err error) map[string]string {
	e, _ := errors.AsType[*plugin.DisabledError](err)
	return map[string]string{"plugin": e.Name}
}

func unknownMetadata(err error) map[string]string {
	e, _ := errors.AsType[*plugin.UnknownPluginError](err)
	return map[string]string{"plugin": e.Name, "known_plugins": strings.Join(e.Known, ",")}
}

// taskMetadata names the task, with what of name and uid is known.
func taskMetadata(err error) map[string]string {
	e, metadata := taskOf(err), map[string]string{}
	if e.Name != "" {
		metadata["name"] = e.Name
	}
	if !e.UID.IsZero() {
		metadata["uid"] = e.UID.String()
	}
	return metadata
}

func requestIDMetadata(err error) map[string]string {
	e, _ := errors.AsType[*requestIDError](err)
	return map[string]string{"request_id": e.id}
}

// taskOf returns the task that err is about.
func taskOf(err error) *supervisor.TaskError {
	if e, ok := errors.AsType[*supervisor.TaskError](err); ok {
		return e
	}
	return &supervisor.TaskError{}
}

func cursorMetadata(err error) map[string]string {
	e, _ := errors.AsType[*supervisor.CursorError](err)
	return map[string]string{
		"epoch":           e.Epoch,
		"oldest_sequence": strconv.FormatUint(e.Oldest, 10),
		"last_sequence":   strconv.FormatUint(e.Latest, 10),
	}
}

func limitMetadata(err error) map[string]string {
	e, _ := errors.AsType[*limitError](err)
	metadata := map[string]string{"limit": strconv.Itoa(e.limit)}
	if e.principal != "" {
		metadata["principal"] = e.principal
	}
	return metadata
}

// cutText makes text fit to be sent: valid UTF-8 of at most limit bytes.
func cutText(text string, limit int) string {
	text = validText(text)
	if len(text) <= limit {
		return text
	}
	const mark = "…"
	end := limit - len(mark)
	for end > 0 && text[end]&0xC0 == 0x80 { // in the middle of a character
		end--
	}
	return text[:end] + mark
}

// taskLimitMetadata tells the limit on live tasks.
func taskLimitMetadata(err error) map[string]string {
	e, ok := errors.AsType[*supervisor.TaskLimitError](err)
	if !ok {
		return nil
	}
	return map[string]string{"limit": strconv.Itoa(e.Limit)}
}

// busyMetadata names the slot and who owns it.
func busyMetadata(err error) map[string]string {
	e := slotOf(err)
	return map[string]string{"slot": e.Slot, "uid": e.Owner.String()}
}

// queueMetadata names the slot and the limit on its queue.
func queueMetadata(err error) map[string]string {
	e := slotOf(err)
	return map[string]string{"slot": e.Slot, "limit": strconv.Itoa(e.Limit)}
}

// slotOf returns the slot that err is about.
func slotOf(err error) *supervisor.SlotError {
	if e, ok := errors.AsType[*supervisor.SlotError](err); ok {
		return e
	}
	return &supervisor.SlotError{}
}
