package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/taskvisor/taskvisor/client"
)

// loaded returns the settings with which a command runs, or what it says.
func loaded(t *testing.T, environ []string, args ...string) (settings, string) {
	t.Helper()
	var a *app
	var stderr bytes.Buffer
	p := Process{Environ: environ, Stderr: &stderr, Dial: func(string, ...client.Option) (*client.Client, error) { return nil, os.ErrClosed }}
	a = newApp(p)
	cmd := root(a, nil)
	cmd.SetArgs(append([]string{"ls"}, args...))
	err := cmd.ExecuteContext(t.Context())
	return a.settings, err.Error()
}

func TestFlagsGoBeforeTheEnvironmentBeforeTheFile(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, "taskvisor")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "config.yaml"), []byte("server: file:1\ntimeout: 1s\ntls-ca: ca.pem\ntls: true\n"))
	xdg := "XDG_CONFIG_HOME=" + home

	s, _ := loaded(t, nil)
	if s.server != defaultServer || s.timeout != defaultTimeout || s.output != formatTable || s.origins["server"] != "" {
		t.Errorf("without anything: %+v", s)
	}
	s, _ = loaded(t, []string{xdg})
	if s.server != "file:1" || s.timeout != time.Second || s.tlsCA != filepath.Join(dir, "ca.pem") || !s.tls || s.timeoutGiven {
		t.Errorf("from the file: %+v", s)
	}
	s, _ = loaded(t, []string{xdg, "TASKVISOR_SERVER=env:1", "TASKVISOR_TLS=false", "TASKVISOR_TIMEOUT="})
	if s.server != "env:1" || s.tls || s.timeout != time.Second || s.origins["server"] != "TASKVISOR_SERVER" || len(s.covered) != 1 || s.covered[0].value != "file:1" {
		t.Errorf("from the environment: %+v", s)
	}
	s, _ = loaded(t, []string{"TASKVISOR_TLS_CERT=of-the-daemon.pem", "TASKVISOR_TLS_KEY=of-the-daemon.pem", "TASKVISOR_CONFIG=of-the-daemon.yaml"})
	if s.encrypted() {
		t.Errorf("from the environment of a daemon: %+v", s)
	}
	s, _ = loaded(t, []string{xdg, "TASKVISOR_SERVER=env:1"}, "--server", "flag:1", "--timeout", "0s", "-o", "json")
	if s.server != "flag:1" || s.timeout != 0 || !s.timeoutGiven || s.output != formatJSON {
		t.Errorf("from flags: %+v", s)
	}
}

func TestMistakesInSettings(t *testing.T) {
	dir := t.TempDir()
	file := func(text string) string {
		name := filepath.Join(dir, "config.yaml")
		write(t, name, []byte(text))
		return name
	}
	for _, tt := range []struct {
		environ []string
		args    []string
		says    string
	}{
		{nil, []string{"--config", filepath.Join(dir, "none.yaml")}, "config file: open"},
		{nil, []string{"--config", file("serve: a:1\n")}, "config.yaml:1: serve: is no known field; did you mean server?"},
		{[]string{"TASKVISOR_TIMEOUT=soon", "TASKVISOR_OUTPUT=xml"}, nil, "TASKVISOR_OUTPUT: wants one of table, wide, json, yaml, name, not \"xml\"\nTASKVISOR_TIMEOUT: wants a duration"},
		{nil, []string{"--server", ""}, "is empty"},
		{[]string{"TASKVISOR_CLIENT_CERT=a.pem"}, nil, "give both tls-cert and tls-key, or none"},
		{nil, []string{"--tls-cert", "a.pem"}, "give both tls-cert and tls-key, or none"},
		{nil, []string{"--token-file", filepath.Join(dir, "token")}, "token file: stat"},
	} {
		if _, said := loaded(t, tt.environ, tt.args...); !strings.Contains(said, tt.says) {
			t.Errorf("%v %v: it does not say %q, but %s", tt.environ, tt.args, tt.says, said)
		}
	}
	for text, says := range map[string]string{
		"timeout: [1s]\n": "config.yaml:1: timeout: wants a single value", "server: a:1\n---\nserver: b:1\n": "config.yaml:3: is a second document", "timeout: x\n": "config.yaml:1: timeout: wants a duration",
	} {
		if _, said := loaded(t, nil, "--config", file(text)); !strings.Contains(said, says) {
			t.Errorf("%q: it does not say %q, but %s", text, says, said)
		}
	}
}

func TestTokenFiles(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "token")
	write(t, name, []byte("secret\n"))
	if token, err := readToken(name); token != "secret" || err != nil {
		t.Errorf("%q, %v", token, err)
	}
	write(t, name, []byte(" \n"))
	if _, err := readToken(name); err == nil || !strings.Contains(err.Error(), "is empty") {
		t.Errorf("an empty file: %v", err)
	}
	write(t, name, bytes.Repeat([]byte("x"), maxToken+1))
	if _, err := readToken(name); err == nil || !strings.Contains(err.Error(), "is it another file?") {
		t.Errorf("a large file: %v", err)
	}
	write(t, name, []byte("secret\n"))
	said, code := asks(t, "ls", "--server", "example.org:7700", "--token-file", name)
	if code != ExitUsage || !strings.Contains(said, "plain text") || !strings.Contains(said, "--tls-ca") {
		t.Errorf("a token in plain text: code %d: %s", code, said)
	}
}

// TestAVerbWithoutAServerSaysSo: a setting that means nothing is not ignored.
func TestAVerbWithoutAServerSaysSo(t *testing.T) {
	var stderr bytes.Buffer
	code := Run(t.Context(), Process{Args: []string{"verb", "--server", "a:1"}, Stderr: &stderr}, verb(nil))
	if code != ExitUsage || !strings.Contains(stderr.String(), "--server means nothing here") {
		t.Errorf("code %d: %s", code, &stderr)
	}
}
