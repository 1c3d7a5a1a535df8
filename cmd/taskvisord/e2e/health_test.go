//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// Exit codes of grpc-health-probe.
const (
	probeRPCFailed = 3
	probeUnhealthy = 4
)

// probe runs grpc-health-probe and returns its exit code.
func (d *daemon) probe(t *testing.T, flags ...string) int {
	t.Helper()
	args := append([]string{"-addr", d.addr, "-connect-timeout", "30s", "-rpc-timeout", "30s"}, flags...)
	return start(t, bin.probe, args...).exit(t)
}

func TestHealth(t *testing.T) {
	d := startDaemon(t)
	for service, want := range map[string]int{
		"":                               0,
		"taskvisor.v1.SupervisorService": 0,
		"taskvisor.v1.PluginService":     0,
		"unknown":                        probeRPCFailed,
	} {
		if code := d.probe(t, "-service", service); code != want {
			t.Errorf("service %q: grpc-health-probe exits with %d, want %d", service, code, want)
		}
	}
}

// The health of probes has an address of its own, on which there is nothing else.
func TestHealthListen(t *testing.T) {
	d := startDaemon(t, "--health-listen", "127.0.0.1:0")
	line, _, _ := d.stderr.find(0, ready.MatchString)
	_, after, ok := strings.Cut(line, " health=")
	if !ok {
		t.Fatalf("the ready line is %s", line)
	}
	address, _, _ := strings.Cut(after, " ")
	for _, probed := range []*daemon{d, {process: d.process, addr: address}} {
		for service, want := range map[string]int{
			"": 0, "startup": 0, "readiness": 0, "liveness": 0, "task/nobody": probeRPCFailed, "unknown": probeRPCFailed,
		} {
			if code := probed.probe(t, "-service", service); code != want {
				t.Errorf("service %q at %s: grpc-health-probe exits with %d, want %d", service, probed.addr, code, want)
			}
		}
	}
}
