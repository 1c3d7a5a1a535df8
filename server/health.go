package server

import (
	"context"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
)

// healthServer is the health service. It knows the server as a whole, as the service "", and each of its services: those are SERVING until
// Shutdown makes all of them NOT_SERVING. Tasks that fail are no business of them: a prober that restarted the server for that would end the other
// tasks.
//
// Each live task is a service of its own, "task/NAME": SERVING while an attempt runs, and from a success until the next attempt. These are not
// kept but looked up, and List, which has a bound, leaves them out.
type healthServer struct {
	*health.Server
	sup      *supervisor.Supervisor
	stopping atomic.Bool // the supervisor shuts down: its tasks stop now, or in a moment
}

// taskService is what the names of the services of tasks have in front.
const taskService = "task/"

func newHealth(sup *supervisor.Supervisor) *healthServer {
	h := health.NewServer() // knows the service "" already
	for _, service := range []string{pb.SupervisorService_ServiceDesc.ServiceName, pb.PluginService_ServiceDesc.ServiceName} {
		h.SetServingStatus(service, healthpb.HealthCheckResponse_SERVING)
	}
	return &healthServer{Server: h, sup: sup}
}

// Shutdown makes everything NOT_SERVING, for good.
func (h *healthServer) Shutdown() {
	h.stopping.Store(true)
	h.Server.Shutdown()
}

// Check implements grpc.health.v1.Health.
func (h *healthServer) Check(ctx context.Context, req *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	name, ok := strings.CutPrefix(req.GetService(), taskService)
	if !ok {
		return h.Server.Check(ctx, req)
	}
	snap, err := h.sup.Get(supervisor.ByName(name))
	if err != nil {
		return nil, statusOf(err).Err()
	}
	return &healthpb.HealthCheckResponse{Status: h.healthOf(&snap)}, nil
}

// Watch implements grpc.health.v1.Health. A task that is not there is SERVICE_UNKNOWN, and may come.
func (h *healthServer) Watch(req *healthpb.HealthCheckRequest, stream healthpb.Health_WatchServer) error {
	name, ok := strings.CutPrefix(req.GetService(), taskService)
	if !ok {
		return h.Server.Watch(req, stream)
	}
	reader := readFromNow(h.sup)
	defer reader.Close()
	last := healthpb.HealthCheckResponse_UNKNOWN // never of a task
	for {
		if now := h.ofTask(name); now != last {
			if err := stream.Send(&healthpb.HealthCheckResponse{Status: now}); err != nil {
				return err
			}
			last = now
		}
		if err := h.awaitChange(stream.Context(), reader, name); err != nil {
			return statusOf(err).Err()
		}
	}
}

// ofTask returns the health of the live task of this name.
func (h *healthServer) ofTask(name string) healthpb.HealthCheckResponse_ServingStatus {
	snap, err := h.sup.Get(supervisor.ByName(name))
	if err != nil {
		return healthpb.HealthCheckResponse_SERVICE_UNKNOWN
	}
	return h.healthOf(&snap)
}

// healthOf: of the states between attempts, those after a success count as the interval that the task was asked to make, also if
// it then has to wait for a permit.
func (h *healthServer) healthOf(snap *supervisor.Snapshot) healthpb.HealthCheckResponse_ServingStatus {
	between := snap.State == supervisor.StateBackoff || snap.State == supervisor.StateWaiting
	succeeded := snap.Attempt > 0 && snap.FailureStreak == 0
	if !h.stopping.Load() && (snap.State == supervisor.StateRunning || between && succeeded) {
		return healthpb.HealthCheckResponse_SERVING
	}
	return healthpb.HealthCheckResponse_NOT_SERVING
}

// readFromNow returns a reader of the events to come. The cursor expires only if the log turns over in this very moment; then there is
// another one.
func readFromNow(sup *supervisor.Supervisor) *supervisor.Reader {
	for {
		if reader, err := sup.Read(sup.Cursor()); err == nil {
			return reader
		}
	}
}

// awaitChange waits until something may have changed about the task of this name: an event of it, a gap, which may have hidden one, or the
// shutdown, which stops tasks without an event for each.
func (h *healthServer) awaitChange(ctx context.Context, reader *supervisor.Reader, name string) error {
	buf := make([]supervisor.Event, 16)
	for {
		n, gap, err := reader.Next(ctx, buf)
		if err != nil {
			return err
		}
		changed := !gap.IsZero()
		for i := range buf[:n] {
			if buf[i].Kind == supervisor.ShutdownRequested {
				h.stopping.Store(true)
				changed = true
			}
			changed = changed || buf[i].Task == name
		}
		if changed {
			return nil
		}
	}
}
