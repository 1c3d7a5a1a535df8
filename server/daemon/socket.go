package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// socketMode lets only the own user connect: a socket is opened for writing.
const socketMode = 0o600

// listenUnix listens on a unix socket. A socket that a killed daemon has left behind is removed; anything else in its place is not touched.
func listenUnix(ctx context.Context, path string) (net.Listener, error) {
	if err := removeStale(ctx, path); err != nil {
		return nil, err
	}
	config := net.ListenConfig{Control: privateSocket}
	l, err := config.Listen(ctx, "unix", path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, noDirectory(path)
	case err != nil:
		return nil, err
	}
	// Linux has given it this mode from the first moment, see privateSocket. Others do here.
	if err := os.Chmod(path, socketMode); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// privateSocket sets the mode before the socket has a name, so that there is no moment in which others could connect. On Linux bind(2) takes
// over the mode of the unbound socket; other systems refuse to change it, and the mode is set after.
func privateSocket(_, _ string, conn syscall.RawConn) error {
	return conn.Control(func(fd uintptr) {
		_ = syscall.Fchmod(int(fd), socketMode)
	})
}

// judgePlace says what is at the path of a socket: a socket, which may be in use, or nil for nothing. The error says why it cannot become ours.
func judgePlace(path string) (os.FileInfo, error) {
	before, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil //nolint:nilnil // nothing is there, and that is fine
	case err != nil:
		return nil, err
	case before.IsDir():
		return nil, fmt.Errorf("%s is a directory; give the path of a socket in it, such as %s", path, filepath.Join(path, "taskvisord.sock"))
	case before.Mode().Type() != fs.ModeSocket:
		return nil, fmt.Errorf("%s exists and is no socket; remove it, or choose another path", path)
	}
	return before, nil
}

// noDirectory says that a socket cannot be made since its directory is not there.
func noDirectory(path string) error {
	return fmt.Errorf("the directory %s does not exist; create it", filepath.Dir(path))
}

// removeStale removes the socket at path if nobody listens on it. The error says why it is not free.
func removeStale(ctx context.Context, path string) error {
	before, err := judgePlace(path)
	if err != nil || before == nil {
		return err
	}
	if err := probe(ctx, path); err != nil {
		return err
	}
	// Another daemon that starts at this moment may have replaced it since it was probed.
	if now, err := os.Lstat(path); err != nil || !os.SameFile(before, now) {
		return fmt.Errorf("another program has just taken %s", path)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove the stale socket: %w", err)
	}
	return nil
}

// probeTimeout is how long a listener whose queue is full may take to show that it is there.
const probeTimeout = time.Second

// probe returns nil if nobody listens on the socket, which the kernel tells by refusing the connection.
func probe(ctx context.Context, path string) error {
	dialer := net.Dialer{Timeout: probeTimeout}
	conn, err := dialer.DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		conn.Close()
		return fmt.Errorf("a program listens on %s already; stop it, or choose another path", path)
	case errors.Is(err, syscall.ECONNREFUSED):
		return nil
	default:
		return fmt.Errorf("cannot tell whether a program listens on %s, so it is not removed: %w", path, err)
	}
}
