package server_test

import (
	"testing"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/taskvisor/taskvisor/server/servertest"
)

// healthServices are the services that a prober can ask about.
var healthServices = []string{"", "taskvisor.v1.SupervisorService", "taskvisor.v1.PluginService"}

// "SERVING, for the server as a whole and for each of its services"; "tasks that fail are no business of it".
func TestHealth(t *testing.T) {
	h := newHarness(t)
	h.Add("task", servertest.Fail)
	prober := healthpb.NewHealthClient(h.Conn)
	for _, service := range healthServices {
		resp, err := prober.Check(t.Context(), &healthpb.HealthCheckRequest{Service: service})
		if err != nil || resp.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("%q: %v, %v", service, resp, err)
		}
	}
	_, err := prober.Check(t.Context(), &healthpb.HealthCheckRequest{Service: "nobody"})
	if r := refusalOf(t, err); r.code != codes.NotFound {
		t.Errorf("an unknown service: %v", err)
	}
}
