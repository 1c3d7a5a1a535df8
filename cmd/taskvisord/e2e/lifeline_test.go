//go:build e2e

package e2e

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// lifeline is a named pipe that a process under supervision has open for writing, as have the children that it starts. What it writes are
// moments that the test can wait for, and the end of the pipe is the end of the last of those processes, however it came about.
type lifeline struct {
	path   string
	pipe   *os.File
	reader *bufio.Reader
}

// newLifeline makes the pipe. A shell takes hold of it with exec 3>PATH.
func newLifeline(t *testing.T) *lifeline {
	t.Helper()
	l := &lifeline{path: filepath.Join(t.TempDir(), "lifeline")}
	if err := syscall.Mkfifo(l.path, 0o600); err != nil {
		t.Fatal(err)
	}
	l.open(t, os.O_RDWR) // for reading alone it would block until there is a writer
	return l
}

func (l *lifeline) open(t *testing.T, mode int) {
	t.Helper()
	pipe, err := os.OpenFile(l.path, mode, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pipe.Close() })
	if err := pipe.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if l.pipe != nil {
		l.pipe.Close()
	}
	l.pipe, l.reader = pipe, bufio.NewReader(pipe)
}

// hear waits for the next line, which has to be the one that is expected.
func (l *lifeline) hear(t *testing.T, want string) {
	t.Helper()
	line, err := l.reader.ReadString('\n')
	if got := strings.TrimSuffix(line, "\n"); err != nil || got != want {
		t.Fatalf("heard %q, %v, where %q was due", got, err, want)
	}
}

// holdOn makes the test a mere reader, so that the pipe can end. To be called while there is a writer.
func (l *lifeline) holdOn(t *testing.T) {
	t.Helper()
	if l.reader.Buffered() > 0 {
		t.Fatal("there are lines that the test has not heard")
	}
	l.open(t, os.O_RDONLY)
}

// ended reports whether all writers are gone at this very moment.
func (l *lifeline) ended(t *testing.T) bool {
	t.Helper()
	raw, err := l.pipe.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var n int
	var readErr error
	if err := raw.Control(func(fd uintptr) { n, readErr = syscall.Read(int(fd), make([]byte, 1)) }); err != nil {
		t.Fatal(err)
	}
	return n == 0 && readErr == nil // EAGAIN while there is a writer
}

// wake is how long it may take the system to end processes that nothing keeps alive any more.
const wake = 10 * time.Second

// end waits until all writers are gone.
func (l *lifeline) end(t *testing.T) {
	t.Helper()
	if err := l.pipe.SetReadDeadline(time.Now().Add(wake)); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(l.reader); err != nil || len(rest) > 0 {
		t.Fatalf("waiting for the end of the processes: %v, heard %q", err, rest)
	}
}
