package server_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
	"github.com/taskvisor/taskvisor/supervisor/plugins/sleep"
)

// BenchmarkAddTaskBesideAnEmptyCall adds tasks that run on, from 64 callers with a token over loopback TCP, and in turns with that makes calls
// of a method that does nothing: on the same gRPC server and the same connections, behind the same interceptors. The unit
// add/empty is the throughput of the one divided by that of the other, the median of all turns, and add/empty-cpu the same by the processor time of
// both sides together; ns/op is about a pair of both. Callers and server share the
// processors, so the callers do as little as they can, and the same for both calls: they send bytes that are ready and do not look at those that
// come. The engine logs no events here, and calls are logged as the daemon does by default, which is those that fail.
func BenchmarkAddTaskBesideAnEmptyCall(b *testing.B) {
	for _, connections := range []int{1, 64} {
		b.Run(fmt.Sprintf("connections=%d", connections), func(b *testing.B) { benchmarkAddTask(b, connections) })
	}
}

const (
	addCallers = 64
	addRound   = 16 * addCallers // calls of one kind before those of the other
)

func benchmarkAddTask(b *testing.B, connections int) {
	s := newAddServer(b, connections)
	var walls, cpus []float64
	b.ReportAllocs()
	for done := 0; done < b.N; done += addRound {
		n := min(addRound, b.N-done)
		empty := s.all(b, n, s.empty)
		add := s.all(b, n, s.add)
		walls, cpus = append(walls, empty.wall.Seconds()/add.wall.Seconds()), append(cpus, empty.cpu.Seconds()/add.cpu.Seconds())
		b.StopTimer()
		s.removeAll(b)
		b.StartTimer()
	}
	slices.Sort(walls)
	slices.Sort(cpus)
	b.ReportMetric(walls[len(walls)/2], "add/empty")
	b.ReportMetric(cpus[len(cpus)/2], "add/empty-cpu")
}

// cost is what calls took.
type cost struct{ wall, cpu time.Duration }

// addServer is a server with authentication, a method that does nothing, and callers.
type addServer struct {
	sup   *supervisor.Supervisor
	conns []*grpc.ClientConn
	next  atomic.Uint64 // number of the next task
}

const (
	addToken    = "token-of-the-benchmark"
	emptyMethod = "/test.v1.EmptyService/Call"
)

func newAddServer(b *testing.B, connections int) *addServer {
	sup, err := supervisor.New(supervisor.Config{})
	if err != nil {
		b.Fatal(err)
	}
	registry, err := plugin.NewRegistry(sleep.New())
	if err != nil {
		b.Fatal(err)
	}
	access := new(server.Access)
	if err := access.Set(server.Grant{Principal: "bench", Role: server.RoleAdmin, Token: server.HashToken(addToken)}); err != nil {
		b.Fatal(err)
	}
	srv := server.New(sup, registry, server.Config{
		Authenticator: access, Version: "v1.2.3", Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	g := srv.NewGRPCServer()
	g.RegisterService(&emptyService, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = g.Serve(l) }) // until Shutdown
	b.Cleanup(func() {
		_ = srv.Shutdown(context.Background()) // the verdict is of no interest
		serving.Wait()
	})
	s := &addServer{sup: sup}
	for range connections {
		conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { conn.Close() })
		s.conns = append(s.conns, conn)
	}
	s.all(b, addCallers, s.empty) // connects
	return s
}

// emptyService has one method, which does nothing.
var emptyService = grpc.ServiceDesc{
	ServiceName: "test.v1.EmptyService",
	Methods: []grpc.MethodDesc{{MethodName: "Call", Handler: func(srv any, ctx context.Context, decode func(any) error, around grpc.UnaryServerInterceptor) (any, error) {
		in := new(emptypb.Empty)
		if err := decode(in); err != nil {
			return nil, err
		}
		return around(ctx, in, &grpc.UnaryServerInfo{Server: srv, FullMethod: emptyMethod}, func(context.Context, any) (any, error) {
			return new(emptypb.Empty), nil
		})
	}}},
}

// all makes n calls from all callers together and returns what they took.
func (s *addServer) all(b *testing.B, n int, call func(context.Context, *grpc.ClientConn) error) cost {
	ctx := metadata.AppendToOutgoingContext(b.Context(), "authorization", "Bearer "+addToken)
	var callers sync.WaitGroup
	var left atomic.Int64
	left.Store(int64(n))
	begin, before := time.Now(), cpuTime()
	for i := range addCallers {
		callers.Go(func() {
			for left.Add(-1) >= 0 {
				if err := call(ctx, s.conns[i%len(s.conns)]); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	callers.Wait()
	return cost{time.Since(begin), cpuTime() - before}
}

func (s *addServer) empty(ctx context.Context, conn *grpc.ClientConn) error {
	return conn.Invoke(ctx, emptyMethod, []byte(nil), nil, grpc.ForceCodec(readyCodec{}))
}

// addRequest is the request of a task, of which only the name differs each time.
var addRequest = func() []byte {
	config := &structpb.Struct{Fields: map[string]*structpb.Value{"duration": structpb.NewStringValue("1h")}}
	encoded, err := proto.Marshal(&pb.AddTaskRequest{Task: &pb.TaskSpec{Name: addName, Plugin: "sleep", Config: config}})
	if err != nil {
		panic(err) // the test is wrong
	}
	return encoded
}()

const addName = "task-000000000"

func (s *addServer) add(ctx context.Context, conn *grpc.ClientConn) error {
	request := bytes.Replace(addRequest, []byte(addName), fmt.Appendf(nil, "task-%09d", s.next.Add(1)), 1)
	return conn.Invoke(ctx, pb.SupervisorService_AddTask_FullMethodName, request, nil, grpc.ForceCodec(readyCodec{}))
}

// readyCodec sends bytes, and drops what comes.
type readyCodec struct{}

func (readyCodec) Marshal(v any) ([]byte, error)   { return v.([]byte), nil }
func (readyCodec) Unmarshal(_ []byte, _ any) error { return nil }
func (readyCodec) Name() string                    { return "proto" }

// removeAll removes the tasks, so that the benchmark is about as many live ones however long it takes.
func (s *addServer) removeAll(b *testing.B) {
	for _, task := range s.sup.List(supervisor.ListOptions{}) {
		if _, err := s.sup.Remove(b.Context(), supervisor.ByUID(task.UID), time.Minute); err != nil {
			b.Fatal(err)
		}
	}
}
