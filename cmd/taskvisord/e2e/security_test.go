//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/taskvisor/taskvisor/server/servertest"
)

// secured is a daemon with mutual TLS and tokens, in a folder with all files: those of the daemon, of a client and of a foreign one.
type secured struct {
	*daemon
	dir string
	ca  *servertest.CA
}

const secureTokens = `tokens:
- {name: eye, role: watch, token: eye-token-of-the-test}
- {name: hand, role: operate, token: hand-token-of-the-test}
certificates:
- {common_name: machine, role: operate}
`

func startSecured(t *testing.T) *secured {
	t.Helper()
	s := &secured{dir: t.TempDir(), ca: servertest.NewCA(t)}
	foreign := servertest.NewCA(t)
	s.issue(t, s.ca, "daemon")
	s.issue(t, s.ca, "machine")
	s.issue(t, s.ca, "nobody")
	s.issue(t, foreign, "foreign")
	s.put(t, "ca.crt", s.ca.PEM())
	s.put(t, "foreign-ca.crt", foreign.PEM())
	s.put(t, "tokens.yaml", []byte(secureTokens))
	s.daemon = startDaemonIn(t, s.dir, "--tls-cert=daemon.crt", "--tls-key=daemon.key", "--tls-client-ca=ca.crt", "--auth-tokens=tokens.yaml")
	return s
}

// put writes a file in one step.
func (s *secured) put(t *testing.T, name string, data []byte) {
	t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func (s *secured) issue(t *testing.T, ca *servertest.CA, name string) {
	t.Helper()
	certificate, key := ca.Issue(t, name)
	s.put(t, name+".crt", certificate)
	s.put(t, name+".key", key)
}

// as returns the flags of grpcurl for a client with the certificate of this name, and a token unless it is empty.
func (s *secured) as(name, token string) []string {
	at := func(file string) string { return filepath.Join(s.dir, file) }
	flags := []string{"-cacert", at("ca.crt"), "-cert", at(name + ".crt"), "-key", at(name + ".key")}
	if token != "" {
		flags = append(flags, "-H", "authorization: Bearer "+token)
	}
	return flags
}

// grpcurl starts a call.
func (s *secured) grpcurl(t *testing.T, flags []string, name, request string) *process {
	t.Helper()
	return start(t, bin.grpcurl, slices.Concat(flags, []string{"-format-error", "-max-time", "20", "-d", request, s.addr, method(name)})...)
}

// logs waits for a line of the log.
func (s *secured) logs(t *testing.T, text string) {
	t.Helper()
	if _, _, ok := s.stderr.find(0, func(line string) bool { return strings.Contains(line, text) }); !ok {
		t.Fatalf("the daemon ended and never wrote %q", text)
	}
}

// What callers of each kind may do, and what the others are told.
func TestRolesOverMutualTLS(t *testing.T) {
	t.Parallel()
	s := startSecured(t)
	const task = `{"task": {"plugin": "sleep", "config": {"duration": "1h"}}}`
	for _, test := range []struct {
		who           []string
		call, request string
		code          codes.Code
		reason        string
	}{
		{s.as("machine", ""), "AddTask", task, codes.OK, ""},
		{s.as("nobody", "hand-token-of-the-test"), "AddTask", task, codes.OK, ""},
		{s.as("nobody", "eye-token-of-the-test"), "ListTasks", "{}", codes.OK, ""},
		{s.as("nobody", "eye-token-of-the-test"), "AddTask", task, codes.PermissionDenied, "ROLE_REQUIRED"},
		{s.as("machine", "eye-token-of-the-test"), "AddTask", task, codes.PermissionDenied, "ROLE_REQUIRED"},
		// Without reflection, grpcurl cannot encode a request: it tells the answer to its question for the contract.
		{s.as("machine", "wrong"), "AddTask", task, codes.Unauthenticated, ""},
		{s.as("nobody", ""), "AddTask", task, codes.Unauthenticated, ""},
	} {
		p := s.grpcurl(t, test.who, test.call, test.request)
		code := p.exit(t)
		switch {
		case test.code == codes.OK:
			if code != 0 {
				t.Errorf("%s exits with %d\n%s", test.call, code, p.output())
			}
		case test.reason == "":
			if code != exitOffset+int(test.code) {
				t.Errorf("%s exits with %d\n%s", test.call, code, p.output())
			}
		default:
			if r := readRefusal(t, p); r.code != test.code || r.info.GetReason() != test.reason {
				t.Errorf("%s: %v %s", test.call, r.code, r.info)
			}
		}
	}
}

// Who speaks no TLS, has no certificate or one of a foreign authority, or does not trust the daemon, gets no connection; the log says why.
func TestConnectionsThatAreRefused(t *testing.T) {
	t.Parallel()
	s := startSecured(t)
	foreign := s.as("foreign", "hand-token-of-the-test")
	trusting := s.as("machine", "")
	trusting[1] = filepath.Join(s.dir, "foreign-ca.crt")
	for want, flags := range map[string][]string{
		"a client does not speak TLS":                              {"-plaintext"},
		"client didn't provide a certificate":                      s.as("machine", "")[:2],
		"the certificate of a client is not accepted":              foreign,
		"a client does not accept the certificate of this daemon;": trusting,
	} {
		p := s.grpcurl(t, slices.Concat([]string{"-connect-timeout", "2"}, flags), "ListTasks", "{}")
		if code := p.exit(t); code == 0 {
			t.Errorf("%q is let in\n%s", flags, p.output())
		}
		s.logs(t, want)
	}
}

// A token is taken back, and the certificate is exchanged, while somebody watches.
func TestRotation(t *testing.T) {
	t.Parallel()
	s := startSecured(t)
	eye := s.grpcurl(t, s.as("nobody", "eye-token-of-the-test"), "WatchEvents", "{}")
	hand := s.grpcurl(t, s.as("nobody", "hand-token-of-the-test"), "WatchEvents", "{}")
	for _, p := range []*process{eye, hand} {
		if _, _, ok := p.stdout.line(0); !ok {
			t.Fatalf("no stream:\n%s", p.output())
		}
	}
	s.issue(t, s.ca, "daemon")
	s.logs(t, "the certificate is reloaded")
	s.put(t, "tokens.yaml", []byte(strings.ReplaceAll(secureTokens, "eye-token", "new-token")))
	<-eye.ended
	if r := readRefusal(t, eye); r.code != codes.Unauthenticated || r.info.GetReason() != "UNAUTHENTICATED" {
		t.Errorf("the stream ended with %v", r)
	}
	p := s.grpcurl(t, s.as("nobody", "hand-token-of-the-test"), "AddTask", `{"task": {"name": "late", "plugin": "sleep"}}`)
	if code := p.exit(t); code != 0 {
		t.Fatalf("AddTask exits with %d\n%s", code, p.output())
	}
	if _, _, ok := hand.stdout.find(0, func(line string) bool { return strings.Contains(line, `"principal": "hand"`) }); !ok {
		t.Errorf("the other stream has ended:\n%s", hand.output())
	}
	if text := s.stderr.String(); strings.Contains(text, "-of-the-test") {
		t.Errorf("a token is in the log:\n%s", text)
	}
}
