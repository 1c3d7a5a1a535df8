package daemon

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/taskvisor/taskvisor/server/servertest"
)

// healthcheck runs the verb.
func healthcheck(ctx context.Context, env []string, args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = Run(ctx, Process{Args: append([]string{"healthcheck"}, args...), Env: env, Stdout: &out, Stderr: &err}, Plugins(builtIn))
	return code, out.String(), err.String()
}

// The daemon is found by each of the settings that say where it is, from each layer; the one that is the easiest to ask goes first.
func TestHealthcheckFindsTheDaemon(t *testing.T) {
	write(t, map[string]string{"t.yaml": "tasks:\n- {name: sleeper, plugin: sleep, config: {duration: 1h}}\n"})
	putPair(t, servertest.NewCA(t), "daemon")
	r := launch(t, Plugins(builtIn), "--socket=s", "--health-listen=127.0.0.1:0", "--tls-cert=crt", "--tls-key=key", "--tasks=t.yaml")
	listen, health := r.address(t), r.at(t, "health")
	anywhere := "0.0.0.0" + health[strings.LastIndex(health, ":"):]
	put(t, "c.yaml", []byte("health-listen: "+health+"\ngrace: soon\n"))
	for name, test := range map[string]struct{ env, args []string }{
		"health-listen":            {nil, []string{"--health-listen=" + health, "--socket=nope", "--listen=127.0.0.1:1"}},
		"all addresses":            {nil, []string{"--health-listen=" + anywhere}},
		"socket":                   {nil, []string{"--socket=s", "--listen=127.0.0.1:1", "--tls-cert=nope", "--tls-key=nope"}},
		"listen, with TLS":         {nil, []string{"--listen=" + listen, "--tls-cert=crt", "--tls-key=key"}},
		"environment":              {[]string{"TASKVISOR_SOCKET=s", "TASKVISOR_PLUGINS=Nonsense", "TASKVISOR_HEALTH_LISTEN=none"}, nil},
		"config file, with a slip": {nil, []string{"--config=c.yaml"}},
		"config file by variable":  {[]string{"TASKVISOR_CONFIG=c.yaml"}, nil},
		"the flag goes first":      {[]string{"TASKVISOR_HEALTH_LISTEN=127.0.0.1:1"}, []string{"--health-listen=" + health}},
		"a task":                   {nil, []string{"--health-listen=" + health, "task/sleeper"}},
		"with a timeout":           {nil, []string{"liveness", "--timeout=1m", "--socket=s"}},
		"a proxy for others":       {[]string{"HTTPS_PROXY=http://127.0.0.1:1"}, []string{"--health-listen=" + health}},
	} {
		if code, stdout, stderr := healthcheck(t.Context(), test.env, test.args...); code != HealthServing || stdout != "SERVING\n" || stderr != "" {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", name, code, stdout, stderr)
		}
	}
	code, _, stderr := healthcheck(t.Context(), nil, "--listen="+listen)
	if want := "taskvisord: no connection to " + listen + " (--listen): "; code != HealthUnreachable || !strings.HasPrefix(stderr, want) {
		t.Errorf("without TLS: exit code %d, %s", code, stderr)
	}
}

// Exit codes are those of grpc-health-probe, and the message says what to do.
func TestHealthcheckOfADaemonThatStops(t *testing.T) {
	write(t, map[string]string{"t.yaml": "tasks:\n- {name: deaf, plugin: stubborn}\n"})
	s := newStubborn()
	r := launch(t, Plugins(s.plugins), "--socket=s", "--tasks=t.yaml", "--grace=1h")
	r.await(t, "TASK_STARTING")
	r.await(t, "ready")
	r.signals <- syscall.SIGTERM
	r.await(t, "SHUTDOWN_REQUESTED")
	for service, want := range map[string]struct {
		code int
		text string
	}{
		"startup":   {HealthServing, ""},
		"liveness":  {HealthServing, ""},
		"readiness": {HealthNotServing, `taskvisord: s (--socket) says of "readiness": NOT_SERVING`},
		"task/deaf": {HealthNotServing, `taskvisord: s (--socket) says of "task/deaf": NOT_SERVING`},
		"task/none": {HealthFailed, `taskvisord: s (--socket) does not tell the health of "task/none": no live task is named "none"; ListTasks lists those that are`},
		"redines":   {HealthFailed, `taskvisord: s (--socket) does not tell the health of "redines": unknown service`},
	} {
		code, _, stderr := healthcheck(t.Context(), nil, "--socket=s", service)
		if code != want.code || strings.TrimSuffix(stderr, "\n") != want.text {
			t.Errorf("%s: exit code %d, want %d; %swant %s", service, code, want.code, stderr, want.text)
		}
	}
	s.release()
	if code := r.exit(); code != ExitClean {
		t.Errorf("exit code %d", code)
	}
	code, _, stderr := healthcheck(t.Context(), nil, "--socket=s")
	const want = "taskvisord: no connection to s (--socket): connect: no such file or directory; is the daemon running, with these settings?\n"
	if code != HealthUnreachable || stderr != want {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}

// Who accepts connections and says nothing is waited for until the time is over, or a signal comes.
func TestHealthcheckOfWhoSaysNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	for ctx, timeout := range map[context.Context]string{t.Context(): "1ms", interrupted: "1h"} {
		code, _, stderr := healthcheck(ctx, nil, "--listen="+l.Addr().String(), "--timeout="+timeout)
		if code != HealthUnreachable || !strings.HasPrefix(stderr, "taskvisord: no connection to "+l.Addr().String()+" (--listen): ") {
			t.Errorf("exit code %d, %s", code, stderr)
		}
	}
}

// Mistakes are told apart from what the daemon says.
func TestHealthcheckMistakes(t *testing.T) {
	write(t, map[string]string{"c.yaml": "listen: 7700\nlisten-on: x\n"})
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--lissen=x"}, "unknown flag: --lissen; did you mean --listen?"},
		{[]string{"--grace=1s"}, "unknown flag: --grace; see taskvisord healthcheck --help"},
		{[]string{"a", "b"}, `"b" is one service too many; give one, or none for the daemon as a whole`},
		{[]string{"--timeout=1"}, `--timeout: "1" is not a duration; write one such as 10s or 1m30s`},
		{[]string{"--timeout=0s"}, `--timeout: "0s" is out of range; write more than 0s and at most 24h`},
		{[]string{"--listen=7700"}, `--listen: "7700" is not HOST:PORT; write 127.0.0.1:7700`},
		{[]string{"--listen=127.0.0.1:0"}, "--listen: with port 0 in 127.0.0.1:0, only the daemon knows where it listens; give it a port"},
		{[]string{"--listen=none"}, "--listen: there is nothing to listen on; give an address or --socket PATH"},
		{[]string{"--tls-cert=c", "--tls-key=k", "--tls-client-ca=ca"}, "--tls-client-ca: the daemon asks clients for a certificate, and a health check has none; " +
			"have it listen on --health-listen or --socket as well"},
		{[]string{"--config=nope"}, "--config: open nope: no such file or directory"},
		{[]string{"--config=c.yaml"}, "2 problems:\n" + `  c.yaml:1: listen: "7700" is not HOST:PORT; write 127.0.0.1:7700` + "\n  c.yaml:2: listen-on: is no known field; did you mean listen?"},
	} {
		code, stdout, stderr := healthcheck(t.Context(), nil, test.args...)
		if want := "taskvisord: " + test.want + "\n"; code != HealthUsage || stdout != "" || stderr != want {
			t.Errorf("%q: exit code %d, stdout %q, stderr\n%swant %d and\n%s", test.args, code, stdout, stderr, HealthUsage, want)
		}
	}
}

func TestHealthcheckHelp(t *testing.T) {
	code, stdout, stderr := healthcheck(t.Context(), nil, "--help")
	if code != ExitClean || stderr != "" || !strings.HasPrefix(stdout, healthHelp) {
		t.Errorf("exit code %d, stderr %q, stdout\n%s", code, stderr, stdout)
	}
	for _, want := range []int{HealthServing, HealthUsage, HealthUnreachable, HealthFailed, HealthNotServing} {
		if !strings.Contains(healthHelp, fmt.Sprintf("\n  %d  ", want)) {
			t.Errorf("the help does not have %d", want)
		}
	}
	for line := range strings.Lines(stdout) {
		if len(line) > helpWidth+1 {
			t.Errorf("%d bytes are too wide: %s", len(line), line)
		}
	}
}

// Where one listens and where one connects differ.
func TestReachable(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:7": "127.0.0.1:7", "localhost:7": "localhost:7", "10.1.2.3:7": "10.1.2.3:7", "[fe80::1]:7": "[fe80::1]:7",
		":7": "127.0.0.1:7", "0.0.0.0:7": "127.0.0.1:7", "[::]:7": "[::1]:7",
	} {
		if got, err := reachable(listen); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", listen, got, err, want)
		}
	}
}
