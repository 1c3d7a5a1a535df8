package daemon

import (
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/server/servertest"
)

// at returns an address of the ready line: http or health.
func (r *running) at(t *testing.T, key string) string {
	t.Helper()
	_, after, _ := strings.Cut(r.await(t, "ready address="), " "+key+"=")
	address, _, _ := strings.Cut(after, " ")
	return address
}

// get returns how a page is answered.
func get(t *testing.T, client *http.Client, url, token string) (code int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// newClient returns a client without connections of its own at the end.
func newClient(t *testing.T, config *tls.Config) *http.Client {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestPages(t *testing.T) {
	write(t, map[string]string{"t.yaml": "tasks:\n- {name: sleeper, plugin: sleep, config: {duration: 1h}}\n"})
	r := launch(t, Plugins(builtIn), "--http-listen=127.0.0.1:0", "--tasks=t.yaml")
	base, client := "http://"+r.at(t, "http"), newClient(t, nil)
	for path, want := range map[string]string{
		"/healthz": "liveness: SERVING\n", "/readyz": "readiness: SERVING\n", "/metrics": `taskvisor_tasks{state="RUNNING"} 1`,
		"/": "sleeper  RUNNING", "/debug/tasks": "sleeper  RUNNING", "/debug/pprof/": "goroutine", "/debug/pprof/cmdline": "",
	} {
		if code, body := get(t, client, base+path, ""); code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d %q, want %q", path, code, body, want)
		}
	}
	for path, want := range map[string]int{"/nope": http.StatusNotFound, "/debug/pprof/profile?seconds=3600": http.StatusBadRequest, "/debug/pprof/trace?seconds=NaN": http.StatusBadRequest} {
		if code, body := get(t, client, base+path, ""); code != want {
			t.Errorf("%s: %d %q, want %d", path, code, body, want)
		}
	}
	r.signals <- syscall.SIGTERM
	if code := r.exit(); code != ExitClean {
		t.Errorf("exit code %d", code)
	}
	if request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/healthz", http.NoBody); err == nil {
		if response, err := client.Do(request); err == nil {
			response.Body.Close()
			t.Error("the pages are served after the end")
		}
	}
}

// "Never outside the auth rules": each page with each role, over TLS.
func TestPagesNeedRoles(t *testing.T) {
	write(t, map[string]string{"tokens": tokensYAML})
	ca := servertest.NewCA(t)
	putPair(t, ca, "127.0.0.1")
	r := launch(t, Plugins(builtIn), "--http-listen=127.0.0.1:0", "--auth-tokens=tokens", "--tls-cert=crt", "--tls-key=key")
	base := "https://" + r.at(t, "http")
	client := newClient(t, &tls.Config{RootCAs: ca.Pool(), ServerName: "127.0.0.1"})
	const ok, unknown, forbidden = http.StatusOK, http.StatusUnauthorized, http.StatusForbidden
	for path, want := range map[string]struct{ none, wrong, watch, admin int }{
		"/healthz":                          {ok, ok, ok, ok},
		"/readyz":                           {ok, ok, ok, ok},
		"/metrics":                          {unknown, unknown, ok, ok},
		"/":                                 {unknown, unknown, ok, ok},
		"/debug/tasks":                      {unknown, unknown, ok, ok},
		"/debug/pprof/":                     {unknown, unknown, forbidden, ok},
		"/debug/pprof/heap":                 {unknown, unknown, forbidden, ok},
		"/debug/pprof/cmdline":              {unknown, unknown, forbidden, ok},
		"/debug/pprof/symbol":               {unknown, unknown, forbidden, ok},
		"/debug/pprof/trace?seconds=0.01":   {unknown, unknown, forbidden, ok},
		"/debug/pprof/profile?seconds=3600": {unknown, unknown, forbidden, http.StatusBadRequest},
	} {
		for token, want := range map[string]int{"": want.none, "nonsense": want.wrong, watchToken: want.watch, adminToken: want.admin} {
			if code, body := get(t, client, base+path, token); code != want {
				t.Errorf("%s with %q: %d %q, want %d", path, token, code, body, want)
			}
		}
	}
	if _, body := get(t, client, base+"/debug/pprof/", watchToken); body != "/debug/pprof/ needs the role admin, and eye has the role watch; use the credentials of somebody who has it\n" {
		t.Errorf("%q", body)
	}
	_, body := get(t, client, base+"/metrics", adminToken)
	for _, want := range []string{
		`taskvisor_reload_failures_total{what="certificate"} 0`, `taskvisor_reload_last_successful{what="list of tokens"} 1`,
		`taskvisor_reload_last_success_timestamp_seconds{what="certificate"} 1`, `taskvisor_expiry_timestamp_seconds{what="certificate"} 1`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
	if strings.Contains(body, `taskvisor_expiry_timestamp_seconds{what="list of tokens"}`) {
		t.Error("tokens expire")
	}
	if _, page := get(t, client, base+"/debug/tasks", watchToken); !strings.Contains(page, "the list of tokens in force was read ") {
		t.Errorf("no notes in\n%s", page)
	}
	plain, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http"+strings.TrimPrefix(base, "https")+"/healthz", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if response, err := newClient(t, nil).Do(plain); err == nil {
		defer response.Body.Close()
		if response.StatusCode != http.StatusBadRequest {
			t.Errorf("without TLS: %s", response.Status)
		}
	}
}

// A client with a certificate has the role that it would have over gRPC, and one without does not come in.
func TestPagesAndCertificatesOfClients(t *testing.T) {
	write(t, nil)
	ca := servertest.NewCA(t)
	putPair(t, ca, "127.0.0.1")
	put(t, "ca", ca.PEM())
	r := launch(t, Plugins(builtIn), "--http-listen=127.0.0.1:0", "--tls-cert=crt", "--tls-key=key", "--tls-client-ca=ca")
	url := "https://" + r.at(t, "http") + "/debug/pprof/cmdline"
	certificate, key := ca.Issue(t, "scraper")
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	if code, body := get(t, newClient(t, &tls.Config{RootCAs: ca.Pool(), Certificates: []tls.Certificate{pair}}), url, ""); code != http.StatusOK {
		t.Errorf("%d %s", code, body)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if response, err := newClient(t, &tls.Config{RootCAs: ca.Pool()}).Do(request); err == nil {
		response.Body.Close()
		t.Error("a client without a certificate was let in")
	}
}

// The pages have the rules of --listen, the health of probes has none.
func TestAddressesOfProbes(t *testing.T) {
	code, _, stderr := once(t, nil, "--listen=127.0.0.1:0", "--http-listen=0.0.0.0:0")
	const want = "taskvisord: --http-listen: 0.0.0.0:0 is not a loopback address, and nothing on it would be encrypted or authenticated; " +
		"give --tls-cert and --tls-key, and --auth-tokens or --tls-client-ca; or listen on 127.0.0.1; or accept the risk with --insecure\n"
	if code != ExitUsage || stderr != want {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	r := launch(t, Plugins(builtIn), "--insecure", "--http-listen=0.0.0.0:0", "--health-listen=0.0.0.0:0")
	r.await(t, "ready")
	if n := strings.Count(r.stderr.String(), "WARN"); n != 1 {
		t.Errorf("%d warnings in %s", n, r.stderr)
	}
	r.await(t, "whoever reaches this address sees the tasks and the memory of the daemon: nothing on it is encrypted or authenticated")
	taken := r.at(t, "health")
	taken = "127.0.0.1" + taken[strings.LastIndex(taken, ":"):]
	for _, setting := range []string{"health-listen", "http-listen"} {
		code, _, stderr := once(t, nil, "--listen=127.0.0.1:0", "--"+setting+"="+taken)
		if want := "taskvisord: --" + setting + ": " + taken + " is in use; stop the program that listens there, or choose another address with --" + setting; code != ExitFailure || !strings.HasPrefix(stderr, want) {
			t.Errorf("exit code %d, %s", code, stderr)
		}
	}
}

// Health on an address of its own needs neither TLS nor tokens, and is all that there is.
func TestHealthListen(t *testing.T) {
	write(t, map[string]string{"tokens": tokensYAML, "t.yaml": "tasks:\n- {name: sleeper, plugin: sleep, config: {duration: 1h}}\n"})
	putPair(t, servertest.NewCA(t), "daemon")
	r := launch(t, Plugins(builtIn), "--health-listen=127.0.0.1:0", "--auth-tokens=tokens", "--tls-cert=crt", "--tls-key=key", "--tasks=t.yaml")
	conn, err := grpc.NewClient(r.at(t, "health"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, service := range []string{"", server.HealthStartup, server.HealthReadiness, server.HealthLiveness, "task/sleeper"} {
		answer, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{Service: service})
		if err != nil || answer.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("%q: %v, %v", service, answer, err)
		}
	}
	if err := list(withToken(t, adminToken), pb.NewSupervisorServiceClient(conn)); status.Code(err) != codes.Unimplemented {
		t.Errorf("ListTasks: %v", err)
	}
	stream, err := healthpb.NewHealthClient(conn).Watch(t.Context(), &healthpb.HealthCheckRequest{Service: server.HealthReadiness})
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := stream.Recv(); err != nil || answer.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Fatalf("%v, %v", answer, err)
	}
	r.signals <- syscall.SIGTERM
	for answer, err := stream.Recv(); err == nil; answer, err = stream.Recv() {
		if answer.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
			t.Errorf("%v while it stops", answer)
		}
	}
	if code := r.exit(); code != ExitClean {
		t.Errorf("exit code %d", code)
	}
}

// Another name for a loopback address is refused where nobody has to say who they are, and only there.
func TestPagesByAnotherName(t *testing.T) {
	write(t, map[string]string{"tokens": tokensYAML})
	named := func(r *running, host, token string) int {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1"+r.at(t, "http")[strings.LastIndex(r.at(t, "http"), ":"):]+"/debug/tasks", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host
		if token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		response, err := newClient(t, nil).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		return response.StatusCode
	}
	open := launch(t, Plugins(builtIn), "--http-listen=127.0.0.1:0")
	for host, want := range map[string]int{"evil.example": http.StatusForbidden, "localhost:1": http.StatusOK, "127.0.0.1:1": http.StatusOK} {
		if got := named(open, host, ""); got != want {
			t.Errorf("%s: %d, want %d", host, got, want)
		}
	}
	open.await(t, `refused a page path=/debug/tasks peer.address=127.0.0.1:`)
	guarded := launch(t, Plugins(builtIn), "--http-listen=127.0.0.1:0", "--auth-tokens=tokens")
	if got := named(guarded, "ops.example", watchToken); got != http.StatusOK {
		t.Errorf("with a token: %d", got)
	}
	exposed := launch(t, Plugins(builtIn), "--http-listen=0.0.0.0:0", "--insecure")
	if got := named(exposed, "ops.example", ""); got != http.StatusOK {
		t.Errorf("with --insecure: %d", got)
	}
}
