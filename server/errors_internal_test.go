package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// reservedReasons are the reasons whose behaviour has not landed. To land one: delete it here, and add a row to situations.
var reservedReasons = []pb.ErrorReason{
	pb.ErrorReason_ERROR_REASON_NOT_IMPLEMENTED, // for fields whose behaviour is to come; there is none at present
}

// everyError has an error for each row of situations, in the order of the rows.
func everyError() []error {
	uid := must(supervisor.ParseUID("01890a5d-ac96-774b-bcce-b302099a8057"))
	about := func(err error) error { return &supervisor.TaskError{Name: "task", UID: uid, Err: err} }
	limit := func(reason pb.ErrorReason) error { return &limitError{reason: reason, limit: 7, text: "too many"} }
	return []error{
		&pluginFault{context.Canceled},
		&plugin.DisabledError{Name: "exec", Reason: "not allowed"},
		&invalidError{violations{{"task.plugin", "unknown"}}, &plugin.UnknownPluginError{Name: "x", Known: []string{"a", "b"}}},
		violations{{"task.name", "bad"}}.err(),
		&supervisor.SpecError{Violations: []supervisor.Violation{{Field: "backoff.factor", Problem: "bad"}}},
		&plugin.ConfigError{Plugin: "x", Violations: []plugin.Violation{{Path: "command[0]", Problem: "bad"}, {Path: `["a b"]`, Problem: "bad"}, {Problem: "bad"}}},
		about(supervisor.ErrTaskExists),
		&supervisor.TaskError{Name: "task", Err: supervisor.ErrTaskNotFound},
		about(supervisor.ErrTaskStuck),
		&supervisor.TaskError{Name: "task", Err: supervisor.ErrSuperseded},
		&requestIDError{"id"},
		&supervisor.TaskError{Name: "task", Err: &supervisor.TaskLimitError{Limit: 7}},
		about(&supervisor.SlotError{Slot: "slot", Owner: uid, Limit: 7, Err: supervisor.ErrSlotBusy}),
		about(&supervisor.SlotError{Slot: "slot", Owner: uid, Limit: 7, Err: supervisor.ErrQueueFull}),
		&supervisor.TaskError{Name: "task", Err: supervisor.ErrShutdown},
		supervisor.ErrClosed,
		&supervisor.CursorError{Epoch: "e", Oldest: 5, Latest: 9},
		limit(pb.ErrorReason_ERROR_REASON_STREAM_LIMIT),
		&limitError{reason: pb.ErrorReason_ERROR_REASON_PRINCIPAL_STREAM_LIMIT, limit: 7, text: "too many", principal: "p"},
		limit(pb.ErrorReason_ERROR_REASON_RATE_LIMIT),
		limit(pb.ErrorReason_ERROR_REASON_SIZE_LIMIT),
		errRevoked,
		&roleError{"AddTask", Identity{Principal: "p", Role: RoleWatch}, RoleOperate},
		context.Canceled,
		context.DeadlineExceeded,
		io.ErrUnexpectedEOF,
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func detail[T proto.Message](s *status.Status) (found T) {
	for _, d := range s.Details() {
		if d, ok := d.(T); ok {
			found = d
		}
	}
	return found
}

// Each row is reached by its error, also inside another one, and says on the wire what it says in the table.
func TestEachErrorHasItsSituation(t *testing.T) {
	all := everyError()
	if len(all) != len(situations) {
		t.Fatalf("%d errors for %d situations", len(all), len(situations))
	}
	for i, row := range situations {
		for _, err := range []error{all[i], fmt.Errorf("while testing: %w", all[i])} {
			s := statusOf(err)
			info := detail[*errdetails.ErrorInfo](s)
			wantReason := ""
			if row.reason != 0 {
				wantReason = reasonName(row.reason)
			}
			if s.Code() != row.code || info.GetReason() != wantReason || s.Message() == "" {
				t.Errorf("row %d: %v gives %v %q, want %v %q", i, err, s.Code(), info.GetReason(), row.code, wantReason)
			}
			if info != nil && info.GetDomain() != "taskvisor" {
				t.Errorf("row %d: domain %q", i, info.GetDomain())
			}
			isInput := row.reason == pb.ErrorReason_ERROR_REASON_INVALID_FIELD || row.reason == pb.ErrorReason_ERROR_REASON_UNKNOWN_PLUGIN
			if bad := detail[*errdetails.BadRequest](s); (len(bad.GetFieldViolations()) > 0) != isInput {
				t.Errorf("row %d: violations %v", i, bad)
			}
		}
	}
}

// The way back: each reason is either of a row or reserved, and not both.
func TestEachReasonIsUsedOrReserved(t *testing.T) {
	used := map[pb.ErrorReason]bool{}
	for _, row := range situations {
		used[row.reason] = true
	}
	for number := range pb.ErrorReason_name {
		reason := pb.ErrorReason(number)
		if reason != 0 && used[reason] == slices.Contains(reservedReasons, reason) {
			t.Errorf("%v: used %t, reserved %t", reason, used[reason], !used[reason])
		}
	}
}

// "CODE: what it means; metadata "key", …": the comment of each reason in the contract against what the table makes of it.
func TestEachReasonIsAsItsCommentSays(t *testing.T) {
	comments := reasonComments(t)
	for i, err := range everyError() {
		row := situations[i]
		if row.reason == 0 {
			continue
		}
		comment := comments[row.reason]
		code, rest, _ := strings.Cut(strings.TrimSpace(comment), ":")
		if code != wireCode(row.code) {
			t.Errorf("%v: code %s, the comment says %s", row.reason, wireCode(row.code), code)
		}
		_, promised, _ := strings.Cut(rest, "metadata")
		metadata := detail[*errdetails.ErrorInfo](statusOf(err)).GetMetadata()
		for key := range metadata {
			if !strings.Contains(promised, `"`+key+`"`) {
				t.Errorf("%v: metadata %q is not in the comment %q", row.reason, key, comment)
			}
		}
		if keys := strings.Count(promised, `"`) / 2; len(metadata) < keys && !strings.Contains(promised, " or ") {
			t.Errorf("%v: metadata %v, the comment promises%s", row.reason, metadata, promised)
		}
	}
}

func reasonComments(t *testing.T) map[pb.ErrorReason]string {
	t.Helper()
	files := must(parseDescriptors(descriptorSet))
	enum := must(files.FindDescriptorByName(pb.ErrorReason(0).Descriptor().FullName())).(protoreflect.EnumDescriptor)
	comments := map[pb.ErrorReason]string{}
	for i := range enum.Values().Len() {
		value := enum.Values().Get(i)
		comments[pb.ErrorReason(value.Number())] = value.ParentFile().SourceLocations().ByDescriptor(value).LeadingComments
	}
	return comments
}

// wireCode returns the name of a code as the specification of gRPC has it.
func wireCode(code codes.Code) string {
	var b strings.Builder
	for i, r := range code.String() {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToUpper(b.String())
}

// An error that is a status already is one about the stream, made by gRPC.
func TestStatusOfAStatus(t *testing.T) {
	given := status.New(codes.Aborted, "it broke")
	if got := statusOf(given.Err()); got.Code() != codes.Aborted || got.Message() != "it broke" {
		t.Errorf("got %v", got)
	}
}

// What a plugin returns may pretend to be anything; a fault of the server it stays, and nobody learns more.
func TestAPluginFaultIsInternal(t *testing.T) {
	for _, err := range []error{context.Canceled, supervisor.ErrShutdown, status.Error(codes.NotFound, "secret"), errors.New("secret")} {
		s := statusOf(&pluginFault{err})
		if s.Code() != codes.Internal || strings.Contains(s.Message(), "secret") {
			t.Errorf("%v gives %v", err, s)
		}
	}
}

func TestSentences(t *testing.T) {
	uid := must(supervisor.ParseUID("01890a5d-ac96-774b-bcce-b302099a8057"))
	for text, err := range map[string]error{
		`"task"`:        &supervisor.TaskError{Name: "task", Err: supervisor.ErrTaskNotFound},
		uid.String():    &supervisor.TaskError{UID: uid, Err: supervisor.ErrTaskNotFound},
		"include_finis": &supervisor.TaskError{UID: uid, Err: supervisor.ErrTaskNotFound},
		"2 fields":      &invalidError{violations{{"task.plugin", "unknown"}, {"task.name", "bad"}}, &plugin.UnknownPluginError{Name: "x"}},
		"the oldest":    &supervisor.CursorError{Epoch: "e", Cursor: supervisor.Cursor{Epoch: "e", Sequence: 1}, Oldest: 5, Latest: 9},
	} {
		if got := statusOf(err).Message(); !strings.Contains(got, text) {
			t.Errorf("%q does not contain %q", got, text)
		}
	}
	// An error that is about no task, though its row expects one, must not be the end of the server.
	if got := statusOf(supervisor.ErrTaskNotFound); got.Code() != codes.NotFound {
		t.Errorf("got %v", got)
	}
}

// The paths of violations begin at the request.
func TestViolationPaths(t *testing.T) {
	all := everyError()
	for i, want := range map[int][]string{
		2: {"task.plugin"}, 3: {"task.name"}, 4: {"task.backoff.factor"},
		5: {"task.config.command[0]", `task.config["a b"]`, "task.config"},
	} {
		var got []string
		for _, v := range violationsOf(all[i]) {
			got = append(got, v.field)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v: %q, want %q", all[i], got, want)
		}
	}
}

func TestCutText(t *testing.T) {
	for _, test := range []struct {
		text, want string
		limit      int
	}{
		{"", "", 10},
		{"short", "short", 5},
		{"longer", "lo…", 5},
		{"äöü", "äöü", 6},
		{"äöüx", "ä…", 6},
		{"a\xffb", "a\uFFFDb", 10},
	} {
		if got := cutText(test.text, test.limit); got != test.want || !utf8.ValidString(got) {
			t.Errorf("%q cut to %d is %q, want %q", test.text, test.limit, got, test.want)
		}
	}
}

// Nothing that a caller or a plugin says can make a status that cannot be sent.
func TestStatusOfInvalidText(t *testing.T) {
	const bad = "\xff\xfe"
	for _, err := range []error{
		&invalidError{violations{{bad, bad}}, nil},
		&plugin.DisabledError{Name: bad, Reason: bad},
		&plugin.UnknownPluginError{Name: bad, Known: []string{bad}},
		&supervisor.TaskError{Name: bad, Err: supervisor.ErrTaskExists},
	} {
		s := statusOf(err)
		if _, err := proto.Marshal(s.Proto()); err != nil || len(s.Details()) == 0 {
			t.Errorf("%v: %v", s, err)
		}
	}
}

func TestMergeKeepsTheFirstWordOnAField(t *testing.T) {
	v := violations{{"a", "1"}, {"b", "2"}}
	v.merge(violations{{"a", "3"}, {"c", "4"}, {"c", "5"}})
	got := map[string]string{}
	for _, one := range v {
		got[one.field] += one.problem
	}
	if want := map[string]string{"a": "1", "b": "2", "c": "45"}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestViolationsAreBounded(t *testing.T) {
	var v violations
	for range 2 * maxViolations {
		v.add("field", "problem")
	}
	if len(v) != maxViolations {
		t.Errorf("%d violations", len(v))
	}
}
