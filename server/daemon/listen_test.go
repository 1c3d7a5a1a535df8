package daemon

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// serving reports whether a daemon answers on the address, in the syntax of gRPC.
func serving(t *testing.T, target string) bool {
	t.Helper()
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answer, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
	return err == nil && answer.GetStatus() == healthpb.HealthCheckResponse_SERVING
}

// "The ready line is written once the daemon serves, not before."
func TestReadyLineNamesWhatIsServed(t *testing.T) {
	write(t, nil)
	r := launch(t, Plugins(builtIn), "--listen=localhost:0", "--socket=s")
	line := r.await(t, "ready")
	address := r.address(t)
	if want := "INFO  ready address=" + address + " socket=s version=v1.2.3 plugins=sleep tasks=0\n"; !strings.HasSuffix(line, want) {
		t.Errorf("got  %swant … %s", line, want)
	}
	for _, target := range []string{address, "unix:s"} {
		if !serving(t, target) {
			t.Errorf("%s is not served", target)
		}
	}
	r.signals <- syscall.SIGTERM
	if code := r.exit(); code != ExitClean {
		t.Errorf("exit code %d", code)
	}
	if _, err := os.Lstat("s"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left behind: %v", err)
	}
}

func TestSocketAlone(t *testing.T) {
	write(t, nil)
	r := launch(t, Plugins(builtIn), "--listen=none", "--socket=s")
	if line := r.await(t, "ready"); !strings.Contains(line, "ready socket=s version=") {
		t.Errorf("ready line %q", line)
	}
	if !serving(t, "unix:s") {
		t.Error("the socket is not served")
	}
}

func TestSocketIsPrivate(t *testing.T) {
	old := syscall.Umask(0) // which would take bits away, and hide that nobody else does
	defer syscall.Umask(old)
	write(t, nil)
	r := launch(t, Plugins(builtIn), "--socket=s")
	r.await(t, "ready")
	info, err := os.Lstat("s")
	if err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// leaveSocket makes a socket on which nobody listens, as a daemon that was killed leaves it.
func leaveSocket(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

func TestStaleSocketIsReplaced(t *testing.T) {
	write(t, nil)
	leaveSocket(t, "s")
	r := launch(t, Plugins(builtIn), "--socket=s")
	r.await(t, "ready")
	if !serving(t, "unix:s") {
		t.Error("the socket is not served")
	}
}

// What cannot be listened on, with the exact message. The place of each is left as it was.
func TestListenFailures(t *testing.T) {
	write(t, map[string]string{"file": "precious"})
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	other, err := net.Listen("unix", "taken")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := os.Symlink("file", "link"); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ arg, want string }{
		{"--listen=" + taken.Addr().String(), "--listen: " + taken.Addr().String() +
			" is in use; stop the program that listens there, or choose another address with --listen (port 0 takes a free one)"},
		{"--socket=taken", "--socket: a program listens on taken already; stop it, or choose another path"},
		{"--socket=file", "--socket: file exists and is no socket; remove it, or choose another path"},
		{"--socket=link", "--socket: link exists and is no socket; remove it, or choose another path"},
		{"--socket=.", "--socket: . is a directory; give the path of a socket in it, such as taskvisord.sock"},
		{"--socket=no/s", "--socket: the directory no does not exist; create it"},
		{"--socket=file/s", "--socket: lstat file/s: not a directory"},
	}
	for _, tt := range tests {
		t.Run(tt.arg, func(t *testing.T) {
			code, stdout, stderr := once(t, nil, "--listen=127.0.0.1:0", tt.arg)
			if want := "taskvisord: " + tt.want + "\n"; code != ExitFailure || stdout != "" || stderr != want {
				t.Errorf("exit code %d, stdout %q, stderr\n%swant %d and\n%s", code, stdout, stderr, ExitFailure, want)
			}
		})
	}
	if data, err := os.ReadFile("file"); err != nil || string(data) != "precious" {
		t.Errorf("the file has %q, %v", data, err)
	}
	if conn, err := net.Dial("unix", "taken"); err != nil {
		t.Errorf("the socket of the other program is gone: %v", err)
	} else {
		conn.Close()
	}
}

// The first listener is closed when the second one cannot be opened: a daemon that is tried again must not find its own address in use.
func TestListenersAreAllOrNone(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	if _, err := listen(t.Context(), &config{listen: address, socket: filepath.Join(t.TempDir(), "no", "s")}); err == nil {
		t.Fatal("no error")
	}
	again, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

// Errors of the system that a test cannot provoke everywhere.
func TestDescribeListen(t *testing.T) {
	for errno, want := range map[syscall.Errno]string{
		syscall.EACCES:        "TASKVISOR_LISTEN: no permission to listen on h:80; ports below 1024 need a privilege, choose a higher one",
		syscall.EADDRNOTAVAIL: "TASKVISOR_LISTEN: this machine does not have the address of h:80; choose one that it has, or 0.0.0.0 for all",
		syscall.EMFILE:        "TASKVISOR_LISTEN: listen tcp: too many open files",
	} {
		err := describeListen("TASKVISOR_LISTEN", "h:80", "listen", &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("", errno)})
		if got := strings.ReplaceAll(err.Error(), ": :", ":"); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// Loopback is the default; all else has to be asked for, and is warned of.
func TestAddressesThatOthersReach(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", "[::]:0", ":0", "192.0.2.1:0"} {
		code, _, stderr := once(t, nil, "--listen="+address)
		if want := fmt.Sprintf("--listen: %s is not a loopback address", address); code != ExitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, %s", address, code, stderr)
		}
	}
	r := launch(t, Plugins(builtIn), "--listen=0.0.0.0:0", "--insecure")
	line := r.await(t, "WARN  whoever reaches this address controls the tasks")
	if address := r.address(t); !strings.HasSuffix(line, " address="+address+"\n") || !strings.HasPrefix(address, "0.0.0.0:") {
		t.Errorf("ready on %s, warned %s", address, line)
	}
}
