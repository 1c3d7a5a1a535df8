//go:build e2e

package e2e

import (
	"context"
	"net"
	"os/exec"
	"regexp"
	"testing"
)

// daemon is a taskvisord that is ready.
type daemon struct {
	*process
	addr string // HOST:PORT
}

// ready is the line of the log that says that the daemon serves, and where.
var ready = regexp.MustCompile(`\bready address=(\S+)`)

// startDaemon starts the daemon on a free port of the loopback interface and returns when it is ready.
func startDaemon(t *testing.T, flags ...string) *daemon {
	t.Helper()
	return startDaemonIn(t, "", flags...)
}

// startDaemonIn starts it in a folder.
func startDaemonIn(t *testing.T, dir string, flags ...string) *daemon {
	t.Helper()
	return startProgram(t, bin.daemon, dir, flags...)
}

// startProgram starts a daemon that may be another program than taskvisord.
func startProgram(t *testing.T, program, dir string, flags ...string) *daemon {
	t.Helper()
	flags = append(flags, "--listen", "127.0.0.1:0")
	p := startCommand(t, func(ctx context.Context) *exec.Cmd {
		cmd := exec.CommandContext(ctx, program, flags...)
		cmd.Dir = dir
		return cmd
	})
	line, _, ok := p.stderr.find(0, ready.MatchString)
	if !ok {
		t.Fatalf("the daemon does not become ready:\n%s", p.output())
	}
	return &daemon{process: p, addr: ready.FindStringSubmatch(line)[1]}
}

// freeAddress returns an address of the loopback interface on which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
