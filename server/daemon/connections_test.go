package daemon

import (
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/servertest"
)

// dialTCP connects to an address.
func dialTCP(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// wantClosed waits for the other side to close the connection, without a word.
func wantClosed(t *testing.T, conn net.Conn) {
	t.Helper()
	if data, err := io.ReadAll(conn); len(data) > 0 {
		t.Errorf("read %q, %v", data, err)
	}
}

// acceptAll accepts all connections of a listener, and returns them one by one.
func acceptAll(t *testing.T, l net.Listener) <-chan net.Conn {
	t.Helper()
	accepted := make(chan net.Conn, 100)
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- conn
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		accepting.Wait()
		for len(accepted) > 0 {
			_ = (<-accepted).Close()
		}
	})
	return accepted
}

// A connection beyond the limit is closed at once, until another one is, however often that is closed.
func TestConnectionsAreBounded(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log := newConsole()
	l := newBoundedListener(inner, "listen", 2, slog.New(newTextHandler(log, slog.LevelInfo)))
	address, accepted := l.Addr().String(), acceptAll(t, l)
	dialTCP(t, address)
	dialTCP(t, address)
	first, second := <-accepted, <-accepted
	defer second.Close()
	for range 3 {
		wantClosed(t, dialTCP(t, address))
	}
	if open, refused := l.open.Load(), l.refused.Load(); open != 2 || refused != 3 {
		t.Errorf("%d are open, %d are refused", open, refused)
	}
	for range 2 {
		first.Close()
	}
	dialTCP(t, address)
	defer (<-accepted).Close()
	wantClosed(t, dialTCP(t, address))
	if open, refused := l.open.Load(), l.refused.Load(); open != 2 || refused != 4 {
		t.Errorf("%d are open, %d are refused", open, refused)
	}
	want := "WARN  a connection is refused, as many are open as may: find out who opens them, or raise --max-connections listener=--listen peer.address=127.0.0.1:"
	if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, want) || !strings.HasSuffix(text, " limit=2 refused=1\n") {
		t.Errorf("logged\n%s", text)
	}
}

// refusing is a listener of connections that have failed already.
type refusing struct{ net.Listener }

func (refusing) Accept() (net.Conn, error) {
	client, conn := net.Pipe()
	client.Close()
	return conn, nil
}

// A client that comes again and again causes a line in ten seconds, which says how often.
func TestLinesAboutRefusedConnectionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newConsole()
		b := newBoundedListener(refusing{}, "socket", 0, slog.New(newTextHandler(log, slog.LevelInfo)))
		refuse := func(n int) {
			for range n {
				conn, _ := b.Listener.Accept()
				b.refuse(conn)
			}
		}
		refuse(5)
		time.Sleep(10 * time.Second)
		refuse(3)
		var refused []string
		for _, line := range timeless(log.String()) {
			_, n, _ := strings.Cut(line, "refused=")
			refused = append(refused, n)
		}
		if fmt.Sprint(refused) != "[1 5]" {
			t.Errorf("logged\n%s", log)
		}
	})
}

// "Whoever opens as many connections to one address as may be keeps nobody from another one", and the refused ones are counted.
func TestEachAddressHasItsConnections(t *testing.T) {
	write(t, nil)
	r := launch(t, Plugins(builtIn), "--max-connections=1", "--socket=s", "--health-listen=127.0.0.1:0", "--http-listen=127.0.0.1:0")
	address := r.address(t)
	stream, err := connect(t, address, insecure.NewCredentials()).WatchEvents(t.Context(), &pb.WatchEventsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, list(t.Context(), connect(t, address, insecure.NewCredentials())), codes.Unavailable, "")
	if err := list(t.Context(), connect(t, "unix:s", insecure.NewCredentials())); err != nil {
		t.Errorf("the socket: %v", err)
	}
	if !serving(t, r.at(t, "health")) {
		t.Error("the address of probes has no room")
	}
	r.await(t, "a connection is refused")
	code, body := get(t, newClient(t, nil), "http://"+r.at(t, "http")+"/metrics", "")
	for _, metric := range []string{
		`taskvisor_connections{listener="listen"} 1`, `taskvisor_connections{listener="http-listen"} 1`, `taskvisor_connections_refused_total{listener="socket"} 0`,
	} {
		if code != http.StatusOK || !strings.Contains(body, metric+"\n") {
			t.Errorf("%d, no %s in\n%s", code, metric, body)
		}
	}
	if strings.Contains(body, `taskvisor_connections_refused_total{listener="listen"} 0`) {
		t.Error("nothing is counted as refused")
	}
}

// A connection of TLS counts until it is closed, also one whose handshake fails.
func TestConnectionsOfTLSAreCounted(t *testing.T) {
	write(t, nil)
	ca := servertest.NewCA(t)
	putPair(t, ca, "daemon")
	r := launch(t, Plugins(builtIn), "--max-connections=1", "--tls-cert=crt", "--tls-key=key")
	address := r.address(t)
	for range 3 {
		conn := dialTCP(t, address)
		if _, err := conn.Write([]byte("this is no TLS")); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, conn) // an alert, and the end
	}
	if err := list(t.Context(), connect(t, address, credentials.NewTLS(&tls.Config{RootCAs: ca.Pool()}))); err != nil {
		t.Error(err)
	}
}

// Who begins a connection and does not go on holds a place for --handshake-timeout, and no longer: before TLS, in the middle of it, behind it, and
// without any. A stream that has begun before goes on.
func TestConnectionsThatComeToNothingAreClosed(t *testing.T) {
	write(t, nil)
	ca := servertest.NewCA(t)
	putPair(t, ca, "daemon")
	r := launch(t, Plugins(builtIn), "--handshake-timeout=200ms", "--tls-cert=crt", "--tls-key=key", "--health-listen=127.0.0.1:0", "--socket=s", "--max-connections=5")
	address, secure := r.address(t), &tls.Config{RootCAs: ca.Pool(), NextProtos: []string{"h2"}}
	stream, err := connect(t, address, credentials.NewTLS(secure)).WatchEvents(t.Context(), &pb.WatchEventsRequest{},
		grpc.WaitForReady(true)) // on a busy machine, a handshake may take too long
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	silent, partial := dialTCP(t, address), dialTCP(t, address)
	if _, err := partial.Write([]byte{tlsHandshake, 3, 1, 0, 200, 1}); err != nil { // the begin of a record
		t.Fatal(err)
	}
	behind, err := tls.Dial("tcp", address, secure)
	for err != nil { // as above
		behind, err = tls.Dial("tcp", address, secure)
	}
	defer behind.Close()
	socket, err := net.Dial("unix", "s")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	for name, conn := range map[string]net.Conn{
		"silent": silent, "in the middle of TLS": partial, "behind TLS": behind, "of probes": dialTCP(t, r.at(t, "health")), "of the socket": socket,
	} {
		// What the server sends by itself, the settings of HTTP/2, is no end.
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Logf("%s: %v", name, err)
		}
	}
	r.await(t, "WARN  a client did not come to the end of the TLS handshake within --handshake-timeout, and its connection is closed peer.address=127.0.0.1:")
	tasks := connect(t, "unix:s", insecure.NewCredentials())
	if _, err := tasks.AddTask(t.Context(), &pb.AddTaskRequest{Task: &pb.TaskSpec{Name: "late", Plugin: "sleep"}}, grpc.WaitForReady(true)); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Errorf("the stream has ended: %v", err)
	}
}
