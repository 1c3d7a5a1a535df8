package server

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
)

// healthServer is the health service. It knows the server as a whole, as the service "", and each of its services: those are SERVING from
// Server.Started until Shutdown makes all of them NOT_SERVING. Tasks that fail are no business of them: a prober that restarted the server for that would
// end the other tasks. For probes that differ there are three more: see the constants.
//
// Each live task is a service of its own, "task/NAME": SERVING while an attempt runs, and from a success until the next attempt. These are not
// kept but looked up, and List, which has a bound, leaves them out.
type healthServer struct {
	*health.Server
	sup      *supervisor.Supervisor
	stopping atomic.Bool // the supervisor shuts down: its tasks stop now, or in a moment
	pulse    pulse
}

// Names of services of grpc.health.v1 beside "" and those of the gRPC services.
const (
	// HealthStartup is SERVING once the server has started, and stays so.
	HealthStartup = "startup"
	// HealthReadiness is SERVING from then until the shutdown begins.
	HealthReadiness = "readiness"
	// HealthLiveness is SERVING as long as the supervisor answers, also during the shutdown, and whatever tasks do. When it is not, something
	// holds the supervisor up that ends only with the process. Check looks anew each time; a Watch says SERVING.
	HealthLiveness = "liveness"

	// taskService is what the names of the services of tasks have in front.
	taskService = "task/"
)

func newHealth(sup *supervisor.Supervisor) *healthServer {
	h := &healthServer{Server: health.NewServer(), sup: sup}
	h.pulse.question = func() { _, _ = sup.Get(supervisor.ByName("")) } // no task has this name: what counts is that there is an answer
	h.SetServingStatus(HealthLiveness, healthpb.HealthCheckResponse_SERVING)
	h.set(healthpb.HealthCheckResponse_SERVING)
	h.SetServingStatus(HealthStartup, healthpb.HealthCheckResponse_SERVING)
	return h
}

// starting makes everything NOT_SERVING until started is called, but for what is live.
func (h *healthServer) starting() {
	h.set(healthpb.HealthCheckResponse_NOT_SERVING)
	h.SetServingStatus(HealthStartup, healthpb.HealthCheckResponse_NOT_SERVING)
}

func (h *healthServer) started() {
	h.SetServingStatus(HealthStartup, healthpb.HealthCheckResponse_SERVING)
	if !h.stopping.Load() {
		h.set(healthpb.HealthCheckResponse_SERVING)
	}
	if h.stopping.Load() { // the shutdown may have begun in between
		h.set(healthpb.HealthCheckResponse_NOT_SERVING)
	}
}

// set sets the services that say whether calls are welcome.
func (h *healthServer) set(status healthpb.HealthCheckResponse_ServingStatus) {
	for _, service := range []string{"", HealthReadiness, pb.SupervisorService_ServiceDesc.ServiceName, pb.PluginService_ServiceDesc.ServiceName} {
		h.SetServingStatus(service, status)
	}
}

// Shutdown makes everything NOT_SERVING, for good, but for what is live or has started.
func (h *healthServer) Shutdown() {
	h.stopping.Store(true)
	h.set(healthpb.HealthCheckResponse_NOT_SERVING)
}

// Started says that the server is ready, for one with Config.Starting: its health is SERVING from now on.
func (s *Server) Started() { s.health.started() }

// NewHealthServer returns a gRPC server with the health service alone, to be served on an address of its own for probes that know neither TLS nor
// credentials, such as those of the kubelet. It tells everybody what Server.NewGRPCServer tells everybody as well. Shutdown stops it after the
// supervisor, so that until then probes are answered.
func (s *Server) NewHealthServer(opts ...grpc.ServerOption) *grpc.Server {
	const maxProbeBytes = 4 << 10
	all := append([]grpc.ServerOption{
		grpc.ChainUnaryInterceptor(recovery.UnaryServerInterceptor(recovery.WithRecoveryHandlerContext(s.recovered))),
		grpc.ChainStreamInterceptor(s.endStream, recovery.StreamServerInterceptor(recovery.WithRecoveryHandlerContext(s.recovered))),
		grpc.MaxConcurrentStreams(maxProbes), grpc.MaxRecvMsgSize(maxProbeBytes), s.keepalive(),
		grpc.ConnectionTimeout(s.config.HandshakeTimeout),
	}, opts...)
	g := grpc.NewServer(all...)
	healthpb.RegisterHealthServer(g, s.health)
	s.adopt(g)
	return g
}

// maxProbes is how many calls one connection to a health server may have open at once.
const maxProbes = 100

// Healthy returns whether a service of grpc.health.v1 is SERVING; it is not if nobody knows it.
func (s *Server) Healthy(ctx context.Context, service string) bool {
	answer, err := s.health.Check(ctx, &healthpb.HealthCheckRequest{Service: service})
	return err == nil && answer.GetStatus() == healthpb.HealthCheckResponse_SERVING
}

// pulse finds out whether the supervisor answers. There is at most one goroutine that waits for it, however many ask.
type pulse struct {
	question func() // returns as long as the supervisor works

	mu      sync.Mutex    // guards what is below
	pending chan struct{} // closed when the answer to the last question is there; nil while nobody asks
}

// pulsePatience is how long the supervisor may take to answer. It takes microseconds, also with 100,000 tasks.
const pulsePatience = 5 * time.Second

// beats asks the supervisor something, and reports whether it answers in time.
func (p *pulse) beats(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, pulsePatience)
	defer cancel()
	select {
	case <-p.ask():
		return true
	case <-ctx.Done():
		return false
	}
}

// ask returns a channel that is closed when the supervisor has answered.
func (p *pulse) ask() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pending == nil {
		answered := make(chan struct{})
		p.pending = answered
		go func() {
			p.question()
			p.mu.Lock()
			p.pending = nil
			p.mu.Unlock()
			close(answered)
		}()
	}
	return p.pending
}

// Check implements grpc.health.v1.Health.
func (h *healthServer) Check(ctx context.Context, req *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	if req.GetService() == HealthLiveness && !h.pulse.beats(ctx) {
		return &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_NOT_SERVING}, nil
	}
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
// it then has to wait for a permit. So does the time before the first attempt that a schedule asks for.
func (h *healthServer) healthOf(snap *supervisor.Snapshot) healthpb.HealthCheckResponse_ServingStatus {
	between := snap.State == supervisor.StateBackoff || snap.State == supervisor.StateWaiting
	asked := snap.FailureStreak == 0 && (snap.Attempt > 0 || snap.Spec.Restart.Schedule != nil)
	if !h.stopping.Load() && (snap.State == supervisor.StateRunning || between && asked) {
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
