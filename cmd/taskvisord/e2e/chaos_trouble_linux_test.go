//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// troubles are what happens to the daemon besides calls. Each goes on until ctx is done, and leaves nothing behind.
var troubles = []func(ctx context.Context, t *testing.T, c *chaos, random *rand.Rand){
	sendGarbage, crawl, rotateCertificates, rotateTokens, takeFiles, halt,
}

// millis returns a random time.
func millis(random *rand.Rand, least, most int) time.Duration {
	return time.Duration(least+random.IntN(most-least)) * time.Millisecond
}

// sendGarbage connects, sends what is neither TLS nor HTTP/2, or begins like it, and waits to be shown the door.
func sendGarbage(ctx context.Context, t *testing.T, c *chaos, random *rand.Rand) {
	for pause(ctx, millis(random, 1, 50)) {
		network, address := "tcp", c.addr
		if random.IntN(2) == 0 {
			network, address = "unix", c.socket
		}
		conn, err := net.DialTimeout(network, address, chaosHang)
		if err != nil {
			continue // a socket whose backlog is full
		}
		garbage := make([]byte, random.IntN(4096))
		for i := range garbage {
			garbage[i] = byte(random.Uint32())
		}
		begins := [][]byte{nil, []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), []byte("GET / HTTP/1.1\r\n\r\n"), {22, 3, 1}}
		_, _ = conn.Write(append(begins[random.IntN(len(begins))], garbage...)) // who is shown the door early cannot send all
		_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		_, _ = conn.Read(make([]byte, 1))
		conn.Close()
	}
}

// crawl has connections on which a handshake comes byte by byte, and is never complete.
func crawl(ctx context.Context, _ *testing.T, c *chaos, random *rand.Rand) {
	const most = 30
	var slow []net.Conn
	defer func() {
		for _, conn := range slow {
			conn.Close()
		}
	}()
	for pause(ctx, millis(random, 5, 50)) {
		if len(slow) < most {
			if conn, err := net.DialTimeout("tcp", c.addr, chaosHang); err == nil {
				slow = append(slow, conn)
			}
		}
		for i := range slow {
			_ = slow[i].SetWriteDeadline(time.Now().Add(time.Second))
			_, _ = slow[i].Write([]byte{[]byte{22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3}[random.IntN(11)]}) // it may have been closed
		}
		if len(slow) == most {
			slow[0].Close()
			slow = slow[1:]
		}
	}
}

// put writes a file in one step.
func (c *chaos) put(t *testing.T, name string, data []byte) {
	path := filepath.Join(c.dir, name)
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		t.Error(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Error(err)
	}
}

// putCertificate gives the daemon another certificate, and returns its number.
func (c *chaos) putCertificate(t *testing.T) (serial string) {
	certificate, key := c.ca.Issue(t, "daemon", func(x *x509.Certificate) { serial = x.SerialNumber.String() })
	c.put(t, "daemon.crt", certificate)
	c.put(t, "daemon.key", key)
	return serial
}

// rotateCertificates exchanges the certificate by good ones and by bad ones, and waits for the last good one to be in force.
func rotateCertificates(ctx context.Context, t *testing.T, c *chaos, random *rand.Rand) {
	for pause(ctx, millis(random, 50, 1000)) {
		certificate, key := c.ca.Issue(t, "daemon")
		_, otherKey := c.ca.Issue(t, "daemon")
		switch random.IntN(6) {
		case 0:
			c.put(t, "daemon.crt", []byte("no certificate"))
		case 1:
			c.put(t, "daemon.key", bytes.Repeat([]byte("x"), 1<<20))
		case 2:
			c.put(t, "daemon.crt", certificate)
			c.put(t, "daemon.key", otherKey)
		case 3:
			os.Remove(filepath.Join(c.dir, "daemon.key"))
		default:
			c.put(t, "daemon.crt", certificate)
			c.put(t, "daemon.key", key)
		}
	}
	want := c.putCertificate(t)
	late, cancel := context.WithTimeout(t.Context(), chaosHang)
	defer cancel()
	for c.serial(late) != want {
		if !pause(late, 20*time.Millisecond) { // nothing tells of the certificate that would be shown
			t.Errorf("the last certificate is not in force after %s", chaosHang)
			return
		}
	}
}

// serial returns the number of the certificate that the daemon shows.
func (c *chaos) serial(ctx context.Context) string {
	conn, err := (&tls.Dialer{Config: &tls.Config{RootCAs: c.ca.Pool(), NextProtos: []string{"h2"}}}).DialContext(ctx, "tcp", c.addr)
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.String()
}

// putTokens gives the daemon a list of tokens, with the one that comes and goes or without.
func (c *chaos) putTokens(t *testing.T, flicker bool) {
	list := "tokens:\n"
	for _, role := range chaosRoles[:chaosOverSocket] {
		list += fmt.Sprintf("- {name: %s, role: %s, token: %s}\n", role, role, chaosTokens+role)
	}
	if flicker {
		list += fmt.Sprintf("- {name: flicker, role: watch, token: %s}\n", chaosFlicker)
	}
	c.put(t, "tokens.yaml", []byte(list))
}

// rotateTokens takes a token away while its owner watches, and gives it back. Bad files in between change nothing.
func rotateTokens(ctx context.Context, t *testing.T, c *chaos, random *rand.Rand) {
	conn, err := grpc.NewClient(c.addr, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: c.ca.Pool()})),
		grpc.WithPerRPCCredentials(bearer(chaosFlicker)), grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	owner := pb.NewSupervisorServiceClient(conn)
	for pause(ctx, millis(random, 50, 500)) && !t.Failed() {
		late, cancel := context.WithTimeout(t.Context(), chaosHang)
		stream, err := owner.WatchEvents(late, &pb.WatchEventsRequest{Filter: &pb.EventFilter{Names: []string{"nobody"}}})
		if err == nil {
			_, err = stream.Recv()
		}
		if err != nil {
			t.Errorf("the owner of a token that is good: %v", err)
		}
		c.put(t, "tokens.yaml", [][]byte{[]byte("tokens: ["), []byte("tokens:\n- {name: a}\n"), bytes.Repeat([]byte("#"), 2<<20)}[random.IntN(3)])
		pause(ctx, millis(random, 1, 300))
		c.putTokens(t, false)
		for err == nil {
			_, err = stream.Recv()
		}
		if reasonOf(err) != "UNAUTHENTICATED" {
			t.Errorf("the stream of a token that was taken back ends with %v", err)
		}
		c.putTokens(t, true)
		for err != nil && pause(late, 20*time.Millisecond) { // nothing tells that the token is good again
			_, err = owner.ListTasks(late, &pb.ListTasksRequest{PageSize: 1})
		}
		if err != nil {
			t.Errorf("the token is given back, and after %s it is %v", chaosHang, err)
		}
		cancel()
	}
}

// takeFiles lets the daemon open hardly any more files for a while, and wants connections meanwhile.
func takeFiles(ctx context.Context, t *testing.T, c *chaos, random *rand.Rand) {
	pid := c.cmd.Process.Pid
	var before unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &before); err != nil {
		t.Error(err)
		return
	}
	for pause(ctx, millis(random, 500, 2000)) {
		open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		if err != nil {
			t.Error(err)
			return
		}
		few := unix.Rlimit{Cur: uint64(len(open) + random.IntN(5)), Max: before.Max}
		c.limited.begin()
		if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &few, nil); err != nil {
			t.Error(err)
		}
		var conns []net.Conn
		for range 20 {
			if conn, err := net.DialTimeout("tcp", c.addr, time.Second); err == nil {
				conns = append(conns, conn)
			}
		}
		pause(ctx, millis(random, 50, 500))
		for _, conn := range conns {
			conn.Close()
		}
		if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &before, nil); err != nil {
			t.Error(err)
		}
		c.limited.end()
	}
}

// halt stops the whole process for a moment.
func halt(ctx context.Context, t *testing.T, c *chaos, random *rand.Rand) {
	for pause(ctx, millis(random, 500, 3000)) {
		c.limited.begin()
		if err := c.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Error(err)
		}
		pause(ctx, millis(random, 20, 400))
		if err := c.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Error(err)
		}
		c.limited.end()
	}
}
