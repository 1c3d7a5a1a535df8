package server

import (
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/cron"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// Server is the gRPC face of one Supervisor. Make one with New. Its methods may be called from any goroutine; those of the two
// services, AddTask and so on, also without gRPC, by a program that has the server in its own process.
type Server struct {
	pb.UnimplementedSupervisorServiceServer
	pb.UnimplementedPluginServiceServer

	sup     *supervisor.Supervisor
	plugins *plugin.Registry
	catalog catalog
	config  Config      // defaults filled in
	header  metadata.MD // what each answer begins with; immutable
	health  *healthServer
	feed    *feed
	batches sync.Pool // of *batch
	streams streams
	answers *answers // to requests with an id
	rates   *rates
	zones   cron.Zones // in which schedules are read
	drain   drain
	panics  atomic.Uint64 // in calls

	mu          sync.Mutex     // guards what is below
	grpcServers []*grpc.Server // what NewGRPCServer and NewHealthServer made: Shutdown stops them
	stopping    bool           // Shutdown has come to that: what is made now is stopped at once
}

// New returns the services over sup, with plugins making the bodies of tasks; nil stands for no plugins.
func New(sup *supervisor.Supervisor, plugins *plugin.Registry, config Config) *Server {
	if plugins == nil {
		plugins = new(plugin.Registry)
	}
	config = config.withDefaults()
	s := &Server{
		sup:     sup,
		plugins: plugins,
		catalog: newCatalog(plugins, config.Logger),
		config:  config,
		header:  newHeader(config.Version),
		health:  newHealth(sup),
		feed:    newFeed(sup),
		batches: sync.Pool{New: func() any { return new(batch) }},
		answers: newAnswers(config.MaxRequestIDs),
		rates:   newRates(config.RequestRate, config.Logger),
		drain:   newDrain(),
	}
	if config.Starting {
		s.health.starting()
	}
	return s
}

// NewGRPCServer returns a gRPC server with all services registered, ready to Serve any number of listeners. It has the options that
// the services rely on, interceptors above all; opts come in addition, credentials for instance. There may be several: one with TLS beside
// one on a unix socket without. Shutdown stops them all; one that is made after that is stopped already, and its Serve returns
// grpc.ErrServerStopped.
func (s *Server) NewGRPCServer(opts ...grpc.ServerOption) *grpc.Server {
	g := grpc.NewServer(append(s.grpcOptions(), opts...)...)
	s.Register(g)
	s.adopt(g)
	return g
}

// adopt makes Shutdown stop a gRPC server.
func (s *Server) adopt(g *grpc.Server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		g.Stop()
	}
	s.grpcServers = append(s.grpcServers, g)
}

// Register adds all services to a gRPC server that the caller made: SupervisorService, PluginService, health and reflection. Most want
// NewGRPCServer instead: Register brings no interceptors, and Shutdown does not stop that server.
func (s *Server) Register(g reflection.GRPCServer) {
	g.RegisterService(s.supervisorService(), s)
	pb.RegisterPluginServiceServer(g, s)
	healthpb.RegisterHealthServer(g, s.health)
	registerReflection(g)
}

// supervisorService returns the generated description of the service, with a handler of our own for WatchEvents.
func (s *Server) supervisorService() *grpc.ServiceDesc {
	desc := pb.SupervisorService_ServiceDesc
	desc.Streams = slices.Clone(desc.Streams)
	for i := range desc.Streams {
		desc.Streams[i].Handler = s.handleWatch // the only stream there is; a test checks
	}
	return &desc
}
