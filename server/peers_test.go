package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/server/servertest"
	"github.com/taskvisor/taskvisor/supervisor"
)

// watchersAddress tells the process where the server is.
const watchersAddress = "TASKVISOR_TEST_ADDRESS"

// watchersProcess is a process with two streams, on a connection each. Both are open when it says so. It reads one of them until it is killed, and
// returns if it cannot.
func watchersProcess() error {
	var streams [2]grpc.ServerStreamingClient[pb.WatchEventsResponse]
	for i := range streams {
		conn, err := grpc.NewClient(os.Getenv(watchersAddress), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err == nil {
			streams[i], err = pb.NewSupervisorServiceClient(conn).WatchEvents(context.Background(), &pb.WatchEventsRequest{})
		}
		if err == nil {
			_, err = streams[i].Recv()
		}
		if err != nil {
			return err
		}
	}
	fmt.Println("watching")
	for {
		if _, err := streams[0].Recv(); err != nil {
			return err
		}
	}
}

// ended tells when the handler of a stream has returned.
type ended chan struct{}

func (e ended) intercept(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	defer func() { e <- struct{}{} }()
	return handler(srv, stream)
}

// A process that is killed says no goodbye, but its kernel does. The streams are gone at once, also the one with a send that waits.
func TestStreamsOfAKilledProcessEndAtOnce(t *testing.T) {
	h := newHarness(t, servertest.WithEngine(supervisor.Config{OutputRate: 1 << 30, OutputBurst: 1 << 30}))
	end := make(ended, 2)
	g := h.Server.NewGRPCServer(grpc.ChainStreamInterceptor(end.intercept))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- g.Serve(listener) }()
	watchers := startWatchers(t, listener.Addr())
	lines := make(chan struct{})
	h.Define("talks", func(ctx context.Context) error {
		for range 50_000 { // 6 MB: more than HTTP/2 lets wait for a client
			supervisor.OutputLine(ctx, supervisor.Stdout, "a line of output, about this long, like that of many a program")
		}
		close(lines)
		<-ctx.Done()
		return ctx.Err()
	})
	h.Add("task", "talks", func(s *pb.TaskSpec) { s.CaptureOutput = true })
	<-lines
	if stats := h.Server.Stats(); stats.Streams != 2 || stats.MaxLag < 10_000 {
		t.Errorf("before the end %+v", stats)
	}
	begin := time.Now()
	if err := watchers.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-end
	<-end
	if took := time.Since(begin); took > 5*time.Second { // nobody waits for a keepalive
		t.Errorf("the streams ended after %v", took)
	}
	if stats := h.Server.Stats(); stats.Streams != 0 || stats.Opened != 2 || len(h.Server.Streams()) != 0 {
		t.Errorf("after the end %+v", stats)
	}
	g.Stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// startWatchers starts watchersProcess and returns when it watches.
func startWatchers(t *testing.T, server net.Addr) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), beProcess+"=watchers", watchersAddress+"="+server.String())
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // it was killed
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "watching\n" {
		t.Fatalf("the process says %q, %v", line, err)
	}
	return cmd
}

// blackHole is the client's end of a connection into a network that, once it is broken, takes everything and delivers nothing, and does not say so.
type blackHole struct {
	net.Conn
	broken chan struct{} // closed when it is
	closed chan struct{} // closed by Close
}

func (b *blackHole) isBroken() bool {
	select {
	case <-b.broken:
		return true
	default:
		return false
	}
}

// Read implements net.Conn. What comes is lost.
func (b *blackHole) Read(p []byte) (int, error) {
	n, err := b.Conn.Read(p)
	if !b.isBroken() {
		return n, err
	}
	<-b.closed
	return 0, io.EOF
}

// Write implements net.Conn.
func (b *blackHole) Write(p []byte) (int, error) {
	if b.isBroken() {
		return len(p), nil
	}
	return b.Conn.Write(p)
}

// Close implements net.Conn. The server does not learn of it.
func (b *blackHole) Close() error {
	select {
	case <-b.closed:
	default:
		close(b.closed)
	}
	if b.isBroken() {
		return nil
	}
	return b.Conn.Close()
}

// "A client that a network or a crash has taken away says nothing": its streams end when KeepaliveTime and KeepaliveTimeout are over, whether
// they are quiet or have a send that waits.
func TestHalfOpenConnectionsAreFound(t *testing.T) {
	for name, test := range map[string]struct {
		config server.Config
		within time.Duration
		events int
	}{
		"defaults":     {server.Config{}, 40 * time.Second, 0},
		"short":        {server.Config{KeepaliveTime: 2 * time.Second, KeepaliveTimeout: time.Second}, 3 * time.Second, 0},
		"a send waits": {server.Config{KeepaliveTime: 2 * time.Second, KeepaliveTimeout: time.Second}, 3 * time.Second, 10_000},
		"long":         {server.Config{KeepaliveTime: time.Hour, KeepaliveTimeout: time.Second}, time.Hour + time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) { testHalfOpen(t, test.config, test.within, test.events) })
		})
	}
}

func testHalfOpen(t *testing.T, config server.Config, within time.Duration, events int) {
	config.Logger = quiet
	h := newHarness(t, servertest.WithServer(config), servertest.WithEngine(supervisor.Config{OutputRate: 1 << 30, OutputBurst: 1 << 30}))
	end := make(ended, 1)
	listener := bufconn.Listen(1 << 16)
	g := h.Server.NewGRPCServer(grpc.ChainStreamInterceptor(end.intercept))
	served := make(chan error, 1)
	go func() { served <- g.Serve(listener) }()
	hole := &blackHole{broken: make(chan struct{}), closed: make(chan struct{})}
	conn, err := grpc.NewClient("passthrough:///hole", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (c net.Conn, err error) {
			hole.Conn, err = listener.DialContext(ctx)
			return hole, err
		}))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stream, err := pb.NewSupervisorServiceClient(conn).WatchEvents(t.Context(), &pb.WatchEventsRequest{})
	if err == nil {
		_, err = stream.Recv()
	}
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(10 * within) // who answers is left alone
	if h.Server.Stats().Streams != 1 {
		t.Error("the stream of a client that answers has ended")
	}
	close(hole.broken)
	begin := time.Now()
	h.Define("talks", func(ctx context.Context) error {
		for range events {
			supervisor.OutputLine(ctx, supervisor.Stdout, "a line of output, about this long, like that of many a program")
		}
		<-ctx.Done()
		return ctx.Err()
	})
	h.Add("task", "talks", func(s *pb.TaskSpec) { s.CaptureOutput = true })
	<-end
	if took := time.Since(begin); took > within {
		t.Errorf("the stream ended after %v, want %v", took, within)
	}
	if stats := h.Server.Stats(); stats.Streams != 0 {
		t.Errorf("after the end %+v", stats)
	}
	g.Stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}
