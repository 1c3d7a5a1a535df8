package server_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/server/servertest"
)

// quiet keeps the log of the server out of the output of tests that are not about it.
var quiet = slog.New(slog.DiscardHandler)

func newHarness(t testing.TB, opts ...servertest.Option) *servertest.Harness {
	t.Helper()
	return servertest.New(t, append([]servertest.Option{servertest.WithServer(server.Config{Logger: quiet})}, opts...)...)
}

// bubble runs a test in virtual time.
func bubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}

// refusal is what a caller learns from an error.
type refusal struct {
	code     codes.Code
	reason   string
	metadata map[string]string
	fields   []string // of the violations
	message  string
	problems map[string]string // of the violations, by field
	wait     time.Duration     // until another attempt may succeed
}

func refusalOf(t testing.TB, err error) (r refusal) {
	t.Helper()
	s, ok := status.FromError(err)
	if !ok {
		t.Fatalf("%v is no status", err)
	}
	r = refusal{code: s.Code(), message: s.Message(), problems: map[string]string{}}
	for _, detail := range s.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			if r.reason != "" {
				t.Errorf("%v has two ErrorInfos", err)
			}
			if detail.GetDomain() != "taskvisor" {
				t.Errorf("domain %q", detail.GetDomain())
			}
			r.reason, r.metadata = detail.GetReason(), detail.GetMetadata()
		case *errdetails.BadRequest:
			for _, v := range detail.GetFieldViolations() {
				if v.GetDescription() == "" {
					t.Errorf("violation of %s has no description", v.GetField())
				}
				r.fields = append(r.fields, v.GetField())
				r.problems[v.GetField()] = v.GetDescription()
			}
		case *errdetails.RetryInfo:
			r.wait = detail.GetRetryDelay().AsDuration()
		default:
			t.Errorf("detail %T", detail)
		}
	}
	return r
}

// wantRefusal checks the code, the reason and the fields of the violations, in any order. Messages are never compared.
func wantRefusal(t testing.TB, err error, code codes.Code, reason string, fields ...string) refusal {
	t.Helper()
	r := refusalOf(t, err)
	slices.Sort(fields)
	got := slices.Sorted(slices.Values(r.fields))
	if r.code != code || r.reason != reason || !slices.Equal(got, fields) {
		t.Errorf("got %v %s %q, want %v %s %q: %v", r.code, r.reason, got, code, reason, fields, err)
	}
	if r.message == "" {
		t.Error("the message is empty")
	}
	return r
}

func wantInvalid(t testing.TB, err error, fields ...string) {
	t.Helper()
	wantRefusal(t, err, codes.InvalidArgument, "INVALID_FIELD", fields...)
}

func wantMetadata(t testing.TB, r refusal, want map[string]string) {
	t.Helper()
	if len(r.metadata) != len(want) {
		t.Errorf("metadata %v, want %v", r.metadata, want)
	}
	for key, value := range want {
		if r.metadata[key] != value {
			t.Errorf("metadata %q is %q, want %q", key, r.metadata[key], value)
		}
	}
}

// follower collects what one stream delivers.
type follower struct {
	t        testing.TB
	stream   grpc.ServerStreamingClient[pb.WatchEventsResponse]
	messages []*pb.WatchEventsResponse
	err      error // how the stream ended
	leave    context.CancelFunc
}

// watch opens a stream and returns once it is subscribed.
func watch(t testing.TB, h *servertest.Harness, req *pb.WatchEventsRequest) *follower {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	stream, err := h.Tasks.WatchEvents(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	f := &follower{t: t, stream: stream, leave: leave}
	t.Cleanup(leave)
	header, err := stream.Header()
	if err == nil && header == nil { // refused: the status is all there is
		_, err = stream.Recv()
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// next returns the next message.
func (f *follower) next() *pb.WatchEventsResponse {
	f.t.Helper()
	msg, err := f.stream.Recv()
	if err != nil {
		f.t.Fatal(err)
	}
	f.messages = append(f.messages, msg)
	return msg
}

// until reads up to the first message for which stop is true.
func (f *follower) until(stop func(*pb.WatchEventsResponse) bool) {
	f.t.Helper()
	for !stop(f.next()) {
	}
}

// sees reads up to an event of this kind.
func (f *follower) sees(kind pb.EventKind) {
	f.t.Helper()
	f.until(func(msg *pb.WatchEventsResponse) bool {
		return slices.ContainsFunc(msg.GetEvents(), func(e *pb.Event) bool { return e.GetKind() == kind })
	})
}

// end reads to the end of the stream.
func (f *follower) end() error {
	f.t.Helper()
	for {
		msg, err := f.stream.Recv()
		if err != nil {
			f.err = err
			return err
		}
		f.messages = append(f.messages, msg)
	}
}

// events returns all events so far.
func (f *follower) events() (events []*pb.Event) {
	for _, msg := range f.messages {
		events = append(events, msg.GetEvents()...)
	}
	return events
}

// kinds returns the kinds of all events so far, without their prefix.
func (f *follower) kinds() (kinds []string) {
	for _, e := range f.events() {
		kinds = append(kinds, kindName(e.GetKind()))
	}
	return kinds
}

func kindName(kind pb.EventKind) string { return strings.TrimPrefix(kind.String(), "EVENT_KIND_") }

// wantFlow checks what holds for every stream: sequences ascend, and each that is not delivered is in a gap, if the filter selects all; cursors
// never go back and are never behind the events.
func (f *follower) wantFlow(after uint64, filtered bool) {
	f.t.Helper()
	last, cursor := after, after
	for i, msg := range f.messages {
		if gap := msg.GetGap(); gap != nil {
			if gap.GetFirst() != last+1 && !filtered || gap.GetFirst() <= last || gap.GetLast() < gap.GetFirst() {
				f.t.Errorf("message %d: gap %v after %d", i, gap, last)
			}
			last = gap.GetLast()
		}
		for _, e := range msg.GetEvents() {
			if e.GetSequence() != last+1 && !filtered || e.GetSequence() <= last {
				f.t.Errorf("message %d: sequence %d after %d", i, e.GetSequence(), last)
			}
			last = e.GetSequence()
		}
		if c := msg.GetCursor(); c == nil || c.GetSequence() < cursor || c.GetSequence() < last {
			f.t.Errorf("message %d: cursor %v after %d, events up to %d", i, c, cursor, last)
		}
		cursor = msg.GetCursor().GetSequence()
	}
}

func seconds(n float64) *durationpb.Duration {
	return durationpb.New(time.Duration(n * float64(time.Second)))
}
