package server_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/server/servertest"
)

// ownUser is the principal of who runs the test.
func ownUser() string { return fmt.Sprintf("unix:%d", os.Geteuid()) }

// socketDialer connects to a socket.
type socketDialer func(ctx context.Context, path string) (net.Conn, error)

// onSocket serves on a unix socket that all users can open, and returns the services over a connection to it.
func onSocket(t *testing.T, h *servertest.Harness, dial socketDialer) pb.SupervisorServiceClient {
	t.Helper()
	return pb.NewSupervisorServiceClient(socketConn(t, h, dial))
}

func socketConn(t *testing.T, h *servertest.Harness, dial socketDialer) *grpc.ClientConn {
	t.Helper()
	dir, err := os.MkdirTemp("", "socket-") //nolint:usetesting // that of the test is not open to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{dir: 0o755, path: 0o777} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	g := h.Server.NewGRPCServer(grpc.Creds(server.UnixCredentials()))
	go func() { _ = g.Serve(listener) }() // the harness stops it
	if dial == nil {
		dial = func(ctx context.Context, path string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
	}
	conn, err := grpc.NewClient("passthrough:///"+path, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithContextDialer(dial))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// UnixCredentials on the socket of the own user. A token goes before the user.
func TestTheUserOfASocketIsAdmin(t *testing.T) {
	for _, authenticated := range []bool{false, true} {
		var authenticator server.Authenticator
		if authenticated {
			access := new(server.Access)
			if err := access.Set(everyRole()...); err != nil {
				t.Fatal(err)
			}
			authenticator = access
		}
		h := newHarness(t, servertest.WithServer(server.Config{Logger: quiet, Authenticator: authenticator}))
		tasks := onSocket(t, h, nil)
		got, err := adder(t.Context(), t, h, tasks)
		if err != nil || got != ownUser() {
			t.Errorf("got %q, %v", got, err)
		}
		_, err = adder(as(t, "token of watch"), t, h, tasks)
		if authenticated {
			wantRefusal(t, err, codes.PermissionDenied, "ROLE_REQUIRED")
		} else if err != nil {
			t.Error(err)
		}
	}
}

// "Connections that are no unix sockets are closed."
func TestUnixCredentialsAreForSockets(t *testing.T) {
	h := newHarness(t)
	conn, served := serve(t, h.Server.NewGRPCServer(grpc.Creds(server.UnixCredentials())))
	if _, err := pb.NewSupervisorServiceClient(conn).ListTasks(t.Context(), &pb.ListTasksRequest{}); refusalOf(t, err).code != codes.Unavailable {
		t.Error(err)
	}
	if err := h.Server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if clone := server.UnixCredentials().Clone(); clone.Info().SecurityProtocol != insecure.NewCredentials().Info().SecurityProtocol {
		t.Errorf("the clone is %v", clone.Info())
	}
}
