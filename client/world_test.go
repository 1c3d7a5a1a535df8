package client_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/server/servertest"
	"github.com/taskvisor/taskvisor/supervisor"
)

// world is a place where a server is, most of the time, and connections break. The server is the real one; a new one, with an event log and tasks
// of its own, takes the place of one that ended. It is for synctest bubbles.
type world struct {
	t      *testing.T
	engine supervisor.Config
	server *servertest.Harness // the present one; its own connection is never cut

	mu       sync.Mutex // guards what is below
	listener *bufconn.Listener
	grpc     *grpc.Server
	conns    []net.Conn
}

func newWorld(t *testing.T, engine supervisor.Config) *world {
	w := &world{t: t, engine: engine}
	w.start()
	return w
}

// start puts a server there.
func (w *world) start() {
	w.server = servertest.New(w.t, servertest.WithServer(quiet), servertest.WithEngine(w.engine), servertest.WithoutLeakCheck())
	g, listener := w.server.Server.NewGRPCServer(), bufconn.Listen(1<<16)
	go func() { _ = g.Serve(listener) }() // ends with the server
	w.mu.Lock()
	defer w.mu.Unlock()
	w.grpc, w.listener = g, listener
}

// dial returns a client that reaches whichever server is there.
func (w *world) dial() *client.Client {
	w.t.Helper()
	c, err := client.Dial("passthrough:///world", client.WithGRPC(grpc.WithContextDialer(w.connect)))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	return c
}

func (w *world) connect(ctx context.Context, _ string) (net.Conn, error) {
	w.mu.Lock()
	listener := w.listener
	w.mu.Unlock()
	if listener == nil {
		return nil, errors.New("connection refused")
	}
	conn, err := listener.DialContext(ctx)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns = append(w.conns, conn)
	return conn, nil
}

// cut breaks all connections.
func (w *world) cut() {
	w.mu.Lock()
	conns := slices.Clone(w.conns)
	w.conns = nil
	w.mu.Unlock()
	for _, conn := range conns {
		_ = conn.Close() // nothing else can go wrong with it
	}
}

// kill lets the server vanish without a word.
func (w *world) kill() {
	w.mu.Lock()
	g := w.grpc
	w.listener = nil
	w.mu.Unlock()
	w.cut()
	g.Stop()
}

// stop ends the server in good order.
func (w *world) stop() {
	if err := w.server.Server.Shutdown(w.t.Context()); err != nil && !errors.Is(err, supervisor.ErrTaskStuck) {
		w.t.Error(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.listener = nil
}

// add adds a task past the client.
func (w *world) add(name, body string, change ...func(*pb.TaskSpec)) *pb.Task {
	w.t.Helper()
	return w.server.Add(name, body, change...)
}

// tasks returns what the server lists.
func (w *world) tasks() (all []*pb.Task) {
	w.t.Helper()
	for task, err := range client.New(w.server.Conn).List(w.t.Context(), &pb.ListTasksRequest{PageSize: 1000}) {
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, task)
	}
	return all
}

// cursor returns the end of the log.
func (w *world) cursor() uint64 { return w.server.Supervisor.Cursor().Sequence }

// quiet is the config of a server that does not log, for what these tests are about they see for themselves; and that sends events as they come, so
// that all is quiet as soon as nobody has anything to do.
var quiet = server.Config{Logger: slog.New(slog.DiscardHandler), Linger: -1}
