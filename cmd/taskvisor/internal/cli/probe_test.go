package cli

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/taskvisor/taskvisor/client"
)

// asks runs a command against a real address, without further attempts, and returns what it says.
func asks(t *testing.T, args ...string) (stderr string, code int) {
	t.Helper()
	_, stderr, code = asksAll(t, args...)
	return stderr, code
}

func asksAll(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Run(t.Context(), Process{Args: args, Stdout: &out, Stderr: &errs, Dial: func(target string, opts ...client.Option) (*client.Client, error) {
		return client.Dial(target, append(opts, client.WithRetry(client.Retry{Attempts: 1}))...)
	}})
	return out.String(), errs.String(), code
}

// grpcServer serves nothing on loopback, and returns where.
func grpcServer(t *testing.T, opts ...grpc.ServerOption) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(opts...)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // ends with Stop
	}()
	t.Cleanup(func() {
		server.Stop()
		<-done
	})
	return listener.Addr().String()
}

// pair is a certificate, and its key, in files.
type pair struct{ cert, key string }

// issue makes a certificate that signs itself.
func issue(t *testing.T, change func(*x509.Certificate)) pair {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "taskvisor"}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	change(template)
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p := pair{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	write(t, p.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	write(t, p.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	return p
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (p pair) serve(t *testing.T, change func(*tls.Config)) string {
	t.Helper()
	certificate, err := tls.LoadX509KeyPair(p.cert, p.key)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}}
	change(config)
	return grpcServer(t, grpc.Creds(credentials.NewTLS(config)))
}

// TestAServerThatDoesNotAnswer tries what a person gets wrong about where the server is and how it speaks.
func TestAServerThatDoesNotAnswer(t *testing.T) {
	asIs := func(*x509.Certificate) {}
	good := issue(t, asIs)
	plainServer, tlsServer := grpcServer(t), good.serve(t, func(*tls.Config) {})
	expired := issue(t, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	})
	elsewhere := issue(t, func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = []string{"example.org"}, nil })
	mutual := good.serve(t, func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert })
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)

	for _, tt := range []struct {
		what string
		args []string
		says []string
	}{
		{"the wrong port", []string{"--server", closedPort(t)}, []string{"(as --server says)", "nothing listens there", "Is the daemon running"}},
		{"no socket", []string{"--server", filepath.Join(t.TempDir(), "sock")}, []string{"there is no such socket", "--socket"}},
		{"no socket but a file", []string{"--server", "unix://" + good.cert}, []string{"this file is no socket"}},
		{"a socket that was left", []string{"--server", leftSocket(t)}, []string{"nobody listens on it"}},
		{"TLS wanted", []string{"--server", tlsServer}, []string{"it speaks TLS, and was spoken to in plain text", "--tls-ca"}},
		{"TLS not wanted", []string{"--server", plainServer, "--tls"}, []string{"does not speak TLS", "Leave out --tls"}},
		{"a certificate of nobody", []string{"--server", tlsServer, "--tls"}, []string{"signed by nobody that you trust", "--tls-ca"}},
		{"an expired certificate", []string{"--server", expired.serve(t, func(*tls.Config) {}), "--tls-ca", expired.cert}, []string{"its certificate is valid from", "needs a new certificate"}},
		{"a certificate of another", []string{"--server", elsewhere.serve(t, func(*tls.Config) {}), "--tls-ca", elsewhere.cert}, []string{"127.0.0.1", "--tls-server-name"}},
		{"a certificate wanted", []string{"--server", mutual, "--tls-ca", good.cert}, []string{"refuses the certificate of this side, or wants one", "--tls-cert"}},
		{"a web server", []string{"--server", strings.TrimPrefix(web.URL, "http://")}, []string{"does not answer as a gRPC server does"}},
	} {
		said, code := asks(t, append([]string{"ls"}, tt.args...)...)
		if code != ExitNoServer {
			t.Errorf("%s: exit code %d", tt.what, code)
		}
		for _, words := range tt.says {
			if !strings.Contains(said, words) {
				t.Errorf("%s: it does not say %q, but\n%s", tt.what, words, said)
			}
		}
	}
}

// TestAnotherServer reaches one that is no Taskvisor, by TLS.
func TestAnotherServer(t *testing.T) {
	good := issue(t, func(*x509.Certificate) {})
	said, code := asks(t, "ls", "--server", good.serve(t, func(*tls.Config) {}), "--tls-ca", good.cert)
	if code != ExitFailure || !strings.Contains(said, "is a gRPC server, but not one of Taskvisor") {
		t.Errorf("code %d: %s", code, said)
	}
}

// closedPort returns an address on which nothing listens.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// leftSocket returns the path of a socket whose listener is gone.
func leftSocket(t *testing.T) string {
	t.Helper()
	t.Chdir(t.TempDir())
	path := "./s" // a longer one may be too long for a socket
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetUnlinkOnClose(false)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestUnreachable has what cannot be provoked everywhere.
func TestUnreachable(t *testing.T) {
	socket := leftSocket(t)
	for _, tt := range []struct {
		network, address string
		err              error
		says             string
	}{
		{"unix", socket, &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", fs.ErrPermission)}, "you may not open it (mode 0"},
		{"tcp", "db:7700", &net.OpError{Op: "dial", Err: &net.DNSError{Name: "db", IsNotFound: true}}, `no machine is known by the name "db"`},
		{"tcp", "10.0.0.1:7700", &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, "no answer at all"},
		{"unix", socket, os.NewSyscallError("connect", syscall.ENOTSOCK), "this file is no socket"},
		{"tcp", "10.0.0.1:7700", os.NewSyscallError("connect", syscall.EHOSTUNREACH), "no route to host"},
	} {
		if got := unreachable(tt.network, tt.address, tt.err).String(); !strings.Contains(got, tt.says) || !strings.Contains(got, "\n  ") {
			t.Errorf("%v: %s", tt.err, got)
		}
	}
}

func TestAddressOf(t *testing.T) {
	for target, want := range map[string][2]string{
		"127.0.0.1:7700": {"tcp", "127.0.0.1:7700"}, "unix:///run/s": {"unix", "/run/s"}, "unix:s": {"unix", "s"}, "/run/s": {"unix", "/run/s"},
		"dns:///db:7700": {"tcp", "db:7700"}, "[::1]:7700": {"tcp", "[::1]:7700"},
	} {
		if network, address := addressOf(target); network != want[0] || address != want[1] {
			t.Errorf("%s: %s %s", target, network, address)
		}
	}
}
