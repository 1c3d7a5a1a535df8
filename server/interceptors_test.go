package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"net"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/server/servertest"
	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// logged is a line of a log.
type logged struct {
	level   slog.Level
	message string
	fields  map[string]string
}

// recorder is a log that keeps its lines.
type recorder struct {
	mu    sync.Mutex // guards lines
	lines []logged
	quiet bool // what is below slog.LevelInfo is not enabled
}

func (r *recorder) Enabled(_ context.Context, level slog.Level) bool {
	return !r.quiet || level >= slog.LevelInfo
}
func (r *recorder) WithAttrs([]slog.Attr) slog.Handler { return r }
func (r *recorder) WithGroup(string) slog.Handler      { return r }

func (r *recorder) Handle(_ context.Context, record slog.Record) error {
	line := logged{record.Level, record.Message, map[string]string{}}
	record.Attrs(func(a slog.Attr) bool {
		line.fields[a.Key] = a.Value.String()
		return true
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, line)
	return nil
}

// take returns the lines since the last time.
func (r *recorder) take() []logged {
	r.mu.Lock()
	defer r.mu.Unlock()
	lines := r.lines
	r.lines = nil
	return lines
}

// panickyPlugin panics when it makes a body of a config that asks for it.
func panickyPlugin() plugin.Plugin {
	type config struct {
		Panic bool `json:"panic,omitempty"`
	}
	return plugin.Definition[config]{
		Name: "panicky", Description: "Panics.",
		Build: func(c config) (supervisor.Task, error) {
			if c.Panic {
				panic("a secret")
			}
			return supervisor.TaskFunc(func(context.Context) error { return nil }), nil
		},
	}
}

// "A panic in a call is logged with its stack, and the caller learns nothing of it but INTERNAL." The server goes on.
func TestAPanicInACallIsInternal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		log := &recorder{}
		var armed atomic.Bool
		h := newHarness(t, servertest.WithServer(server.Config{Logger: slog.New(log)}), servertest.WithPlugins(panickyPlugin()),
			servertest.WithGRPC(grpc.ChainStreamInterceptor(
				func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
					if armed.Load() {
						panic(errors.New("a secret"))
					}
					return handler(srv, stream)
				})))
		armed.Store(true)
		_, unary := h.Tasks.AddTask(t.Context(), &pb.AddTaskRequest{
			Task: &pb.TaskSpec{Plugin: "panicky", Config: object(t, map[string]any{"panic": true})},
		})
		for method, err := range map[string]error{"AddTask": unary, "WatchEvents": watchError(t, h, &pb.WatchEventsRequest{})} {
			if r := wantRefusal(t, err, codes.Internal, "INTERNAL"); strings.Contains(r.message, "secret") || len(r.metadata) != 0 {
				t.Errorf("%s: the caller learns %v", method, err)
			}
		}
		synctest.Wait()
		panics := 0
		for _, line := range log.take() {
			if line.fields["panic"] == "" {
				continue
			}
			if panics++; line.level != slog.LevelError || line.fields["panic"] != "a secret" || !strings.Contains(line.fields["stack"], "interceptors_test.go") {
				t.Errorf("logged: %v", line)
			}
		}
		if panics != 2 {
			t.Errorf("%d panics are logged", panics)
		}
		if n := h.Server.Stats().Panics; n != 2 {
			t.Errorf("%d panics are counted", n)
		}
		armed.Store(false)
		watch(t, h, &pb.WatchEventsRequest{}).next()
		h.Add("task", servertest.Wait)
	})
}

// "An error of a plugin that has no business to occur" is in the log, and nowhere else.
func TestInternalErrorsAreLogged(t *testing.T) {
	bubble(t, func(t *testing.T) {
		log := &recorder{}
		h := newHarness(t, servertest.WithServer(server.Config{Logger: slog.New(log)}), servertest.WithPlugins(brokenPlugin()))
		_, err := h.Tasks.AddTask(t.Context(), &pb.AddTaskRequest{Task: &pb.TaskSpec{Plugin: "broken"}})
		wantRefusal(t, err, codes.Internal, "INTERNAL")
		synctest.Wait()
		found := false
		for _, line := range log.take() {
			found = found || line.level == slog.LevelError && strings.Contains(line.fields["error"], "broken")
		}
		if !found {
			t.Error("the log does not have the details")
		}
	})
}

// "Each call is logged when it ends: at debug level when it went well, at info when the caller was refused, at warn when it met a limit or a
// stuck task, at error when the server is at fault", with the task that it was about.
func TestCallsAreLogged(t *testing.T) {
	bubble(t, func(t *testing.T) {
		log := &recorder{}
		h := newHarness(t,
			servertest.WithServer(server.Config{Logger: slog.New(log), MaxStreams: 1}),
			servertest.WithEngine(supervisor.Config{MaxTasks: 2}), servertest.WithPlugins(brokenPlugin()))
		release := make(chan struct{})
		defer close(release)
		h.Define("deaf", func(context.Context) error { <-release; return nil })
		add := func(spec *pb.TaskSpec) error {
			_, err := h.Tasks.AddTask(t.Context(), &pb.AddTaskRequest{Task: spec})
			return err
		}
		remove := func(req *pb.RemoveTaskRequest) error {
			_, err := h.Tasks.RemoveTask(t.Context(), req)
			return err
		}
		leave := func() {}
		for _, test := range []struct {
			call   func() error
			level  slog.Level
			method string
			code   string
			fields map[string]string
		}{
			{func() error { return add(servertest.Spec("one", "deaf")) }, slog.LevelDebug, "AddTask", "OK", map[string]string{"task": "one"}},
			{func() error { return add(servertest.Spec("one", "deaf")) }, slog.LevelInfo, "AddTask", "AlreadyExists", map[string]string{"task": "one"}},
			{func() error { return add(servertest.Spec("", "deaf")) }, slog.LevelDebug, "AddTask", "OK", nil},
			{func() error { return add(servertest.Spec("three", "deaf")) }, slog.LevelWarn, "AddTask", "ResourceExhausted", map[string]string{"task": "three"}},
			{func() error { return add(&pb.TaskSpec{Plugin: "broken"}) }, slog.LevelError, "AddTask", "Internal", nil},
			{func() error { return remove(&pb.RemoveTaskRequest{Uid: someUID}) }, slog.LevelInfo, "RemoveTask", "NotFound", map[string]string{"uid": someUID}},
			{func() error { return remove(&pb.RemoveTaskRequest{Name: "one"}) }, slog.LevelWarn, "RemoveTask", "DeadlineExceeded", map[string]string{"task": "one"}},
			{func() error { list(t, h, &pb.ListTasksRequest{}); return nil }, slog.LevelDebug, "ListTasks", "OK", nil},
			{func() error {
				ctx, cancel := context.WithCancel(t.Context())
				leave = cancel
				_, err := h.Tasks.WatchEvents(ctx, &pb.WatchEventsRequest{})
				synctest.Wait()
				if lines := log.take(); len(lines) != 0 {
					t.Errorf("a stream that has not ended is logged: %v", lines)
				}
				if err := watchError(t, h, &pb.WatchEventsRequest{}); refusalOf(t, err).code != codes.ResourceExhausted {
					t.Error(err)
				}
				return err
			}, slog.LevelWarn, "WatchEvents", "ResourceExhausted", nil},
			{func() error { leave(); return nil }, slog.LevelDebug, "WatchEvents", "Canceled", nil},
		} {
			synctest.Wait()
			log.take()
			err := test.call()
			synctest.Wait()
			var lines []logged
			for _, line := range log.take() {
				if line.fields["grpc.method"] != "" {
					lines = append(lines, line)
				}
			}
			if len(lines) != 1 {
				t.Fatalf("%s, %v: logged %v", test.method, err, lines)
			}
			got := maps.Clone(lines[0].fields)
			maps.DeleteFunc(got, func(key, _ string) bool { return key != "task" && key != "uid" })
			if err != nil && test.code != "Canceled" {
				r := refusalOf(t, err)
				if f := lines[0].fields; f["error"] != r.message || f["reason"] != r.reason || f["grpc.error"] != "" || f["grpc.start_time"] != "" {
					t.Errorf("%s: logged %v of %+v", test.method, f, r)
				}
			}
			if line := lines[0]; line.level != test.level || line.fields["grpc.method"] != test.method || line.fields["grpc.code"] != test.code ||
				!maps.Equal(got, test.fields) || line.fields["grpc.time"] == "" && line.fields["grpc.duration"] == "" {
				t.Errorf("%s: logged %v, want %v %v %v", test.method, line, test.level, test.code, test.fields)
			}
		}
	})
}

// The line about a stream of events tells how long it took, what it brought, and what was lost.
func TestTheLogTellsWhatAStreamBrought(t *testing.T) {
	bubble(t, func(t *testing.T) {
		log, g := &recorder{}, newGate()
		h := newHarness(t, servertest.WithServer(server.Config{Logger: slog.New(log)}),
			servertest.WithEngine(supervisor.Config{EventBuffer: 8}), servertest.WithGRPC(grpc.ChainStreamInterceptor(g.intercept)))
		f := watch(t, h, &pb.WatchEventsRequest{})
		f.next()
		g.shut()
		time.Sleep(15 * time.Second) // a heartbeat is held up
		synctest.Wait()
		for range 5 {
			waitFor(t, h, h.Add("a", servertest.Succeed))
		}
		g.open()
		f.until(func(msg *pb.WatchEventsResponse) bool { return msg.GetCursor().GetSequence() == 30 })
		synctest.Wait()
		log.take()
		f.leave()
		synctest.Wait()
		lines := log.take()
		if len(lines) != 1 {
			t.Fatalf("logged %v", lines)
		}
		for key, want := range map[string]string{
			"grpc.method": "WatchEvents", "grpc.code": "Canceled", "grpc.duration": "15s", "events": "8", "gaps": "1", "lost": "22",
		} {
			if got := lines[0].fields[key]; got != want {
				t.Errorf("%s is %q, want %q", key, got, want)
			}
		}
	})
}

// The line about a call tells how long it took, and there is none at a level that is not enabled.
func TestTheLogTellsHowLongACallTook(t *testing.T) {
	bubble(t, func(t *testing.T) {
		log := &recorder{quiet: true}
		h := newHarness(t, servertest.WithServer(server.Config{Logger: slog.New(log)}))
		release := make(chan struct{})
		defer close(release)
		h.Define("deaf", func(context.Context) error { <-release; return nil })
		h.Add("one", "deaf")
		synctest.Wait()
		if lines := log.take(); len(lines) != 0 {
			t.Errorf("a call that went well is logged: %v", lines)
		}
		_, err := h.Tasks.RemoveTask(t.Context(), &pb.RemoveTaskRequest{Name: "one", GracePeriod: durationpb.New(3 * time.Second)})
		wantRefusal(t, err, codes.DeadlineExceeded, "TASK_STUCK")
		synctest.Wait()
		lines := slices.DeleteFunc(log.take(), func(line logged) bool { return line.fields["grpc.method"] != "RemoveTask" })
		if len(lines) != 1 || lines[0].fields["grpc.duration"] != "3s" {
			t.Errorf("logged %v", lines)
		}
	})
}

// A name that a caller made up is not longer in the log than in an answer.
func TestTheLogCutsWhatCallersSay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		log := &recorder{}
		h := newHarness(t, servertest.WithServer(server.Config{Logger: slog.New(log)}))
		_, err := h.Tasks.AddTask(t.Context(), &pb.AddTaskRequest{Task: servertest.Spec(strings.Repeat("n", 100_000), servertest.Wait)})
		wantInvalid(t, err, "task.name")
		synctest.Wait()
		for _, line := range log.take() {
			for key, value := range line.fields {
				if len(value) > 8<<10 {
					t.Errorf("%s has %d bytes", key, len(value))
				}
			}
		}
	})
}

// "MaxRequestBytes is the largest size of a request; a larger one is refused with SIZE_LIMIT", on calls and on streams.
func TestRequestsAreBounded(t *testing.T) {
	const limit = 2000
	h := newHarness(t, servertest.WithServer(server.Config{Logger: quiet, MaxRequestBytes: limit}))
	for _, size := range []int{limit, limit + 1} {
		add := &pb.AddTaskRequest{Task: waitSpec(), ValidateOnly: true}
		pad := func(n int) {
			add.Task.Config.Fields["pad"] = structpb.NewStringValue(strings.Repeat("x", n))
		}
		pad(1000)
		pad(1000 + size - proto.Size(add))
		watched := &pb.WatchEventsRequest{Filter: &pb.EventFilter{Names: []string{strings.Repeat("x", 1000)}}}
		watched.Filter.Names[0] = strings.Repeat("x", 1000+size-proto.Size(watched))
		if proto.Size(add) != size || proto.Size(watched) != size {
			t.Fatalf("the requests have %d and %d bytes", proto.Size(add), proto.Size(watched))
		}
		_, err := h.Tasks.AddTask(t.Context(), add)
		for _, err := range []error{err, watchError(t, h, watched)} {
			if size == limit {
				if r := refusalOf(t, err); r.reason != "INVALID_FIELD" { // it was read
					t.Errorf("%d bytes: %v", size, err)
				}
				continue
			}
			wantMetadata(t, wantRefusal(t, err, codes.ResourceExhausted, "SIZE_LIMIT"), map[string]string{"limit": "2000"})
		}
	}
}

// "At most, and where it is negative, 4 MiB, which is where gRPC itself refuses to read on": such an error has no reason.
func TestRequestsAreBoundedByGRPC(t *testing.T) {
	for _, limit := range []int{-1, math.MaxInt} {
		h := newHarness(t, servertest.WithServer(server.Config{Logger: quiet, MaxRequestBytes: limit}))
		for size, want := range map[int]codes.Code{3 << 20: codes.InvalidArgument, 4 << 20: codes.ResourceExhausted} {
			_, err := h.Tasks.RemoveTask(t.Context(), &pb.RemoveTaskRequest{Name: strings.Repeat("x", size)})
			if r := refusalOf(t, err); r.code != want || (r.reason == "") != (want == codes.ResourceExhausted) {
				t.Errorf("%d bytes: %v %q", size, r.code, r.reason)
			}
		}
	}
}

// "Errors that gRPC makes before a service is reached carry none: unknown methods, bytes that are no message."
func TestErrorsOfGRPCItself(t *testing.T) {
	h := newHarness(t)
	for method, want := range map[string]codes.Code{
		"/taskvisor.v1.SupervisorService/Nothing": codes.Unimplemented, "/taskvisor.v1.Nobody/AddTask": codes.Unimplemented,
		pb.SupervisorService_AddTask_FullMethodName: codes.Internal, // a string where a message is expected
	} {
		err := h.Conn.Invoke(t.Context(), method, &pb.RemoveTaskRequest{Name: "no message"}, &pb.RemoveTaskResponse{})
		if r := refusalOf(t, err); r.code != want || r.reason != "" {
			t.Errorf("%s: %v", method, err)
		}
	}
}

// "Version of the program, sent with each answer as the header", errors and streams included. "Default: none, and no header."
func TestVersionHeader(t *testing.T) {
	for _, version := range []string{"", "v1.2.3"} {
		h := newHarness(t, servertest.WithServer(server.Config{Logger: quiet, Version: version, MaxRequestBytes: 100}))
		check := func(call string, header metadata.MD) {
			t.Helper()
			if got := strings.Join(header.Get("taskvisor-version"), ","); got != version {
				t.Errorf("%s: header %v, want %q", call, header, version)
			}
		}
		for call, req := range map[string]*pb.RemoveTaskRequest{
			"answer": {Name: "x", AllowMissing: true}, "refusal": {}, "too large": {Name: strings.Repeat("x", 200)},
		} {
			var header metadata.MD
			_, err := h.Tasks.RemoveTask(t.Context(), req, grpc.Header(&header))
			if (err == nil) != (call == "answer") {
				t.Errorf("%s: %v", call, err)
			}
			check(call, header)
		}
		for call, req := range map[string]*pb.WatchEventsRequest{"stream": {}, "refused stream": {Start: 99}} {
			stream, err := h.Tasks.WatchEvents(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			header, err := stream.Header()
			if err != nil {
				t.Fatal(err)
			}
			check(call, header)
		}
	}
}

// "MaxConcurrentStreams is how many calls of all kinds one connection may have open at once; HTTP/2 lets one more wait."
func TestCallsOfAConnectionAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t, servertest.WithServer(server.Config{Logger: quiet, MaxConcurrentStreams: 1}))
		f := watch(t, h, &pb.WatchEventsRequest{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := h.Tasks.ListTasks(ctx, &pb.ListTasksRequest{}); refusalOf(t, err).code != codes.DeadlineExceeded {
			t.Errorf("a second call on the connection: %v", err)
		}
		if _, err := pb.NewSupervisorServiceClient(h.Dial()).ListTasks(t.Context(), &pb.ListTasksRequest{}); err != nil {
			t.Errorf("a call on another connection: %v", err)
		}
		f.leave()
		synctest.Wait()
		list(t, h, &pb.ListTasksRequest{})
	})
}

// Clients may ask every 10 s whether the server is there, for hours and without a call.
func TestClientsMayPing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		conn := h.Dial(grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: time.Second, PermitWithoutStream: true}))
		tasks := pb.NewSupervisorServiceClient(conn)
		stream, err := tasks.WatchEvents(t.Context(), &pb.WatchEventsRequest{HeartbeatInterval: seconds(3600)})
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			if _, err := stream.Recv(); err != nil {
				t.Errorf("after hours of pings: %v", err)
			}
		}
	})
}

// deadConn is a connection whose peer vanishes without a word: once it is dead, what is sent disappears, and nothing comes.
type deadConn struct {
	net.Conn
	dead   atomic.Bool
	closed chan struct{}
	once   sync.Once
}

func (c *deadConn) Write(p []byte) (int, error) {
	if c.dead.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func (c *deadConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.dead.Load() {
		<-c.closed
		return 0, io.EOF
	}
	return n, err
}

func (c *deadConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// deadListener hands out connections that can die.
type deadListener struct {
	net.Listener
	conns chan *deadConn
}

func (l *deadListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &deadConn{Conn: conn, closed: make(chan struct{})}
	l.conns <- c
	return c, nil
}

// "A peer that is gone says nothing. Pings find it within 40 s", and its stream makes room for another.
func TestWatchersThatVanishAreFound(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t, servertest.WithServer(server.Config{Logger: quiet, MaxStreams: 1}))
		pipe := bufconn.Listen(1 << 16)
		listener := &deadListener{pipe, make(chan *deadConn, 1)}
		served := make(chan error, 1)
		g := h.Server.NewGRPCServer()
		go func() { served <- g.Serve(listener) }()
		conn, err := grpc.NewClient("passthrough:///vanishing", grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return pipe.DialContext(ctx) }))
		if err != nil {
			t.Fatal(err)
		}
		stream, err := pb.NewSupervisorServiceClient(conn).WatchEvents(t.Context(), &pb.WatchEventsRequest{HeartbeatInterval: seconds(3600)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); err != nil {
			t.Fatal(err)
		}
		(<-listener.conns).dead.Store(true)
		wantRefusal(t, watchError(t, h, &pb.WatchEventsRequest{}), codes.ResourceExhausted, "STREAM_LIMIT")
		time.Sleep(41 * time.Second)
		watch(t, h, &pb.WatchEventsRequest{})
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		if err := h.Server.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// Interceptors of the config see each call as its caller does, the first one first, also a call that is refused. Streams of events do not come
// through them.
func TestInterceptorsOfTheConfig(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var seen []string
		see := func(name, method string, err error) {
			seen = append(seen, fmt.Sprint(name, " ", path.Base(method), " ", status.Code(err)))
		}
		unary := func(name string) grpc.UnaryServerInterceptor {
			return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
				resp, err := handler(ctx, req)
				see(name, info.FullMethod, err)
				return resp, err
			}
		}
		stream := func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			err := handler(srv, ss)
			see("stream", info.FullMethod, err)
			return err
		}
		h := newHarness(t, servertest.WithServer(server.Config{
			Logger: quiet, Authenticator: new(server.Access),
			UnaryInterceptors:  []grpc.UnaryServerInterceptor{unary("outer"), unary("inner")},
			StreamInterceptors: []grpc.StreamServerInterceptor{stream},
		}))
		_, _ = h.Tasks.ListTasks(t.Context(), &pb.ListTasksRequest{})
		_ = watchError(t, h, &pb.WatchEventsRequest{})
		ctx, cancel := context.WithCancel(t.Context())
		health, err := healthpb.NewHealthClient(h.Conn).Watch(ctx, &healthpb.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := health.Recv(); err != nil {
			t.Fatal(err)
		}
		cancel()
		synctest.Wait()
		want := []string{"inner ListTasks Unauthenticated", "outer ListTasks Unauthenticated", "stream Watch Canceled"}
		if !slices.Equal(seen, want) {
			t.Errorf("got %q, want %q", seen, want)
		}
	})
}
