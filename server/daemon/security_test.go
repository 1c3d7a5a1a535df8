package daemon

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/servertest"
)

// Tokens of tests.
const (
	watchToken = "watch-token-of-a-test"
	adminToken = "admin-token-of-a-test"
)

const tokensYAML = `tokens:
- {name: eye, role: watch, token: ` + watchToken + `}
- {name: boss, role: admin, token: ` + adminToken + `}
`

// put writes a file anew, as those do who write files safely: in one step.
func put(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name+".new", data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
}

// putPair writes a certificate for the name, and its key.
func putPair(t *testing.T, ca *servertest.CA, name string) {
	t.Helper()
	certificate, key := ca.Issue(t, name)
	put(t, "crt", certificate)
	put(t, "key", key)
}

// connect returns the services at an address.
func connect(t *testing.T, target string, creds credentials.TransportCredentials) pb.SupervisorServiceClient {
	t.Helper()
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return pb.NewSupervisorServiceClient(conn)
}

func withToken(t *testing.T, token string) context.Context {
	t.Helper()
	return metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token)
}

// list returns how ListTasks answers.
func list(ctx context.Context, tasks pb.SupervisorServiceClient) error {
	_, err := tasks.ListTasks(ctx, &pb.ListTasksRequest{})
	return err
}

// wantStatus checks the code and the reason of an error.
func wantStatus(t *testing.T, err error, code codes.Code, reason string) {
	t.Helper()
	s, got := status.Convert(err), ""
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			got = info.GetReason()
		}
	}
	if s.Code() != code || got != reason {
		t.Errorf("got %v %s, want %v %s: %v", s.Code(), got, code, reason, err)
	}
}

// serial returns the serial number of the certificate that is shown to a new connection.
func serial(t *testing.T, address string, ca *servertest.CA) string {
	t.Helper()
	conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: ca.Pool(), NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

// A certificate that changes is shown to new connections, while a stream goes on. One that is wrong is reported once, and changes nothing.
func TestTheCertificateIsReloaded(t *testing.T) {
	write(t, nil)
	ca := servertest.NewCA(t)
	putPair(t, ca, "first")
	r := launch(t, Plugins(builtIn), "--tls-cert=crt", "--tls-key=key")
	address := r.address(t)
	if line := r.await(t, "ready"); !strings.Contains(line, " tls=server ") {
		t.Error(line)
	}
	stream, err := connect(t, address, credentials.NewTLS(&tls.Config{RootCAs: ca.Pool()})).WatchEvents(t.Context(), &pb.WatchEventsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	before := serial(t, address, ca)

	_, foreignKey := ca.Issue(t, "other")
	put(t, "key", foreignKey)
	r.await(t, `ERROR the certificate is not reloaded, the former stays in force reason="--tls-key: key: private key does not match`)
	if now := serial(t, address, ca); now != before {
		t.Errorf("the certificate is now %s", now)
	}
	putPair(t, ca, "second")
	r.await(t, "INFO  the certificate is reloaded name=second expires=")
	if now := serial(t, address, ca); now == before {
		t.Error("the certificate is the former one")
	}
	if err := list(t.Context(), connect(t, address, credentials.NewTLS(&tls.Config{RootCAs: ca.Pool()}))); err != nil {
		t.Error(err)
	}
	r.signals <- syscall.SIGTERM
	for {
		if _, err := stream.Recv(); err != nil {
			wantStatus(t, err, codes.Unavailable, "SERVER_SHUTDOWN") // it was open all the time
			break
		}
	}
}

// Kubernetes exchanges all files of a Secret at once, by a symbolic link.
func TestASecretOfKubernetesIsReloaded(t *testing.T) {
	write(t, nil)
	ca := servertest.NewCA(t)
	for _, version := range []string{"1", "2"} {
		if err := os.Mkdir("..v"+version, 0o700); err != nil {
			t.Fatal(err)
		}
		certificate, key := ca.Issue(t, "v"+version)
		put(t, filepath.Join("..v"+version, "crt"), certificate)
		put(t, filepath.Join("..v"+version, "key"), key)
	}
	for link, target := range map[string]string{"..data": "..v1", "crt": "..data/crt", "key": "..data/key", "..tmp": "..v2"} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	r := launch(t, Plugins(builtIn), "--tls-cert=crt", "--tls-key=key")
	address := r.address(t)
	before := serial(t, address, ca)
	if err := os.Rename("..tmp", "..data"); err != nil {
		t.Fatal(err)
	}
	r.await(t, "the certificate is reloaded name=v2")
	if serial(t, address, ca) == before {
		t.Error("the certificate is the former one")
	}
	if text := r.stderr.String(); strings.Contains(text, "ERROR") {
		t.Errorf("errors on the way:\n%s", text)
	}
}

// Files of TLS that are wrong: the daemon does not start, and says what is wrong with which of them. The same goes for a reload.
func TestTLSFilesThatAreWrong(t *testing.T) {
	ca := servertest.NewCA(t)
	crt, key := ca.Issue(t, "daemon")
	other, otherKey := ca.Issue(t, "other")
	expired, expiredKey := ca.Issue(t, "daemon", servertest.Expired)
	early, earlyKey := ca.Issue(t, "daemon", func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour / 2) })
	broken := []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
	encrypted := []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")
	for name, test := range map[string]struct {
		files map[string][]byte
		want  []string // in the messages, one after the other
	}{
		"another key":   {map[string][]byte{"crt": crt, "key": otherKey}, []string{"--tls-key: key: private key does not match public key; it has to have the key of the first certificate in crt"}},
		"swapped":       {map[string][]byte{"crt": key, "key": crt}, []string{"--tls-cert: crt: has no certificate; ", "--tls-key: key: has no key; "}},
		"expired":       {map[string][]byte{"crt": expired, "key": expiredKey}, []string{`--tls-cert: crt: the certificate of "daemon" expired on `, "; renew it"}},
		"not yet good":  {map[string][]byte{"crt": early, "key": earlyKey}, []string{`--tls-cert: crt: the certificate of "daemon" is good from `, "is the clock right?"}},
		"missing":       {map[string][]byte{}, []string{"--tls-cert: stat crt: no such file or directory", "--tls-key: stat key: no such file or directory"}},
		"empty":         {map[string][]byte{"crt": {}, "key": {}}, []string{"--tls-cert: crt: has no certificate; it has to be in PEM", "--tls-key: key: has no key; it has to be in PEM"}},
		"broken":        {map[string][]byte{"crt": append(crt[:len(crt):len(crt)], broken...), "key": key}, []string{"--tls-cert: crt: certificate 2 of the file is broken: "}},
		"encrypted":     {map[string][]byte{"crt": crt, "key": encrypted}, []string{"--tls-key: key: the key is encrypted, and there is nobody to ask for the password; give it unencrypted"}},
		"no authority":  {map[string][]byte{"crt": crt, "key": key, "ca": key}, []string{"--tls-client-ca: ca: has no certificate; "}},
		"old authority": {map[string][]byte{"crt": other, "key": otherKey, "ca": expired}, []string{`--tls-client-ca: ca: the certificate of "daemon" expired on `}},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, nil)
			args := []string{"--listen=127.0.0.1:0", "--tls-cert=crt", "--tls-key=key"}
			for file, data := range test.files {
				put(t, file, data)
				if file == "ca" {
					args = append(args, "--tls-client-ca=ca")
				}
			}
			code, _, stderr := once(t, nil, args...)
			rest := stderr
			for _, want := range test.want {
				_, after, ok := strings.Cut(rest, want)
				if rest = after; !ok {
					t.Errorf("%q is not in\n%s", want, stderr)
				}
			}
			if code != ExitUsage || strings.Contains(stderr, "PRIVATE KEY-----") {
				t.Errorf("exit code %d, %s", code, stderr)
			}
		})
	}
}

// What a connection that comes to nothing leaves in the log.
func TestConnectionsThatFail(t *testing.T) {
	write(t, nil)
	ca, foreign := servertest.NewCA(t), servertest.NewCA(t)
	putPair(t, ca, "daemon")
	put(t, "ca", ca.PEM())
	r := launch(t, Plugins(builtIn), "--tls-cert=crt", "--tls-key=key", "--tls-client-ca=ca", "--log-level=debug")
	address := r.address(t)
	with := func(roots *x509.CertPool, certificates ...tls.Certificate) credentials.TransportCredentials {
		return credentials.NewTLS(&tls.Config{RootCAs: roots, Certificates: certificates})
	}
	for want, creds := range map[string]credentials.TransportCredentials{
		"WARN  a client does not speak TLS, which this address needs":                                          insecure.NewCredentials(),
		"WARN  the TLS handshake with a client failed":                                                         with(ca.Pool()),
		"unsupported versions":                                                                                 credentials.NewTLS(&tls.Config{RootCAs: ca.Pool(), MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}),
		`reason="x509: certificate has expired or is not yet valid`:                                            with(ca.Pool(), ca.Pair(t, "old", servertest.Expired)),
		`WARN  the certificate of a client is not accepted peer.address=127.0.0.1`:                             with(ca.Pool(), foreign.Pair(t, "x")),
		"WARN  a client does not accept the certificate of this daemon; it has to trust the authority that is": with(foreign.Pool(), ca.Pair(t, "x")),
	} {
		if err := list(t.Context(), connect(t, address, creds)); status.Code(err) != codes.Unavailable {
			t.Errorf("%s: %v", want, err)
		}
		r.await(t, want)
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	r.await(t, "DEBUG a client left during the TLS handshake")
	if err := list(t.Context(), connect(t, address, with(ca.Pool(), ca.Pair(t, "good")))); err != nil {
		t.Error(err)
	}
	if line := r.await(t, "grpc.method=ListTasks"); !strings.Contains(line, "principal=cert:good") {
		t.Error(line)
	}
}

// The authorities of clients are read again as well: who was let in is not, and the other way round.
func TestTheAuthoritiesOfClientsAreReloaded(t *testing.T) {
	write(t, nil)
	ca, other := servertest.NewCA(t), servertest.NewCA(t)
	putPair(t, ca, "daemon")
	put(t, "ca", ca.PEM())
	r := launch(t, Plugins(builtIn), "--tls-cert=crt", "--tls-key=key", "--tls-client-ca=ca")
	address := r.address(t)
	call := func(issuer *servertest.CA) codes.Code {
		certificates := []tls.Certificate{issuer.Pair(t, "client")}
		return status.Code(list(t.Context(), connect(t, address, credentials.NewTLS(&tls.Config{RootCAs: ca.Pool(), Certificates: certificates}))))
	}
	if own, foreign := call(ca), call(other); own != codes.OK || foreign != codes.Unavailable {
		t.Errorf("at the start: %v, %v", own, foreign)
	}
	put(t, "ca", other.PEM())
	r.await(t, "the certificate is reloaded")
	if own, foreign := call(ca), call(other); own != codes.Unavailable || foreign != codes.OK {
		t.Errorf("after the exchange: %v, %v", own, foreign)
	}
}

func TestTLSToAPortWithout(t *testing.T) {
	r := launch(t, Plugins(builtIn))
	address := r.address(t)
	if err := list(t.Context(), connect(t, address, credentials.NewTLS(&tls.Config{RootCAs: servertest.NewCA(t).Pool()}))); status.Code(err) != codes.Unavailable {
		t.Error(err)
	}
	r.await(t, "WARN  a client speaks TLS, and this address has none; it has to connect without (grpcurl -plaintext), or the daemon needs --tls-cert and --tls-key")
	if err := list(t.Context(), connect(t, address, insecure.NewCredentials())); err != nil {
		t.Error(err)
	}
}

// Whoever can connect can cause lines; "there are not too many of them", and it is told how many are left out.
func TestFailedHandshakesDoNotFloodTheLog(t *testing.T) {
	write(t, nil)
	ca := servertest.NewCA(t)
	putPair(t, ca, "daemon")
	r := launch(t, Plugins(builtIn), "--tls-cert=crt", "--tls-key=key")
	address := r.address(t)
	for range 5 * handshakeBurst {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Read(make([]byte, 1)) // until the daemon has judged it
		conn.Close()
	}
	if lines := strings.Count(r.stderr.String(), "does not speak TLS"); lines < handshakeBurst || lines > 2*handshakeBurst {
		t.Errorf("%d lines", lines)
	}
}

// A list of tokens that changes counts at once: who is no longer in it loses the open stream. One that is wrong changes nothing, and no token is
// in the log.
func TestTokensAreReloaded(t *testing.T) {
	write(t, map[string]string{"tokens": tokensYAML})
	r := launch(t, Plugins(builtIn), "--auth-tokens=tokens", "--log-level=debug")
	tasks := connect(t, r.address(t), insecure.NewCredentials())
	if line := r.await(t, "ready"); !strings.Contains(line, " auth=tokens ") {
		t.Error(line)
	}
	wantStatus(t, list(t.Context(), tasks), codes.Unauthenticated, "UNAUTHENTICATED")
	wantStatus(t, list(withToken(t, "guessed"), tasks), codes.Unauthenticated, "UNAUTHENTICATED")
	stream, err := tasks.WatchEvents(withToken(t, watchToken), &pb.WatchEventsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	_, err = tasks.AddTask(withToken(t, watchToken), &pb.AddTaskRequest{Task: &pb.TaskSpec{Plugin: "sleep"}})
	wantStatus(t, err, codes.PermissionDenied, "ROLE_REQUIRED")

	put(t, "tokens", []byte("tokens:\n- {name: boss, role: king, token: "+adminToken+"}\n"))
	r.await(t, `ERROR the list of tokens is not reloaded, the former stays in force reason="tokens:2: tokens[0].role: \"king\" is no role`)
	put(t, "tokens", nil)
	r.await(t, "grants nothing to anybody")
	if err := list(withToken(t, watchToken), tasks); err != nil {
		t.Error(err)
	}
	put(t, "tokens", []byte("tokens:\n- {name: boss, role: admin, token: "+adminToken+"}\n"))
	_, err = stream.Recv()
	wantStatus(t, err, codes.Unauthenticated, "UNAUTHENTICATED")
	wantStatus(t, list(withToken(t, watchToken), tasks), codes.Unauthenticated, "UNAUTHENTICATED")
	if err := list(withToken(t, adminToken), tasks); err != nil {
		t.Error(err)
	}
	r.await(t, "INFO  the list of tokens is reloaded grants=1")
	if line := r.await(t, "grpc.code=PermissionDenied"); !strings.Contains(line, "principal=eye") {
		t.Error(line)
	}
	for _, secret := range []string{watchToken, adminToken, "guessed"} {
		if strings.Contains(r.stderr.String(), secret) {
			t.Errorf("the log has %q in it:\n%s", secret, r.stderr)
		}
	}
}

// Certificates of clients with roles, beside tokens. The mapping goes with a reload, and with it the stream.
func TestCertificatesOfClientsHaveRoles(t *testing.T) {
	write(t, map[string]string{"tokens": tokensYAML + "certificates:\n- {common_name: ann, role: watch}\n- {dns: b.example, name: bob, role: operate}\n"})
	ca := servertest.NewCA(t)
	putPair(t, ca, "daemon")
	put(t, "ca", ca.PEM())
	r := launch(t, Plugins(builtIn), "--tls-cert=crt", "--tls-key=key", "--tls-client-ca=ca", "--auth-tokens=tokens")
	address := r.address(t)
	if line := r.await(t, "ready"); !strings.Contains(line, " tls=mutual auth=tokens ") {
		t.Error(line)
	}
	client := func(name string) pb.SupervisorServiceClient {
		return connect(t, address, credentials.NewTLS(&tls.Config{RootCAs: ca.Pool(), Certificates: []tls.Certificate{ca.Pair(t, name)}}))
	}
	ann := client("ann")
	stream, err := ann.WatchEvents(t.Context(), &pb.WatchEventsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	_, err = ann.RemoveTask(t.Context(), &pb.RemoveTaskRequest{Name: "x"})
	wantStatus(t, err, codes.PermissionDenied, "ROLE_REQUIRED")
	wantStatus(t, list(t.Context(), client("nobody")), codes.Unauthenticated, "UNAUTHENTICATED")
	if err := list(withToken(t, watchToken), client("nobody")); err != nil {
		t.Error(err)
	}
	put(t, "tokens", []byte(tokensYAML))
	_, err = stream.Recv()
	wantStatus(t, err, codes.Unauthenticated, "UNAUTHENTICATED")
}

// On other addresses than loopback, what is missing has to be there or to be done without on purpose.
func TestOtherAddressesNeedProtection(t *testing.T) {
	write(t, map[string]string{"tokens": tokensYAML})
	ca := servertest.NewCA(t)
	putPair(t, ca, "daemon")
	put(t, "ca", ca.PEM())
	certificate, clients, tokens := []string{"--tls-cert=crt", "--tls-key=key"}, "--tls-client-ca=ca", "--auth-tokens=tokens"
	for want, args := range map[string][]string{
		"nothing on it would be encrypted or authenticated; give --tls-cert and --tls-key, and --auth-tokens or --tls-client-ca; or": nil,
		"nothing on it would be encrypted; give --tls-cert and --tls-key; or":                                                        {tokens},
		"nothing on it would be authenticated; give --auth-tokens or --tls-client-ca; or":                                            certificate,
	} {
		code, _, stderr := once(t, nil, append(args, "--listen=0.0.0.0:0")...)
		if code != ExitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%q: exit code %d, %s", args, code, stderr)
		}
	}
	for i, test := range []struct {
		args    []string
		warning string
	}{
		{append(certificate, tokens), ""},
		{append(certificate, clients), ""},
		{append(certificate, clients, tokens), ""},
		{append(certificate, "--insecure"), "whoever reaches this address controls the tasks: nothing on it is authenticated"},
		{[]string{tokens, "--insecure"}, "whoever listens in on this address learns the tokens: nothing on it is encrypted"},
	} {
		r := launch(t, Plugins(builtIn), append(test.args, "--listen=0.0.0.0:0")...)
		if address := r.address(t); !strings.HasPrefix(address, "0.0.0.0:") {
			t.Errorf("%d: ready on %s", i, address)
		}
		if text := r.stderr.String(); strings.Contains(text, "WARN") != (test.warning != "") || !strings.Contains(text, test.warning) {
			t.Errorf("%d: %q is not in\n%s", i, test.warning, text)
		}
	}
}

// The own user needs no token on the socket, TLS is not for it, and it has a name in the log.
func TestTheSocketKnowsItsUser(t *testing.T) {
	write(t, map[string]string{"tokens": tokensYAML})
	r := launch(t, Plugins(builtIn), "--socket=s", "--auth-tokens=tokens", "--log-level=debug")
	r.await(t, "ready")
	tasks := connect(t, "unix:s", insecure.NewCredentials())
	if err := list(t.Context(), tasks); err != nil {
		t.Error(err)
	}
	r.await(t, fmt.Sprintf("principal=unix:%d", os.Geteuid()))
	_, err := tasks.RemoveTask(withToken(t, watchToken), &pb.RemoveTaskRequest{Name: "x"})
	wantStatus(t, err, codes.PermissionDenied, "ROLE_REQUIRED")
}

// Files that others can read or write.
func TestFilesThatOthersCanOpen(t *testing.T) {
	write(t, map[string]string{"tokens": tokensYAML, "hashes": "tokens: [{name: a, role: watch, token_sha256: " + strings.Repeat("0f", 32) + "}]\n"})
	ca := servertest.NewCA(t)
	putPair(t, ca, "daemon")
	for name, mode := range map[string]os.FileMode{"tokens": 0o644, "hashes": 0o644, "key": 0o644} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	r := launch(t, Plugins(builtIn), "--tls-cert=crt", "--tls-key=key", "--auth-tokens=tokens")
	r.await(t, "ready")
	for _, want := range []string{
		"WARN  --tls-key: key can be read by all users of this machine; chmod 600 protects it",
		"WARN  --auth-tokens: tokens can be read by all users of this machine, and has tokens in it; chmod 600 protects them, token_sha256 hides them",
	} {
		r.await(t, want)
	}
	quiet := launch(t, Plugins(builtIn), "--auth-tokens=hashes")
	quiet.await(t, "ready")
	if text := quiet.stderr.String(); strings.Contains(text, "WARN") {
		t.Errorf("hashes are no secret:\n%s", text)
	}
	if err := os.Chmod("hashes", 0o666); err != nil {
		t.Fatal(err)
	}
	quiet.await(t, "ERROR the list of tokens is not reloaded, the former stays in force")
	code, _, stderr := once(t, nil, "--auth-tokens=hashes")
	if want := "--auth-tokens: hashes can be written by all users of this machine, who could make themselves administrators; chmod 600 protects it"; code != ExitUsage ||
		!strings.Contains(stderr, want) {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}

// A file that is gone is like one that is wrong: the former list stays.
func TestAFileThatDisappears(t *testing.T) {
	write(t, map[string]string{"tokens": tokensYAML})
	r := launch(t, Plugins(builtIn), "--auth-tokens=tokens")
	tasks := connect(t, r.address(t), insecure.NewCredentials())
	if err := os.Remove("tokens"); err != nil {
		t.Fatal(err)
	}
	r.await(t, `reason="--auth-tokens: stat tokens: no such file or directory" failures=1`)
	if err := list(withToken(t, watchToken), tasks); err != nil {
		t.Error(err)
	}
}
