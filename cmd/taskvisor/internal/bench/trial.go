package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// Filters.
const (
	allFilter  = "all"
	halfFilter = "half" // of the two tasks that take turns, one
)

// Clients.
const (
	rawClient    = "raw"    // counts what is in a message without decoding it
	decodeClient = "decode" // the generated one
)

// trial is one thing to measure.
type trial struct {
	Variant  string `json:"variant"`
	Filter   string `json:"filter"`
	Client   string `json:"client"`
	Watchers int    `json:"watchers"`
}

func (t trial) String() string {
	return fmt.Sprintf("%d watchers, %s events, %s client, %s", t.Watchers, t.Filter, t.Client, t.Variant)
}

// conditions are what all trials of a measurement have in common.
type conditions struct {
	Conns       int           `json:"connections"`
	Processes   int           `json:"watcher_processes"`
	EventBuffer int           `json:"event_buffer"`
	Warmup      time.Duration `json:"warmup_ns"`
	Window      time.Duration `json:"window_ns"`
	Count       int           `json:"count"`
	Rate        int           `json:"rate,omitempty"` // events a second; 0: a flood
}

// figures are what one trial has shown. Zero stands for what could not be measured.
type figures struct {
	Delivered      float64 `json:"delivered_per_second"` // events to all watchers
	Published      float64 `json:"published_per_second"`
	Messages       float64 `json:"messages_per_second"`
	EventSize      float64 `json:"event_bytes"` // mean; not known of a client that decodes
	Lost           uint64  `json:"events_lost"`
	ServerCPU      float64 `json:"server_cpu_ns_per_delivery"`
	ClientCPU      float64 `json:"client_cpu_ns_per_delivery"`
	ServerAllocs   float64 `json:"server_allocations_per_delivery"`
	ServerBytes    float64 `json:"server_allocated_bytes_per_delivery"`
	ServerResident float64 `json:"server_rss_bytes"`

	// Counters of the server, for each event published.
	Counters map[string]float64 `json:"server_counters_per_event,omitempty"`

	LatencyMedian time.Duration `json:"latency_p50_ns,omitempty"`
	Latency99     time.Duration `json:"latency_p99_ns,omitempty"`
	Latencies     uint64        `json:"latencies_measured,omitempty"`
	PublishMedian time.Duration `json:"publish_call_p50_ns,omitempty"`
	Publish99     time.Duration `json:"publish_call_p99_ns,omitempty"`
}

// errTooLong is why a trial was given up.
var errTooLong = errors.New("it took too long; on a machine this slow, ask for fewer watchers")

// bench has what measurements need.
type bench struct {
	launcher
	conditions
}

// ensemble is the processes of a trial.
type ensemble struct {
	server   *child
	watchers []*child
}

// run starts the processes of a trial, warms up, measures, and ends them.
func (b *bench) run(ctx context.Context, t trial) (*figures, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, b.Warmup+b.Window+3*startPatience, errTooLong)
	defer cancel()
	e, err := b.assemble(ctx, t)
	if e != nil {
		defer e.stop()
	}
	if err != nil {
		return nil, err
	}
	if err := e.server.ask(doStart, nil); err != nil {
		return nil, err
	}
	before, err := e.warmUp(ctx, b.Warmup, uint64(t.Watchers*b.lead(t)))
	if err != nil {
		return nil, err
	}
	after, err := e.after(ctx, before, b.Window)
	if err != nil {
		return nil, err
	}
	return figuresOf(before, after), nil
}

// assemble starts the processes. What it returns must be stopped, also beside an error.
func (b *bench) assemble(ctx context.Context, t trial) (*ensemble, error) {
	e := &ensemble{}
	of := 1
	var names []string
	if t.Filter == halfFilter {
		of, names = len(taskNames), taskNames[:1]
	}
	window := b.EventBuffer / 2
	processes := min(b.Processes, t.Watchers)
	var ready serverReady
	var err error
	e.server, err = b.start(ctx, serverRole, &serverPlan{
		Variant: t.Variant, EventBuffer: b.EventBuffer, Streams: t.Watchers, Window: window / of, Of: of, Processes: processes, Rate: b.Rate,
	}, &ready)
	if err != nil {
		return nil, err
	}
	round := 0
	if b.Rate == 0 && t.Variant != blastVariant { // a blast has no publisher
		round = window / of / roundsPerWindow
	}
	for i := range processes {
		watchers, err := b.start(ctx, watcherRole, &watcherPlan{
			Server: ready, Process: i, Streams: share(t.Watchers, processes, i), Conns: share(min(b.Conns, t.Watchers), processes, i),
			Names: names, Of: of, Round: round, Decode: t.Client == decodeClient, Latency: b.Rate > 0,
		}, nil)
		if err != nil {
			return e, err
		}
		e.watchers = append(e.watchers, watchers)
	}
	return e, nil
}

// share returns how many of n things the i-th of so many gets, at least one.
func share(n, among, i int) int {
	part := n / among
	if i < n%among {
		part++
	}
	return max(part, 1)
}

// stop ends all processes. They may go in any order.
func (e *ensemble) stop() {
	var all errgroup.Group
	for _, c := range append(slices.Clone(e.watchers), e.server) {
		all.Go(func() error {
			c.stop()
			return nil
		})
	}
	_ = all.Wait() // none of them returns an error
}

// standing is how things stand at some moment.
type standing struct {
	server   serverReport
	watchers []watcherReport
}

// lead returns how many events a publisher may be ahead of a watcher. It has published as many before it is held up for the first time.
func (b *bench) lead(t trial) int {
	switch {
	case b.Rate > 0 || t.Variant == blastVariant:
		return 0
	case t.Filter == halfFilter:
		return b.EventBuffer / 2 / len(taskNames)
	default:
		return b.EventBuffer / 2
	}
}

// warmUp waits, for longer if needed, until all watchers together have received so many events, and returns how things stand then. If that takes very
// long, it is left at that: it is the server that is slow.
func (e *ensemble) warmUp(ctx context.Context, d time.Duration, events uint64) (*standing, error) {
	for end := time.Now().Add(d + startPatience); ; {
		if err := wait(ctx, d); err != nil {
			return nil, context.Cause(ctx)
		}
		s, err := e.report()
		if err != nil || s.events() >= events || time.Now().After(end) {
			return s, err
		}
		d = min(d, 500*time.Millisecond)
	}
}

// after returns how things stand a window later. A window in which nothing arrived says nothing, so it is made longer until something does.
func (e *ensemble) after(ctx context.Context, before *standing, window time.Duration) (*standing, error) {
	for {
		if err := wait(ctx, window); err != nil {
			return nil, context.Cause(ctx)
		}
		after, err := e.report()
		if err != nil || after.events() > before.events() {
			return after, err
		}
	}
}

// events returns how many events all watchers have received.
func (s *standing) events() (n uint64) {
	for i := range s.watchers {
		n += s.watchers[i].Events
	}
	return n
}

// report asks all processes at once. Each answer has its own time.
func (e *ensemble) report() (*standing, error) {
	s := &standing{watchers: make([]watcherReport, len(e.watchers))}
	var all errgroup.Group
	all.Go(func() error { return e.server.ask(doReport, &s.server) })
	for i, c := range e.watchers {
		all.Go(func() error { return c.ask(doReport, &s.watchers[i]) })
	}
	return s, all.Wait()
}

// figuresOf returns what happened between two moments. All processes were asked at about the same time, but not at the same: what they say is
// made a rate each for itself before it is compared.
func figuresOf(before, after *standing) *figures {
	f := &figures{Counters: map[string]float64{}}
	var sizes, events, clientCPU float64
	latency := distribution{}
	for i := range after.watchers {
		from, to := &before.watchers[i], &after.watchers[i]
		seconds := secondsBetween(&from.Usage, &to.Usage)
		f.Delivered += float64(to.Events-from.Events) / seconds
		f.Messages += float64(to.Messages-from.Messages) / seconds
		f.Lost += to.Lost // the warm-up counts here: nothing is meant to be lost at any time
		clientCPU += (to.Usage.CPU - from.Usage.CPU).Seconds() / seconds
		sizes += float64(to.Bytes - from.Bytes)
		events += float64(to.Events - from.Events)
		latency.add(to.Latency.since(from.Latency))
	}
	f.EventSize = ratio(sizes, events)
	f.ClientCPU = ratio(clientCPU*1e9, f.Delivered)
	f.LatencyMedian, f.Latency99, f.Latencies = latency.quantile(0.5), latency.quantile(0.99), latency.total()

	from, to := &before.server, &after.server
	seconds := secondsBetween(&from.Usage, &to.Usage)
	perDelivery := func(n float64) float64 { return ratio(n/seconds, f.Delivered) }
	published := float64(to.Published - from.Published)
	f.Published = published / seconds
	f.ServerCPU = perDelivery(float64(to.Usage.CPU - from.Usage.CPU))
	f.ServerAllocs = perDelivery(float64(to.Usage.Allocs - from.Usage.Allocs))
	f.ServerBytes = perDelivery(float64(to.Usage.Bytes - from.Usage.Bytes))
	f.ServerResident = float64(to.Usage.RSS)
	for name, n := range to.Counters {
		f.Counters[name] = ratio(float64(n-from.Counters[name]), published)
	}
	publish := to.Publish.since(from.Publish)
	f.PublishMedian, f.Publish99 = publish.quantile(0.5), publish.quantile(0.99)
	return f
}

func secondsBetween(from, to *usage) float64 { return float64(to.At-from.At) / 1e9 }

// ratio returns 0 where there is nothing to divide by.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
