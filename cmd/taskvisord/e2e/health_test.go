//go:build e2e

package e2e

import "testing"

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
