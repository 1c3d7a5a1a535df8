package metrics

import (
	"fmt"
	"net/http"
	"time"

	provider "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"google.golang.org/grpc"

	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/supervisor"
)

// Metrics are the figures about one supervisor and its server. Make them with New. The methods may be called from any goroutine.
type Metrics struct {
	registry *prometheus.Registry
	calls    *provider.ServerMetrics
}

// New returns metrics about the process and the Go runtime, and about the calls that come through its interceptors. Observe adds the rest.
func New() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		calls:    provider.NewServerMetrics(provider.WithServerHandlingTimeHistogram()),
	}
	m.registry.MustRegister(m.calls, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// UnaryInterceptor returns an interceptor that counts calls, for server.Config.UnaryInterceptors.
func (m *Metrics) UnaryInterceptor() grpc.UnaryServerInterceptor {
	return m.calls.UnaryServerInterceptor()
}

// StreamInterceptor returns an interceptor that counts streams, for server.Config.StreamInterceptors.
func (m *Metrics) StreamInterceptor() grpc.StreamServerInterceptor {
	return m.calls.StreamServerInterceptor()
}

// subscriberName is that of the subscriber that counts events.
const subscriberName = "metrics"

// Observe adds the figures about a supervisor and its server, which may be nil: counters begin with the oldest event that is kept. It ends with the
// supervisor. Errors: supervisor.ErrSubscriberExists when the supervisor is observed already; that these metrics observe another one.
func (m *Metrics) Observe(sup *supervisor.Supervisor, srv *server.Server) error {
	counters := newFold(sup)
	if err := m.registry.Register(counters); err != nil {
		return fmt.Errorf("observe a supervisor: %w", err)
	}
	if _, err := sup.Subscribe(counters, supervisor.SubscribeOptions{Buffer: sup.EventBuffer(), Oldest: true}); err != nil {
		m.registry.Unregister(counters)
		return fmt.Errorf("observe a supervisor: %w", err)
	}
	m.registry.MustRegister(newEngine(sup))
	if srv != nil {
		m.registry.MustRegister(newStreams(srv))
	}
	return nil
}

// Registry returns the registry that has the metrics, to add others to it.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// Bounds of Handler.
const (
	maxScrapes    = 4 // at once; one more is answered by 503
	scrapeTimeout = 10 * time.Second
)

// Handler returns a handler that answers a scrape. It allows four at once; who may scrape is up to what is around it.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.HTTPErrorOnError, MaxRequestsInFlight: maxScrapes, Timeout: scrapeTimeout,
	})
}
