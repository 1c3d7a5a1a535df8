package client_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/taskvisor/taskvisor/client"
)

func TestDialSaysWhatIsWrongWithTheTarget(t *testing.T) {
	for target, want := range map[string]string{
		"":                                 "it is empty",
		"localhost":                        "the port is missing",
		"127.0.0.1":                        "the port is missing",
		"localhost:":                       "the port is missing",
		"::1":                              "an IPv6 address goes in brackets: [::1]:7700",
		"fe80::1:7700":                     "an IPv6 address goes in brackets",
		"localhost:http":                   `"http" is no port`,
		"localhost:0":                      `"0" is no port`,
		"localhost:65536":                  `"65536" is no port`,
		"localhost:-1":                     `"-1" is no port`,
		"http://localhost:7700":            "http:// is not how a gRPC server is named",
		"https://localhost:7700":           "https:// is not how a gRPC server is named",
		"unix://":                          "the path of the socket is missing",
		"unix:":                            "the path of the socket is missing",
		"/run/":                            "the path of the socket is missing",
		"/run/" + strings.Repeat("x", 103): "has at most 107 bytes, this one has 108",
	} {
		c, err := client.Dial(target)
		if err == nil {
			c.Close()
			t.Errorf("Dial(%q) succeeded", target)
		} else if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "give ") {
			t.Errorf("Dial(%q): %v", target, err)
		}
	}
}

// "It is never sent in plain text to another machine."
func TestTokensStayOnTheMachineOrAreEncrypted(t *testing.T) {
	for target, plain := range map[string]bool{
		"localhost:7700": true, "127.0.0.1:7700": true, "127.9.9.9:7700": true, "[::1]:7700": true, ":7700": true, "[::ffff:127.0.0.1]:7700": true,
		"unix:///run/t.sock": true, "/run/t.sock": true, "dns:///localhost:7700": true,
		"10.0.0.1:7700": false, "example.com:7700": false, "localhost.example.com:7700": false, "[::]:7700": false, "0.0.0.0:7700": false,
		"dns:///example.com:7700": false, "passthrough:///10.0.0.1:7700": false,
	} {
		for name, opts := range map[string][]client.Option{
			"alone":                {client.WithToken("secret")},
			"with options of gRPC": {client.WithToken("secret"), client.WithGRPC(grpc.WithUserAgent("x"))},
			"with credentials of gRPC": {
				client.WithToken("secret"), client.WithTLS(client.TLS{}), client.WithGRPC(grpc.WithTransportCredentials(insecure.NewCredentials())),
			},
		} {
			c, err := client.Dial(target, opts...)
			if err == nil {
				c.Close()
			}
			if (err == nil) != plain {
				t.Errorf("%s, %s: %v", target, name, err)
			}
			if err != nil && (!strings.Contains(err.Error(), "WithTLS") || strings.Count(err.Error(), "dial taskvisor") != 1) {
				t.Errorf("%s, %s: %v", target, name, err)
			}
		}
		c, err := client.Dial(target, client.WithToken("secret"), client.WithTLS(client.TLS{}))
		if err != nil {
			t.Errorf("%s with TLS: %v", target, err)
			continue
		}
		c.Close()
	}
}

// "A dialer that leads elsewhere than to the loopback address that was asked for gets no connection."
func TestATokenDoesNotFollowADialerToAnotherMachine(t *testing.T) {
	f, stop := startFake()
	t.Cleanup(stop)
	for peer, works := range map[string]bool{"127.0.0.1": true, "::1": true, "10.0.0.1": false} {
		dialer := func(ctx context.Context, _ string) (net.Conn, error) {
			conn, err := f.listener.DialContext(ctx)
			return farConn{conn, &net.TCPAddr{IP: net.ParseIP(peer), Port: 7700}}, err
		}
		c, err := client.Dial("passthrough:///localhost:7700", client.WithToken("secret"), client.WithGRPC(grpc.WithContextDialer(dialer)),
			client.WithRetry(client.Retry{Attempts: 1}))
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Cursor(t.Context())
		if (err == nil) != works || err != nil && !strings.Contains(err.Error(), "10.0.0.1:7700 is not on this machine") {
			t.Errorf("a peer at %s: %v", peer, err)
		}
		c.Close()
	}
}

// farConn is a connection to whom it says.
type farConn struct {
	net.Conn
	peer net.Addr
}

func (c farConn) RemoteAddr() net.Addr { return c.peer }

// "Credentials that do not encrypt are refused by Dial, or by each call where they turn out so only then."
func TestATokenIsNotSentBySecretsThatAreNone(t *testing.T) {
	f, stop := startFake()
	t.Cleanup(stop)
	c, err := client.Dial("passthrough:///example.com:7700", client.WithToken("secret"), client.WithRetry(client.Retry{Attempts: 1}),
		client.WithGRPC(grpc.WithContextDialer(f.dialer), grpc.WithTransportCredentials(boastful{insecure.NewCredentials()})))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Cursor(t.Context()); err == nil || f.header("authorization") != nil {
		t.Errorf("%v, and %q was sent", err, f.header("authorization"))
	}
}

// boastful are credentials for plain text that say otherwise.
type boastful struct {
	credentials.TransportCredentials
}

func (b boastful) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "quantum"}
}

func (b boastful) Clone() credentials.TransportCredentials { return b }

func TestBadTokensAreNotSentAndNotShown(t *testing.T) {
	f, stop := startFake()
	t.Cleanup(stop)
	for _, token := range []string{"", "sesame\n", "sesame open", "sesäme"} {
		c := f.dialLocal(t, client.WithToken(token))
		_, err := c.Cursor(t.Context())
		if !client.IsUnauthenticated(err) || status.Code(err) != codes.Unauthenticated || strings.Contains(err.Error(), "ses") {
			t.Errorf("%q: %v", token, err)
		}
	}
	c := f.dialLocal(t, client.WithTokenSource(func(context.Context) (string, error) { return "", errors.New("no such file") }))
	if _, err := c.Cursor(t.Context()); !client.IsUnauthenticated(err) || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("a source that fails: %v", err)
	}
}

// A source that says with a status what is wrong decides what becomes of the call: this one is tried again.
func TestATokenSourceThatIsUnavailable(t *testing.T) {
	f, stop := startFake()
	t.Cleanup(stop)
	source := &failing{errors: []error{status.Error(codes.Unavailable, "the vault is sealed")}}
	c := f.dialLocal(t, client.WithTokenSource(func(context.Context) (string, error) { return "open", source.next() }))
	if _, err := c.Cursor(t.Context()); err != nil || source.calls != 2 {
		t.Errorf("%v after %d calls", err, source.calls)
	}
}

// dialLocal dials a target that counts as being on this machine.
func (f *fake) dialLocal(t *testing.T, opts ...client.Option) *client.Client {
	t.Helper()
	c, err := client.Dial("passthrough:///localhost:7700", append(opts, client.WithGRPC(grpc.WithContextDialer(f.dialer)))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestWhatTheServerIsTold(t *testing.T) {
	f, stop := startFake()
	t.Cleanup(stop)
	tokens := []string{"first", "second"}
	c := f.dialLocal(t, client.WithUserAgent("deployer/1.2"), client.WithTokenSource(func(context.Context) (string, error) {
		token := tokens[0]
		tokens = tokens[1:]
		return token, nil
	}))
	for _, want := range []string{"Bearer first", "Bearer second"} {
		if _, err := c.Cursor(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(f.header("authorization"), " "); got != want {
			t.Errorf("authorization %q, want %q", got, want)
		}
	}
	if got := strings.Join(f.header("user-agent"), " "); !strings.HasPrefix(got, "deployer/1.2 ") {
		t.Errorf("user agent %q", got)
	}
	if _, err := f.dialLocal(t).Cursor(t.Context()); err != nil || !strings.HasPrefix(f.header("user-agent")[0], "taskvisor-client ") {
		t.Errorf("user agent %q, %v", f.header("user-agent"), err)
	}
}

func TestKeepaliveThatAServerWouldPunish(t *testing.T) {
	if _, err := client.Dial("localhost:7700", client.WithKeepalive(9*time.Second)); err == nil || !strings.Contains(err.Error(), "9s") {
		t.Errorf("got %v", err)
	}
	c, err := client.Dial("localhost:7700", client.WithKeepalive(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// files writes certificates for the tests of TLS: an authority, and what it signed for a server on the loopback and for a client.
func files(t *testing.T) (ca, cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "taskvisor test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		DNSNames: []string{"tasks.test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, bytes []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cert = write("cert.pem", "CERTIFICATE", der)
	return cert, cert, write("key.pem", "PRIVATE KEY", pkcs8)
}

// serveTLS returns the address of a fake that asks its clients for a certificate.
func serveTLS(t *testing.T, cert, key string) string {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(pair.Leaf)
	f, stop := startFake(grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13,
	})))
	t.Cleanup(stop)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = f.grpc.Serve(l) }() // ends with stop
	return l.Addr().String()
}

func TestTLS(t *testing.T) {
	ca, cert, key := files(t)
	address := serveTLS(t, cert, key)
	for name, tt := range map[string]struct {
		config client.TLS
		works  bool
	}{
		"all is given":           {client.TLS{CAFile: ca, CertFile: cert, KeyFile: key}, true},
		"the name of the server": {client.TLS{CAFile: ca, CertFile: cert, KeyFile: key, ServerName: "tasks.test"}, true},
		"another name":           {client.TLS{CAFile: ca, CertFile: cert, KeyFile: key, ServerName: "other.test"}, false},
		"no certificate":         {client.TLS{CAFile: ca}, false},
		"what the system trusts": {client.TLS{CertFile: cert, KeyFile: key}, false},
	} {
		c, err := client.Dial(address, client.WithTLS(tt.config), client.WithToken("secret"), client.WithRetry(client.Retry{Attempts: 1}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Cursor(t.Context()); (err == nil) != tt.works {
			t.Errorf("%s: %v", name, err)
		}
		c.Close()
	}
}

func TestDialNamesTheFileThatIsWrong(t *testing.T) {
	ca, cert, key := files(t)
	missing, other := filepath.Join(t.TempDir(), "missing.pem"), filepath.Join(t.TempDir(), "other.pem")
	if err := os.WriteFile(other, []byte("no PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		config client.TLS
		is     error
		names  string
	}{
		{client.TLS{CAFile: missing}, fs.ErrNotExist, missing},
		{client.TLS{CAFile: other}, nil, other},
		{client.TLS{CertFile: missing, KeyFile: key}, fs.ErrNotExist, missing},
		{client.TLS{CertFile: cert, KeyFile: other}, nil, other},
		{client.TLS{CAFile: ca, CertFile: cert}, nil, "KeyFile"},
		{client.TLS{CAFile: ca, KeyFile: key}, nil, "CertFile"},
	} {
		_, err := client.Dial("localhost:7700", client.WithTLS(tt.config))
		if err == nil || !strings.Contains(err.Error(), tt.names) || tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("%+v: %v", tt.config, err)
		}
	}
}

// header returns what the last call of ListTasks had in its headers.
func (f *fake) header(name string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.headers.Get(name)
}

// noteHeaders keeps the headers of a call. f.mu is held.
func (f *fake) noteHeaders(ctx context.Context) { f.headers, _ = metadata.FromIncomingContext(ctx) }
