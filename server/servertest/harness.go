package servertest

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/structpb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// Harness is a server in memory, its engine and a connection to it.
type Harness struct {
	Supervisor *supervisor.Supervisor
	Server     *server.Server
	Conn       *grpc.ClientConn
	Tasks      pb.SupervisorServiceClient // on Conn
	Plugins    pb.PluginServiceClient     // on Conn

	t        testing.TB
	bodies   *bodies
	listener *bufconn.Listener
	served   chan error
}

// Option changes what New makes.
type Option func(*options)

type options struct {
	leaky   bool
	engine  supervisor.Config
	server  server.Config
	plugins []plugin.Plugin
	grpc    []grpc.ServerOption
}

// WithEngine gives the config of the engine.
func WithEngine(config supervisor.Config) Option { return func(o *options) { o.engine = config } }

// WithServer gives the config of the server.
func WithServer(config server.Config) Option { return func(o *options) { o.server = config } }

// WithPlugins adds plugins to those that are there always: ScriptPlugin and DisabledPlugin.
func WithPlugins(plugins ...plugin.Plugin) Option {
	return func(o *options) { o.plugins = append(o.plugins, plugins...) }
}

// WithGRPC gives further options of the gRPC server.
func WithGRPC(opts ...grpc.ServerOption) Option {
	return func(o *options) { o.grpc = append(o.grpc, opts...) }
}

// WithoutLeakCheck leaves it to the test to look for goroutines that are left. A test with several harnesses at a time needs it: they see those of
// each other.
func WithoutLeakCheck() Option { return func(o *options) { o.leaky = true } }

// pipeSize is how many bytes a connection holds in each direction.
const pipeSize = 1 << 16

// New starts a server, which ends with the test.
func New(t testing.TB, opts ...Option) *Harness {
	t.Helper()
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	if !o.leaky {
		checkLeaks(t)
	}
	h := &Harness{t: t, bodies: newBodies(), listener: bufconn.Listen(pipeSize), served: make(chan error, 1)}
	h.Supervisor = must(supervisor.New(o.engine))(t)
	registry := must(plugin.NewRegistry(append(o.plugins, h.bodies.plugin(), disabledPlugin())...))(t)
	h.Server = server.New(h.Supervisor, registry, o.server)
	g := h.Server.NewGRPCServer(o.grpc...)
	go func() { h.served <- g.Serve(h.listener) }()
	t.Cleanup(h.end)
	h.Conn = h.Dial()
	h.Tasks = pb.NewSupervisorServiceClient(h.Conn)
	h.Plugins = pb.NewPluginServiceClient(h.Conn)
	return h
}

// checkLeaks compares the goroutines at the end of the test with those of now.
func checkLeaks(t testing.TB) {
	before := goleak.IgnoreCurrent()
	// When a server ends, gRPC gives its connections a second more to read. The timer for that belongs to bufconn, and may go off, for a moment, in
	// a later test: one that runs in virtual time does not wait for that to pass.
	deadline := goleak.IgnoreAnyFunction("google.golang.org/grpc/test/bufconn.(*conn).SetReadDeadline.func1")
	t.Cleanup(func() {
		if err := goleak.Find(before, deadline); err != nil {
			t.Errorf("servertest: %v", err)
		}
	})
}

func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatalf("servertest: %v", err)
		}
		return value
	}
}

// end shuts the server down, if the test has not done so.
func (h *Harness) end() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	// The verdict is the business of the test, which may have made a body stuck on purpose.
	_ = h.Server.Shutdown(ctx)
	// A test that made no call may end before Serve has begun.
	if err := <-h.served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		h.t.Errorf("servertest: serve: %v", err)
	}
	_ = h.listener.Close() // the server has closed it already
}

// Dial returns a connection of its own to the server, which ends with the test. The options come after those that reach the server.
func (h *Harness) Dial(opts ...grpc.DialOption) *grpc.ClientConn {
	h.t.Helper()
	opts = append([]grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return h.listener.DialContext(ctx) }),
	}, opts...)
	conn := must(grpc.NewClient("passthrough:///servertest", opts...))(h.t)
	h.t.Cleanup(func() { _ = conn.Close() }) // fails only when the test has closed it
	return conn
}

// Define makes body available to ScriptPlugin under a name.
func (h *Harness) Define(name string, body func(ctx context.Context) error) {
	h.bodies.define(name, body)
}

// Spec returns the spec of a task with a body that is defined: the name of the task may be empty.
func Spec(name, body string) *pb.TaskSpec {
	config := &structpb.Struct{Fields: map[string]*structpb.Value{"body": structpb.NewStringValue(body)}}
	return &pb.TaskSpec{Name: name, Plugin: ScriptPlugin, Config: config}
}

// Add adds a task with a body that is defined, and fails the test if that is refused. Functions in change can alter its spec.
func (h *Harness) Add(name, body string, change ...func(*pb.TaskSpec)) *pb.Task {
	h.t.Helper()
	spec := Spec(name, body)
	for _, f := range change {
		f(spec)
	}
	resp, err := h.Tasks.AddTask(h.t.Context(), &pb.AddTaskRequest{Task: spec})
	if err != nil {
		h.t.Fatalf("add task %q: %v", name, err)
	}
	return resp.GetTask()
}
