package server

import (
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// newHealth returns the health service: SERVING, for the server as a whole and for each of its services, until Shutdown makes all of them
// NOT_SERVING. Tasks that fail are no business of it: a prober that restarted the server for that would end the other tasks.
func newHealth() *health.Server {
	h := health.NewServer() // knows the service "" already
	for _, service := range []string{pb.SupervisorService_ServiceDesc.ServiceName, pb.PluginService_ServiceDesc.ServiceName} {
		h.SetServingStatus(service, healthpb.HealthCheckResponse_SERVING)
	}
	return h
}
