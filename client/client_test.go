package client_test

import (
	"net"
	"path/filepath"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// newFake returns a fake and a client of it, both ended with the test.
func newFake(t *testing.T) (*fake, *client.Client) {
	t.Helper()
	f, stop := startFake()
	t.Cleanup(stop)
	c, err := f.dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return f, c
}

func add(t *testing.T, c *client.Client, names ...string) {
	t.Helper()
	for _, name := range names {
		_, err := c.Add(t.Context(), &pb.AddTaskRequest{Task: &pb.TaskSpec{Name: name, Plugin: "exec"}})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestDialTargets dials real sockets, which bufconn cannot stand for.
func TestDialTargets(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "taskvisor.sock")
	for _, listen := range []struct{ network, address, prefix string }{
		{"tcp", "127.0.0.1:0", ""},
		{"tcp", "127.0.0.1:0", "dns:///"},
		{"unix", socket, "unix://"},
		{"unix", socket, "unix:"},
		{"unix", socket, ""},
	} {
		t.Run(listen.prefix+listen.network, func(t *testing.T) {
			l, err := net.Listen(listen.network, listen.address)
			if err != nil {
				t.Fatal(err)
			}
			f, stop := startFake()
			t.Cleanup(stop)
			go func() { _ = f.grpc.Serve(l) }() // ends with stop

			c, err := client.Dial(listen.prefix + l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			add(t, c, "tick")
		})
	}
}

func TestDialOptionsWin(t *testing.T) {
	// gRPC refuses to go without credentials, so this fails only if nil replaced the plain text of Dial.
	c, err := client.Dial("127.0.0.1:1", client.WithGRPC(grpc.WithTransportCredentials(nil)))
	if err == nil {
		c.Close()
		t.Error("the credentials of the caller did not replace those of Dial")
	}
}

func TestCloseEndsCalls(t *testing.T) {
	f, c := newFake(t)
	cursor, err := c.Cursor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	add(t, c, "tick")
	for _, err := range c.Watch(t.Context(), &pb.WatchEventsRequest{Resume: cursor}) {
		if err == nil {
			c.Close() // the stream is open: a message came
		} else if status.Code(err) != codes.Canceled {
			t.Errorf("Watch ended with %v", err)
		}
	}
	if _, err := c.Cursor(t.Context()); status.Code(err) != codes.Canceled {
		t.Errorf("a call after Close: %v", err)
	}
	f.streams.Wait()
}

func TestAServerThatDoesNotSayItsVersion(t *testing.T) {
	c := dialScripted(t, &scripted{list: ends(at("e", 0))})
	if version, err := c.ServerVersion(t.Context()); version != "" || err != nil {
		t.Errorf("%q, %v", version, err)
	}
	if _, err := c.ServerVersion(t.Context()); status.Code(err) != codes.PermissionDenied {
		t.Errorf("a refusal: %v", err)
	}
}

func TestNewLeavesTheConnectionOpen(t *testing.T) {
	f, _ := newFake(t)
	conn, err := grpc.NewClient("passthrough:///fake", grpc.WithContextDialer(f.dialer), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := client.New(conn).Close(); err != nil {
		t.Fatal(err)
	}
	add(t, client.New(conn), "tick")
}

func TestRequestsAreNotChanged(t *testing.T) {
	_, c := newFake(t)
	add(t, c, "a", "b", "c")
	req := &pb.ListTasksRequest{PageSize: 1, Filter: &pb.TaskFilter{Names: []string{"*"}}}
	before := proto.Clone(req)
	for _, err := range c.List(t.Context(), req) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if !proto.Equal(before, req) {
		t.Errorf("List changed its request to %v", req)
	}
}
