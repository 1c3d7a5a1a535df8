package tlsconfig_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/taskvisor/taskvisor/supervisor/plugin"
	"github.com/taskvisor/taskvisor/supervisor/plugins/internal/tlsconfig"
)

// newServer returns a server that wants a client certificate, of whoever, if asked to; the folder has its certificate in ca.pem and its key in
// key.pem.
func newServer(t *testing.T, auth tls.ClientAuthType) (address, dir string) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.TLS = &tls.Config{ClientAuth: auth}
	server.StartTLS()
	t.Cleanup(server.Close)
	pair := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for name, block := range map[string]pem.Block{"ca.pem": {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, "key.pem": {Type: "PRIVATE KEY", Bytes: key}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return server.Listener.Addr().String(), dir
}

// greet shakes hands with the server, and has it say something, since it refuses a client only after its own part.
func greet(address string, c tlsconfig.Config) error {
	config, err := c.Load()
	if err != nil {
		return err
	}
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(address)
	}
	conn, err := tls.Dial("tcp", address, config)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err = conn.Write([]byte("GET / HTTP/1.0\r\n\r\n")); err == nil {
		_, err = conn.Read(make([]byte, 1))
	}
	return err
}

func TestHandshakes(t *testing.T) {
	address, dir := newServer(t, tls.NoClientCert)
	picky, pickyDir := newServer(t, tls.RequireAnyClientCert)
	ca := filepath.Join(dir, "ca.pem")
	pickyCA, pickyKey := filepath.Join(pickyDir, "ca.pem"), filepath.Join(pickyDir, "key.pem")
	noPEM := filepath.Join(dir, "none.pem")
	if err := os.WriteFile(noPEM, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		address string
		config  tlsconfig.Config
		want    string // part of the error; empty for none
	}{
		"unknown authority":    {address, tlsconfig.Config{}, "unknown authority"},
		"known authority":      {address, tlsconfig.Config{CAFile: ca}, ""},
		"other name":           {address, tlsconfig.Config{CAFile: ca, ServerName: "example.com"}, ""},
		"wrong name":           {address, tlsconfig.Config{CAFile: ca, ServerName: "example.org"}, "not example.org"},
		"unverified":           {address, tlsconfig.Config{InsecureSkipVerify: true}, ""},
		"no client":            {picky, tlsconfig.Config{CAFile: pickyCA}, "certificate required"},
		"client":               {picky, tlsconfig.Config{CAFile: pickyCA, CertFile: pickyCA, KeyFile: pickyKey}, ""},
		"no ca_file":           {address, tlsconfig.Config{CAFile: "/no/such/file"}, "cannot read ca_file: open /no/such/file"},
		"no PEM":               {address, tlsconfig.Config{CAFile: noPEM}, `none.pem" has no certificate; give a PEM file`},
		"no pair":              {address, tlsconfig.Config{CertFile: ca, KeyFile: noPEM}, "cannot use cert_file and key_file: "},
		"key of somebody else": {picky, tlsconfig.Config{CertFile: ca, KeyFile: "/no/such/key"}, "cannot use cert_file and key_file: open /no/such/key"},
	} {
		err := greet(test.address, test.config)
		if err == nil != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}

func TestCheck(t *testing.T) {
	for name, test := range map[string]struct {
		config tlsconfig.Config
		want   string
	}{
		"zero":      {tlsconfig.Config{}, ""},
		"all":       {tlsconfig.Config{CAFile: "/a", ServerName: "x", CertFile: "/b", KeyFile: "/c"}, ""},
		"relative":  {tlsconfig.Config{CAFile: "a"}, `invalid config: tls.ca_file: "a" is no absolute path; give one, beginning with /`},
		"no key":    {tlsconfig.Config{CertFile: "/b"}, "invalid config: tls.key_file: is missing; give the key of cert_file, or leave cert_file out"},
		"no cert":   {tlsconfig.Config{KeyFile: "/b"}, "invalid config: tls.cert_file: is missing; give the certificate of key_file, or leave key_file out"},
		"no effect": {tlsconfig.Config{ServerName: "x", InsecureSkipVerify: true}, "invalid config: tls.insecure_skip_verify: true accepts any certificate, so ca_file and server_name would have no effect; leave them or this out"},
	} {
		var v plugin.Violations
		test.config.Check(&v, "tls")
		got := ""
		if err := v.Err(); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, test.want)
		}
	}
}
