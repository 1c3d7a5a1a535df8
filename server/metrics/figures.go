package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"

	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/supervisor"
)

// figure is a metric that is read when it is asked for.
type figure[S any] struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(s *S) (value float64, ok bool) // ok is false when there is none
}

// newFigure returns a metric without labels.
func newFigure[S any](name, help string, kind prometheus.ValueType, read func(*S) float64) figure[S] {
	return figure[S]{prometheus.NewDesc(name, help, nil, nil), kind, func(s *S) (float64, bool) { return read(s), true }}
}

// newLimit returns a gauge that is missing while it is 0.
func newLimit[S any](name, help string, read func(*S) int) figure[S] {
	return figure[S]{prometheus.NewDesc(name, help, nil, nil), prometheus.GaugeValue, func(s *S) (float64, bool) {
		value := read(s)
		return float64(value), value != 0
	}}
}

// figures are metrics that are read together.
type figures[S any] []figure[S]

// Describe is part of prometheus.Collector.
func (list figures[S]) Describe(out chan<- *prometheus.Desc) {
	for i := range list {
		out <- list[i].desc
	}
}

func (list figures[S]) collect(s *S, out chan<- prometheus.Metric) {
	for i := range list {
		f := &list[i]
		if value, ok := f.read(s); ok {
			out <- prometheus.MustNewConstMetric(f.desc, f.kind, value)
		}
	}
}

// engine collects the figures that a supervisor keeps itself.
type engine struct {
	figures[supervisor.Stats]
	sup   *supervisor.Supervisor
	tasks *prometheus.Desc
}

func newEngine(sup *supervisor.Supervisor) *engine {
	type stats = supervisor.Stats
	const counter, gauge = prometheus.CounterValue, prometheus.GaugeValue
	return &engine{
		sup:   sup,
		tasks: prometheus.NewDesc("taskvisor_tasks", "Live tasks, by state.", []string{"state"}, nil),
		figures: figures[stats]{
			newLimit("taskvisor_tasks_limit", "How many tasks may be live at once.", func(s *stats) int { return s.MaxTasks }),
			newLimit("taskvisor_permits", "How many attempts may run at once.", func(s *stats) int { return s.MaxConcurrent }),
			{
				prometheus.NewDesc("taskvisor_permits_held", "Permits that attempts hold, stuck ones included.", nil, nil), gauge,
				func(s *stats) (float64, bool) { return float64(s.Permits), s.MaxConcurrent != 0 },
			},
			newFigure("taskvisor_events_published_total", "Events in the log since the start.", counter,
				func(s *stats) float64 { return float64(s.Published) }),
			newFigure("taskvisor_event_buffer_size", "How many events the log keeps.", gauge,
				func(s *stats) float64 { return float64(s.EventBuffer) }),
		},
	}
}

// Describe is part of prometheus.Collector.
func (e *engine) Describe(out chan<- *prometheus.Desc) {
	out <- e.tasks
	e.figures.Describe(out)
}

// Collect is part of prometheus.Collector.
func (e *engine) Collect(out chan<- prometheus.Metric) {
	stats := e.sup.Stats()
	for state, n := range stats.Tasks {
		if state != 0 {
			out <- prometheus.MustNewConstMetric(e.tasks, prometheus.GaugeValue, float64(n), supervisor.State(state).String())
		}
	}
	e.collect(&stats, out)
}

// streams collects the figures that a server keeps itself.
type streams struct {
	figures[server.Stats]
	srv   *server.Server
	ended *prometheus.Desc
}

func newStreams(srv *server.Server) *streams {
	type stats = server.Stats
	const counter, gauge = prometheus.CounterValue, prometheus.GaugeValue
	return &streams{
		srv: srv,
		ended: prometheus.NewDesc("taskvisor_watch_streams_ended_total",
			"Calls of WatchEvents that ended, refused ones included, by code.", []string{"code"}, nil),
		figures: figures[stats]{
			newFigure("taskvisor_watch_streams", "Open streams of events.", gauge, func(s *stats) float64 { return float64(s.Streams) }),
			newFigure("taskvisor_watch_streams_opened_total", "Streams of events that were opened.", counter,
				func(s *stats) float64 { return float64(s.Opened) }),
			newFigure("taskvisor_watch_max_lag_events", "How many events the stream that is furthest behind has yet to look at.", gauge,
				func(s *stats) float64 { return float64(s.MaxLag) }),
			newFigure("taskvisor_watch_messages_total", "Messages that were sent on streams of events.", counter,
				func(s *stats) float64 { return float64(s.Messages) }),
			newFigure("taskvisor_watch_events_total", "Events that were delivered on streams.", counter,
				func(s *stats) float64 { return float64(s.Events) }),
			newFigure("taskvisor_watch_bytes_total", "Bytes of the messages on streams of events.", counter,
				func(s *stats) float64 { return float64(s.Bytes) }),
			newFigure("taskvisor_watch_gaps_total", "Times that a stream had fallen behind the log.", counter,
				func(s *stats) float64 { return float64(s.Gaps) }),
			newFigure("taskvisor_watch_lost_events_total", "Events that streams lost as they fell behind the log.", counter,
				func(s *stats) float64 { return float64(s.Lost) }),
			newFigure("taskvisor_watch_encoded_events_total", "Events that were encoded, each once for all streams.", counter,
				func(s *stats) float64 { return float64(s.Encoded) }),
			newFigure("taskvisor_watch_encoded_bytes_total", "Bytes of the encoded events.", counter,
				func(s *stats) float64 { return float64(s.EncodedBytes) }),
			newFigure("taskvisor_rate_limited_calls_total", "Calls that were refused with RATE_LIMIT.", counter,
				func(s *stats) float64 { return float64(s.RateLimited) }),
			newFigure("taskvisor_panics_total", "Panics in calls.", counter, func(s *stats) float64 { return float64(s.Panics) }),
		},
	}
}

// Describe is part of prometheus.Collector.
func (c *streams) Describe(out chan<- *prometheus.Desc) {
	out <- c.ended
	c.figures.Describe(out)
}

// Collect is part of prometheus.Collector.
func (c *streams) Collect(out chan<- prometheus.Metric) {
	stats := c.srv.Stats()
	for code, n := range stats.Ended {
		if n > 0 {
			out <- prometheus.MustNewConstMetric(c.ended, prometheus.CounterValue, float64(n), codes.Code(code).String())
		}
	}
	c.collect(&stats, out)
}
