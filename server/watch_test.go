package server_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/server/servertest"
	"github.com/taskvisor/taskvisor/supervisor"
)

const (
	startOldest   = pb.WatchStart_WATCH_START_OLDEST
	startSnapshot = pb.WatchStart_WATCH_START_SNAPSHOT
)

// watchError opens a stream that is to be refused.
func watchError(t *testing.T, h *servertest.Harness, req *pb.WatchEventsRequest) error {
	t.Helper()
	stream, err := h.Tasks.WatchEvents(t.Context(), req)
	if err == nil {
		_, err = stream.Recv()
	}
	return err
}

func TestWatchEventsRefuses(t *testing.T) {
	h := newHarness(t)
	epoch := h.Supervisor.Cursor().Epoch
	filter := func(f *pb.EventFilter) *pb.WatchEventsRequest { return &pb.WatchEventsRequest{Filter: f} }
	for name, test := range map[string]struct {
		req    *pb.WatchEventsRequest
		fields []string
	}{
		"unknown start":        {&pb.WatchEventsRequest{Start: 9}, []string{"start"}},
		"start beside resume":  {&pb.WatchEventsRequest{Start: startOldest, Resume: &pb.Cursor{Epoch: epoch}}, []string{"start"}},
		"resume without epoch": {&pb.WatchEventsRequest{Resume: &pb.Cursor{Sequence: 1}}, []string{"resume.epoch"}},
		"heartbeat too short":  {&pb.WatchEventsRequest{HeartbeatInterval: durationpb.New(100*time.Millisecond - 1)}, []string{"heartbeat_interval"}},
		"heartbeat too long":   {&pb.WatchEventsRequest{HeartbeatInterval: durationpb.New(time.Hour + 1)}, []string{"heartbeat_interval"}},
		"heartbeat of 0s":      {&pb.WatchEventsRequest{HeartbeatInterval: seconds(0)}, []string{"heartbeat_interval"}},
		"heartbeat negative":   {&pb.WatchEventsRequest{HeartbeatInterval: seconds(-1)}, []string{"heartbeat_interval"}},
		"bad pattern":          {filter(&pb.EventFilter{Names: []string{"["}}), []string{"filter.names[0]"}},
		"unknown kind":         {filter(&pb.EventFilter{Kinds: []pb.EventKind{99, 1, 0}}), []string{"filter.kinds[0]", "filter.kinds[2]"}},
		"bad uid":              {filter(&pb.EventFilter{Uids: []string{"x"}}), []string{"filter.uids[0]"}},
		"many kinds":           {filter(&pb.EventFilter{Kinds: make([]pb.EventKind, 101)}), []string{"filter.kinds"}},
		"many names":           {filter(&pb.EventFilter{Names: make([]string, 101)}), []string{"filter.names"}},
		"many uids":            {filter(&pb.EventFilter{Uids: make([]string, 101)}), []string{"filter.uids"}},
		"all at once": {&pb.WatchEventsRequest{
			Start: -1, Resume: &pb.Cursor{}, HeartbeatInterval: seconds(-1), Filter: &pb.EventFilter{Names: []string{""}},
		}, []string{"start", "start", "resume.epoch", "heartbeat_interval", "filter.names[0]"}},
	} {
		t.Run(name, func(t *testing.T) {
			wantInvalid(t, watchError(t, h, test.req), test.fields...)
		})
	}
}

// "Headers are sent as soon as the stream is subscribed, before anything happens." Here nothing ever does, and no time passes.
func TestWatchEventsSendsHeadersAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		begin := time.Now()
		for _, start := range []pb.WatchStart{0, pb.WatchStart_WATCH_START_NEW, startOldest, startSnapshot} {
			watch(t, h, &pb.WatchEventsRequest{Start: start})
		}
		watch(t, h, &pb.WatchEventsRequest{Resume: &pb.Cursor{Epoch: h.Supervisor.Cursor().Epoch}})
		if waited := time.Since(begin); waited != 0 {
			t.Errorf("the headers came after %v", waited)
		}
	})
}

// "With the first event after the subscription", and the cursor of that moment, so that there is something to resume from.
func TestWatchEventsFromNow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		h.Add("before", servertest.Wait)
		synctest.Wait()
		now := h.Supervisor.Cursor()
		f := watch(t, h, &pb.WatchEventsRequest{})
		if first := f.next(); !proto.Equal(first, &pb.WatchEventsResponse{Cursor: &pb.Cursor{Epoch: now.Epoch, Sequence: now.Sequence}}) {
			t.Errorf("first message %v, now is %v", first, now)
		}
		h.Add("after", servertest.Wait)
		f.sees(pb.EventKind_EVENT_KIND_TASK_STARTING)
		for _, e := range f.events() {
			if e.GetTask() != "after" {
				t.Errorf("got %v", e)
			}
		}
		f.wantFlow(now.Sequence, false)
	})
}

func TestWatchEventsFromTheOldest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		waitFor(t, h, h.Add("a", servertest.Succeed))
		f := watch(t, h, &pb.WatchEventsRequest{Start: startOldest})
		f.sees(pb.EventKind_EVENT_KIND_TASK_REMOVED)
		want := []string{"TASK_ADD_REQUESTED", "TASK_ADDED", "TASK_STARTING", "TASK_STOPPED", "ACTOR_EXHAUSTED", "TASK_REMOVED"}
		if !slices.Equal(f.kinds(), want) {
			t.Errorf("got %q, want %q", f.kinds(), want)
		}
		f.wantFlow(0, false)
	})
}

// "Resume strictly after this cursor", from every position there is.
func TestWatchEventsResumes(t *testing.T) {
	h := newHarness(t)
	waitFor(t, h, h.Add("a", servertest.Succeed))
	waitFor(t, h, h.Add("b", servertest.Fail, func(s *pb.TaskSpec) { s.Restart = never() }))
	end := h.Supervisor.Cursor()
	for from := range end.Sequence {
		f := watch(t, h, &pb.WatchEventsRequest{Resume: &pb.Cursor{Epoch: end.Epoch, Sequence: from}})
		f.until(func(msg *pb.WatchEventsResponse) bool { return msg.GetCursor().GetSequence() == end.Sequence })
		if first := f.events()[0].GetSequence(); first != from+1 {
			t.Errorf("resumed from %d, got %d first", from, first)
		}
		f.wantFlow(from, false)
		f.leave()
	}
}

// "OUT_OF_RANGE with CURSOR_EXPIRED when resume is of another epoch, or so old that events after it are gone: the metadata has …"
func TestWatchEventsCursorExpired(t *testing.T) {
	h := newHarness(t, servertest.WithEngine(supervisor.Config{EventBuffer: 4}))
	for _, name := range []string{"a", "b", "c"} {
		waitFor(t, h, h.Add(name, servertest.Succeed))
	}
	epoch := h.Supervisor.Cursor().Epoch
	for name, cursor := range map[string]*pb.Cursor{
		"other epoch":      {Epoch: "other", Sequence: 17},
		"too old":          {Epoch: epoch, Sequence: 13},
		"from the start":   {Epoch: epoch},
		"not happened yet": {Epoch: epoch, Sequence: 19},
		"far from it":      {Epoch: epoch, Sequence: math.MaxUint64},
	} {
		t.Run(name, func(t *testing.T) {
			r := wantRefusal(t, watchError(t, h, &pb.WatchEventsRequest{Resume: cursor}), codes.OutOfRange, "CURSOR_EXPIRED")
			wantMetadata(t, r, map[string]string{"epoch": epoch, "oldest_sequence": "15", "last_sequence": "18"})
		})
	}
	f := watch(t, h, &pb.WatchEventsRequest{Resume: &pb.Cursor{Epoch: epoch, Sequence: 14}})
	f.sees(pb.EventKind_EVENT_KIND_TASK_REMOVED)
	f.wantFlow(14, false)
}

func TestWatchEventsFilters(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		uid := h.Add("web/1", servertest.Succeed).GetUid()
		waitFor(t, h, h.Add("web/2", servertest.Succeed))
		waitFor(t, h, h.Add("db", servertest.Succeed))
		starting, removed := pb.EventKind_EVENT_KIND_TASK_STARTING, pb.EventKind_EVENT_KIND_TASK_REMOVED
		synctest.Wait()
		var checks []func()
		for name, test := range map[string]struct {
			filter *pb.EventFilter
			want   int // of 3 lives with 6 events each, and 2 of the shutdown
		}{
			"none":          {nil, 20},
			"names":         {&pb.EventFilter{Names: []string{"web/*"}}, 12},
			"kinds":         {&pb.EventFilter{Kinds: []pb.EventKind{starting, removed}}, 6},
			"uids":          {&pb.EventFilter{Uids: []string{uid}}, 6},
			"all":           {&pb.EventFilter{Uids: []string{uid}, Names: []string{"*/*", "db"}, Kinds: []pb.EventKind{removed}}, 1},
			"of no task":    {&pb.EventFilter{Kinds: []pb.EventKind{pb.EventKind_EVENT_KIND_SHUTDOWN_REQUESTED}}, 1},
			"glob for none": {&pb.EventFilter{Names: []string{"*"}}, 6},
			"nothing":       {&pb.EventFilter{Names: []string{"nobody"}}, 0},
		} {
			f := watch(t, h, &pb.WatchEventsRequest{Start: startOldest, Filter: test.filter})
			checks = append(checks, func() {
				wantRefusal(t, f.end(), codes.Unavailable, "SERVER_SHUTDOWN")
				if got := len(f.events()); got != test.want {
					t.Errorf("%s: %d events %q, want %d", name, got, f.kinds(), test.want)
				}
				f.wantFlow(0, test.filter != nil)
			})
		}
		if err := h.Server.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		for _, check := range checks {
			check()
		}
	})
}

// "A message with a fresh cursor is sent when this long nothing else was. Default: 15s."
func TestWatchEventsHeartbeats(t *testing.T) {
	for given, want := range map[time.Duration]time.Duration{
		0: 15 * time.Second, 100 * time.Millisecond: 100 * time.Millisecond, time.Hour: time.Hour,
	} {
		bubble(t, func(t *testing.T) {
			h := newHarness(t)
			req := &pb.WatchEventsRequest{}
			if given != 0 {
				req.HeartbeatInterval = durationpb.New(given)
			}
			f := watch(t, h, req)
			f.next()
			for range 3 {
				last := time.Now()
				if msg := f.next(); len(msg.GetEvents()) != 0 || msg.GetCursor() == nil {
					t.Errorf("got %v", msg)
				}
				if waited := time.Since(last); waited != want {
					t.Errorf("a heartbeat after %v, want %v", waited, want)
				}
			}
			// An event puts the next one off.
			time.Sleep(want / 2)
			h.Add("a", servertest.Wait)
			f.sees(pb.EventKind_EVENT_KIND_TASK_STARTING)
			last := time.Now()
			if f.next(); time.Since(last) != want {
				t.Errorf("a heartbeat %v after an event, want %v", time.Since(last), want)
			}
		})
	}
}

// A stream whose filter selects nothing gets a fresh cursor all the same, also when there is never a moment of quiet.
func TestWatchEventsHeartbeatsWhenEverythingIsFilteredOut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		f := watch(t, h, &pb.WatchEventsRequest{HeartbeatInterval: seconds(1), Filter: &pb.EventFilter{Names: []string{"other"}}})
		f.next()
		h.Add("busy", servertest.Succeed, func(s *pb.TaskSpec) { s.Restart = always(durationpb.New(time.Millisecond)) })
		for range 10 {
			last := time.Now()
			msg := f.next()
			if len(msg.GetEvents()) != 0 || time.Since(last) != time.Second {
				t.Errorf("after %v: %v", time.Since(last), msg)
			}
			if behind := h.Supervisor.Cursor().Sequence - msg.GetCursor().GetSequence(); behind > 3 {
				t.Errorf("the cursor is %d events behind", behind)
			}
		}
		f.wantFlow(0, true)
	})
}

// When the log moves event by event, so does the stream.
func TestWatchEventsSendsAnEventAloneWhenIdle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		f := watch(t, h, &pb.WatchEventsRequest{Filter: &pb.EventFilter{Kinds: []pb.EventKind{pb.EventKind_EVENT_KIND_TASK_STARTING}}})
		f.next()
		h.Add("tick", servertest.Succeed, func(s *pb.TaskSpec) { s.Restart = always(seconds(1)) })
		for range 5 {
			msg := f.next()
			if len(msg.GetEvents()) != 1 || !msg.GetEvents()[0].GetTime().AsTime().Equal(time.Now()) {
				t.Errorf("at %v: %v", time.Now(), msg)
			}
		}
	})
}

// gate lets a test hold the messages of streams back before they are sent. It holds one token, and a message passes with it. It is a channel and
// not a mutex because virtual time passes only while each goroutine waits for something of its bubble, which a mutex is not.
type gate chan struct{}

func newGate() gate {
	g := make(gate, 1)
	g.open()
	return g
}

func (g gate) open() { g <- struct{}{} }

// shut lets no message pass from now on. One that has passed may still be on its way.
func (g gate) shut() { <-g }

func (g gate) intercept(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return handler(srv, &gatedStream{stream, g})
}

type gatedStream struct {
	grpc.ServerStream
	gate gate
}

func (s *gatedStream) SendMsg(m any) error {
	s.gate.shut()
	s.gate.open()
	return s.ServerStream.SendMsg(m)
}

// "Under load a message has many events", but not more than fit into a frame of 16 KiB.
func TestWatchEventsBatchesFitIntoAFrame(t *testing.T) {
	g := newGate()
	h := newHarness(t, servertest.WithGRPC(grpc.ChainStreamInterceptor(g.intercept)))
	f := watch(t, h, &pb.WatchEventsRequest{Start: startOldest})
	g.shut()
	long := strings.Repeat("x", 120)
	for i := range 100 {
		waitFor(t, h, h.Add(fmt.Sprint(long, i), servertest.Succeed))
	}
	end := h.Supervisor.Cursor().Sequence
	g.open()
	f.until(func(msg *pb.WatchEventsResponse) bool { return msg.GetCursor().GetSequence() == end })
	f.wantFlow(0, false)
	full := 0
	for _, msg := range f.messages {
		size := proto.Size(msg)
		if size > 16<<10-5 {
			t.Errorf("a message of %d bytes", size)
		}
		if len(msg.GetEvents()) > 20 {
			full++
		}
	}
	if full == 0 {
		t.Errorf("%d events in %d messages", end, len(f.messages))
	}
}

// Many events whose reasons are as long as they may be: the split is by bytes, and each part has its own cursor.
func TestWatchEventsSplitsLargeEvents(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := newGate()
		h := newHarness(t, servertest.WithGRPC(grpc.ChainStreamInterceptor(g.intercept)))
		h.Define("talks", func(context.Context) error { return fmt.Errorf("%s", strings.Repeat("x", 1<<16)) })
		f := watch(t, h, &pb.WatchEventsRequest{Start: startOldest})
		g.shut()
		for range 5 {
			task, err := h.Server.AddTask(t.Context(), &pb.AddTaskRequest{Task: servertest.Spec("", "talks")})
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if _, err := h.Server.RemoveTask(t.Context(), &pb.RemoveTaskRequest{Uid: task.GetTask().GetUid()}); err != nil {
				t.Fatal(err)
			}
		}
		end := h.Supervisor.Cursor().Sequence
		g.open()
		f.until(func(msg *pb.WatchEventsResponse) bool { return msg.GetCursor().GetSequence() == end })
		f.wantFlow(0, false)
		for _, msg := range f.messages {
			if size := proto.Size(msg); size > 16<<10-5 {
				t.Errorf("a message of %d bytes", size)
			}
			if events := msg.GetEvents(); len(events) > 0 && msg.GetCursor().GetSequence() != events[len(events)-1].GetSequence() {
				t.Errorf("cursor %v behind event %v", msg.GetCursor(), events[len(events)-1].GetSequence())
			}
		}
	})
}

// "A stream that falls behind the log is told which sequences it lost and goes on."
func TestWatchEventsTellsOfAGap(t *testing.T) {
	for _, filter := range []*pb.EventFilter{nil, {Names: []string{"nobody"}}} {
		bubble(t, func(t *testing.T) {
			g := newGate()
			h := newHarness(t, servertest.WithEngine(supervisor.Config{EventBuffer: 8}), servertest.WithGRPC(grpc.ChainStreamInterceptor(g.intercept)))
			f := watch(t, h, &pb.WatchEventsRequest{Filter: filter})
			f.next()
			g.shut()
			h.Add("first", servertest.Wait) // some of it the stream reads before it is held up
			time.Sleep(16 * time.Second)    // or its heartbeat is
			for range 5 {
				waitFor(t, h, h.Add("more", servertest.Succeed))
			}
			end := h.Supervisor.Cursor().Sequence
			g.open()
			f.until(func(msg *pb.WatchEventsResponse) bool { return msg.GetCursor().GetSequence() == end })
			gaps := 0
			for i, msg := range f.messages {
				if msg.GetGap() == nil {
					continue
				}
				if before := f.messages[i-1].GetCursor(); msg.GetGap().GetFirst() != before.GetSequence()+1 || msg.GetGap().GetLast() != end-8 {
					t.Errorf("gap %v after %v, want up to %d", msg.GetGap(), before, end-8)
				}
				gaps++
			}
			if gaps != 1 {
				t.Errorf("%d gaps", gaps)
			}
			f.wantFlow(0, filter != nil)
		})
	}
}

// A resume that races the edge of the log ends in a stream without a hole, in a gap that says what is missing, or in CURSOR_EXPIRED, which says
// the truth; never in a silent skip.
func TestWatchEventsResumeAtTheEdgeOfTheLog(t *testing.T) {
	for _, buffer := range []int{8, 256, 1024} { // the sooner the log turns over, the more resumes are too late
		t.Run(fmt.Sprint("log of ", buffer), func(t *testing.T) { testResumeAtTheEdge(t, buffer) })
	}
}

func testResumeAtTheEdge(t *testing.T, buffer int) {
	h := newHarness(t, servertest.WithEngine(supervisor.Config{EventBuffer: buffer}))
	h.Add("busy", servertest.Succeed, func(s *pb.TaskSpec) { s.Restart = always(durationpb.New(time.Microsecond)) })
	waitForSequence(t, h, uint64(2*buffer)) // there is an edge
	streams, refusals := 0, 0
	for i := range 120 {
		cursor := h.Supervisor.OldestCursor() // all after it is there yet
		cursor.Sequence += uint64(i%3) - 1
		ctx, leave := context.WithCancel(t.Context())
		stream, err := h.Tasks.WatchEvents(ctx, &pb.WatchEventsRequest{Resume: &pb.Cursor{Epoch: cursor.Epoch, Sequence: cursor.Sequence}})
		if err != nil {
			t.Fatal(err)
		}
		f := &follower{t: t}
		msg, err := stream.Recv()
		for ; err == nil && len(f.messages) < 3; msg, err = stream.Recv() {
			f.messages = append(f.messages, msg)
		}
		f.wantFlow(cursor.Sequence, false)
		if len(f.messages) == 0 {
			r := wantRefusal(t, err, codes.OutOfRange, "CURSOR_EXPIRED")
			if oldest, err := strconv.ParseUint(r.metadata["oldest_sequence"], 10, 64); err != nil || oldest <= cursor.Sequence+1 {
				t.Errorf("%d has expired, though %d is kept", cursor.Sequence, oldest)
			}
			refusals++
		} else {
			streams++
			if i%3 == 0 {
				t.Errorf("resumed from %d, after which an event was gone", cursor.Sequence)
			}
		}
		leave()
	}
	t.Logf("%d streams, %d refusals", streams, refusals)
}

// waitForSequence reads events up to this one.
func waitForSequence(t *testing.T, h *servertest.Harness, sequence uint64) {
	t.Helper()
	f := watch(t, h, &pb.WatchEventsRequest{Start: startOldest})
	f.until(func(msg *pb.WatchEventsResponse) bool { return msg.GetCursor().GetSequence() >= sequence })
	f.leave()
}

// With its restart a server has another log: a cursor of the one before is refused, with the identity of both, whatever its sequence.
func TestWatchEventsAfterARestart(t *testing.T) {
	before := newHarness(t, servertest.WithoutLeakCheck())
	waitFor(t, before, before.Add("a", servertest.Succeed))
	cursor := before.Supervisor.Cursor()
	if err := before.Server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := newHarness(t, servertest.WithoutLeakCheck())
	for range 2 {
		epoch, latest := after.Supervisor.Cursor().Epoch, after.Supervisor.Cursor().Sequence
		for sequence := range cursor.Sequence + 1 { // some of them the new log has, too
			r := wantRefusal(t, watchError(t, after, &pb.WatchEventsRequest{Resume: &pb.Cursor{Epoch: cursor.Epoch, Sequence: sequence}}),
				codes.OutOfRange, "CURSOR_EXPIRED")
			wantMetadata(t, r, map[string]string{"epoch": epoch, "oldest_sequence": "1", "last_sequence": fmt.Sprint(latest)})
			if epoch == cursor.Epoch || !strings.Contains(r.message, epoch) || !strings.Contains(r.message, cursor.Epoch) {
				t.Errorf("epochs %q and %q, explained as %q", cursor.Epoch, epoch, r.message)
			}
		}
		waitFor(t, after, after.Add("b", servertest.Succeed))
	}
}

// NEW, OLDEST and SNAPSHOT never expire, however fast the log turns over.
func TestWatchEventsWithoutACursorNeverExpires(t *testing.T) {
	h := newHarness(t, servertest.WithEngine(supervisor.Config{EventBuffer: 1}))
	h.Add("busy", servertest.Succeed, func(s *pb.TaskSpec) { s.Restart = always(durationpb.New(time.Microsecond)) })
	for i := range 300 {
		ctx, leave := context.WithCancel(t.Context())
		stream, err := h.Tasks.WatchEvents(ctx, &pb.WatchEventsRequest{Start: pb.WatchStart(i % 4)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); err != nil {
			t.Error(err)
		}
		leave()
	}
}

// "RESOURCE_EXHAUSTED with STREAM_LIMIT", until one is closed.
func TestWatchEventsStreamLimit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t, servertest.WithServer(server.Config{Logger: quiet, MaxStreams: 2}))
		one, _ := watch(t, h, &pb.WatchEventsRequest{}), watch(t, h, &pb.WatchEventsRequest{})
		r := wantRefusal(t, watchError(t, h, &pb.WatchEventsRequest{}), codes.ResourceExhausted, "STREAM_LIMIT")
		wantMetadata(t, r, map[string]string{"limit": "2"})
		one.leave()
		synctest.Wait()
		watch(t, h, &pb.WatchEventsRequest{})
	})
}

// "MaxStreamsPerPrincipal is how many of them one principal may have, so that nobody takes all", over whatever connection.
func TestStreamLimitOfAPrincipal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, _ := guarded(t, server.Config{MaxStreamsPerPrincipal: 2, MaxStreams: 4})
		as := func(role server.Role) *servertest.Harness {
			one := *h
			one.Tasks = client(h, role)
			return &one
		}
		one, _ := watch(t, as(server.RoleWatch), &pb.WatchEventsRequest{}), watch(t, as(server.RoleWatch), &pb.WatchEventsRequest{})
		r := wantRefusal(t, watchError(t, as(server.RoleWatch), &pb.WatchEventsRequest{}), codes.ResourceExhausted, "PRINCIPAL_STREAM_LIMIT")
		wantMetadata(t, r, map[string]string{"limit": "2", "principal": "watch"})
		other := watch(t, as(server.RoleAdmin), &pb.WatchEventsRequest{})
		one.leave()
		synctest.Wait()
		watch(t, as(server.RoleWatch), &pb.WatchEventsRequest{})
		watch(t, as(server.RoleOperate), &pb.WatchEventsRequest{})
		other.leave()
		synctest.Wait()
		wantRefusal(t, watchError(t, as(server.RoleWatch), &pb.WatchEventsRequest{}), codes.ResourceExhausted, "PRINCIPAL_STREAM_LIMIT")
		watch(t, as(server.RoleOperate), &pb.WatchEventsRequest{})
		wantRefusal(t, watchError(t, as(server.RoleAdmin), &pb.WatchEventsRequest{}), codes.ResourceExhausted, "STREAM_LIMIT")
	})
}

// "Callers without a principal are nobody in particular, and have no limit but MaxStreams." "Negative: no limit."
func TestCallersWithoutAPrincipalShareAllStreams(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t, servertest.WithServer(server.Config{Logger: quiet, MaxStreamsPerPrincipal: 1}))
		for range 3 {
			watch(t, h, &pb.WatchEventsRequest{})
		}
		g, _ := guarded(t, server.Config{MaxStreamsPerPrincipal: -1})
		for range 3 {
			watch(t, guardedList(g), &pb.WatchEventsRequest{})
		}
	})
}

func TestWatchEventsWithoutAStreamLimit(t *testing.T) {
	h := newHarness(t, servertest.WithServer(server.Config{Logger: quiet, MaxStreams: -1}))
	for range 50 {
		watch(t, h, &pb.WatchEventsRequest{})
	}
}

func TestWatchEventsOfACallerWithADeadline(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		ctx, cancel := context.WithTimeout(t.Context(), 59*time.Second)
		defer cancel()
		stream, err := h.Tasks.WatchEvents(ctx, &pb.WatchEventsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		f := &follower{t: t, stream: stream}
		if r := refusalOf(t, f.end()); r.code != codes.DeadlineExceeded {
			t.Errorf("ended %v", f.err)
		}
		if len(f.messages) != 4 { // at 0, 15, 30, 45 s
			t.Errorf("%d messages", len(f.messages))
		}
	})
}

// Each way to read the log to its end, once the supervisor has shut down while the server still serves.
func TestWatchEventsAfterTheSupervisorHasShutDown(t *testing.T) {
	h := newHarness(t)
	waitFor(t, h, h.Add("a", servertest.Succeed))
	if err := h.Supervisor.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for start, want := range map[pb.WatchStart]int{0: 0, startOldest: 8, startSnapshot: 0} {
		f := watch(t, h, &pb.WatchEventsRequest{Start: start})
		wantRefusal(t, f.end(), codes.Unavailable, "SERVER_SHUTDOWN")
		if len(f.events()) != want {
			t.Errorf("%v: %q", start, f.kinds())
		}
	}
}
