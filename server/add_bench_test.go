package server_test

import (
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
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/server/metrics"
	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
	"github.com/taskvisor/taskvisor/supervisor/plugins/sleep"
)

// BenchmarkAddTaskBesideAnEmptyCall adds tasks that run on, from 64 callers with a token over loopback TCP, and in turns with that makes calls
// of a method that does nothing: on the same gRPC server and the same connections, behind the same interceptors, which are all that the daemon has,
// metrics included. The unit add/empty is the throughput of the one divided by that of the other, the median of all turns, and add/empty-cpu the same
// by the processor time of both sides together; ns/op is about a pair of both.
//
// Callers and server share the processors, so the callers do as little as they can, and the same for both calls: they send bytes that are ready, and
// do not look at those that come. The tasks stay, for what a body does after its first step is no part of AddTask; they are removed between the turns.
// The engine logs no events here, and calls are logged as the daemon does by default, which is those that fail.
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
	empty, add := make([][]byte, addRound), addRequests(addRound)
	var walls, cpus []float64
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; done += addRound {
		n := min(addRound, b.N-done)
		nothing := s.all(b, emptyMethod, empty[:n])
		adding := s.all(b, pb.SupervisorService_AddTask_FullMethodName, add[:n])
		walls = append(walls, nothing.wall.Seconds()/adding.wall.Seconds())
		cpus = append(cpus, nothing.cpu.Seconds()/adding.cpu.Seconds())
		b.StopTimer()
		s.removeAll(b, n)
		b.StartTimer()
	}
	slices.Sort(walls)
	slices.Sort(cpus)
	b.ReportMetric(walls[len(walls)/2], "add/empty")
	b.ReportMetric(cpus[len(cpus)/2], "add/empty-cpu")
}

// cost is what calls took.
type cost struct{ wall, cpu time.Duration }

// addServer is a server with authentication, metrics, a method that does nothing, and callers.
type addServer struct {
	sup   *supervisor.Supervisor
	conns []*grpc.ClientConn
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
	m := metrics.New()
	srv := server.New(sup, registry, server.Config{
		Authenticator: access, Version: "v1.2.3", Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		UnaryInterceptors: []grpc.UnaryServerInterceptor{m.UnaryInterceptor()},
	})
	if err := m.Observe(sup, srv); err != nil {
		b.Fatal(err)
	}
	s := &addServer{sup: sup}
	address := s.serve(b, srv)
	for range connections {
		conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { conn.Close() })
		s.conns = append(s.conns, conn)
	}
	s.all(b, emptyMethod, make([][]byte, addCallers)) // connects
	return s
}

// serve serves until the end of the benchmark, and returns the address.
func (s *addServer) serve(b *testing.B, srv *server.Server) string {
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
	return l.Addr().String()
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

// all makes a call with each of the requests, from all callers together, and returns what they took.
func (s *addServer) all(b *testing.B, method string, requests [][]byte) cost {
	ctx := metadata.AppendToOutgoingContext(b.Context(), "authorization", "Bearer "+addToken)
	var callers sync.WaitGroup
	var next atomic.Int64
	begin, before := time.Now(), cpuTime()
	for i := range addCallers {
		conn := s.conns[i%len(s.conns)]
		callers.Go(func() {
			for n := next.Add(1); n <= int64(len(requests)); n = next.Add(1) {
				if err := conn.Invoke(ctx, method, requests[n-1], nil, grpc.ForceCodecV2(readyCodec{})); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	callers.Wait()
	return cost{time.Since(begin), cpuTime() - before}
}

// addRequests returns n requests, encoded, of which only the names of the tasks differ.
func addRequests(n int) [][]byte {
	list := make([][]byte, n)
	for i := range list {
		config := &structpb.Struct{Fields: map[string]*structpb.Value{"duration": structpb.NewStringValue("1h")}}
		encoded, err := proto.Marshal(&pb.AddTaskRequest{Task: &pb.TaskSpec{Name: addName(i), Plugin: "sleep", Config: config}})
		if err != nil {
			panic(err) // the test is wrong
		}
		list[i] = encoded
	}
	return list
}

func addName(i int) string { return fmt.Sprintf("task-%09d", i) }

// readyCodec sends bytes, and drops what comes.
type readyCodec struct{}

func (readyCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}
func (readyCodec) Unmarshal(_ mem.BufferSlice, _ any) error { return nil }
func (readyCodec) Name() string                             { return "proto" }

// removeAll removes the first n tasks, so that the benchmark is about as many live ones however long it takes.
func (s *addServer) removeAll(b *testing.B, n int) {
	for i := range n {
		if _, err := s.sup.Remove(b.Context(), supervisor.ByName(addName(i)), time.Minute); err != nil {
			b.Fatal(err)
		}
	}
}
