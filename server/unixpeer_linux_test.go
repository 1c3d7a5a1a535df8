package server_test

import (
	"context"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server"
)

const stranger = 65534

// asStranger connects as another user. It changes the user of one thread, which ends with its goroutine.
func asStranger(ctx context.Context, path string) (conn net.Conn, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		const keep = ^uintptr(0)
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, keep, stranger, keep); errno != 0 {
			err = errno
			return
		}
		conn, err = new(net.Dialer).DialContext(ctx, "unix", path)
	}()
	<-done
	return conn, err
}

// "A socket of another user": the kernel says who connects, and no token helps. Health is for everybody.
func TestASocketIsNotForOtherUsers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be another user; TestOtherUsersAreRefused does without")
	}
	h, _ := guarded(t, server.Config{})
	conn := socketConn(t, h, asStranger)
	for _, ctx := range []context.Context{t.Context(), as(t, "token of admin")} {
		_, err := pb.NewSupervisorServiceClient(conn).ListTasks(ctx, &pb.ListTasksRequest{})
		if r := wantRefusal(t, err, codes.Unauthenticated, "UNAUTHENTICATED"); !strings.Contains(r.message, "uid 0") || !strings.Contains(r.message, "uid 65534") {
			t.Error(err)
		}
	}
	if _, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Error(err)
	}
}
