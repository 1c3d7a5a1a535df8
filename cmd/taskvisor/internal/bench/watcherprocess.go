package bench

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// watcherProcess is a process with the watchers.
type watcherProcess struct {
	plan     *watcherPlan
	watchers []watcher
	rounds   *rounds    // nil: nobody asks how far they have come
	latency  *histogram // nil: nobody asks how late events are
	broken   chan error // has the first error of a stream
}

// runWatchers is the whole of a process of watchers.
func runWatchers(ctx context.Context, r io.Reader, w io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return answerAll(r, w, func(plan *watcherPlan) (any, func(string) (*watcherReport, error), error) {
		if min(plan.Streams, plan.Conns, plan.Of) < 1 {
			return nil, nil, fmt.Errorf("the plan of watchers lacks a number: %+v", *plan)
		}
		p := &watcherProcess{plan: plan, watchers: make([]watcher, plan.Streams), broken: make(chan error, 1)}
		if plan.Latency {
			p.latency = new(histogram)
		}
		return struct{}{}, p.do, p.open(ctx)
	})
}

// open opens all streams. All of them end with the process.
func (p *watcherProcess) open(ctx context.Context) error {
	if err := p.reportProgress(ctx); err != nil {
		return err
	}
	conns := make([]*grpc.ClientConn, p.plan.Conns)
	for i := range conns {
		var err error
		if conns[i], err = grpc.NewClient(p.plan.Server.Address, grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
			return err
		}
	}
	opened := make(chan struct{}, openAtOnce)
	opening := make(chan struct{}, openAtOnce)
	go func() {
		for i := range p.watchers {
			opening <- struct{}{}
			w := &p.watchers[i]
			w.process = p
			go func() { p.fail(w.watch(ctx, conns[i%len(conns)], func() { opened <- struct{}{} })) }()
		}
	}()
	patience := time.NewTimer(startPatience)
	defer patience.Stop()
	for n := range p.watchers {
		select {
		case <-opened:
			<-opening
		case err := <-p.broken:
			return err
		case <-patience.C:
			return fmt.Errorf("%d of %d streams opened within %s", n, len(p.watchers), startPatience)
		}
	}
	return nil
}

// openAtOnce is how many streams are being opened at any time: all at once would be a storm, which is another thing to measure.
const openAtOnce = 100

// fail keeps the first error.
func (p *watcherProcess) fail(err error) {
	select {
	case p.broken <- err:
	default:
	}
}

// reportProgress connects to where the server hears how far the watchers have come.
func (p *watcherProcess) reportProgress(ctx context.Context) error {
	if p.plan.Round == 0 {
		return nil
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", p.plan.Server.Progress)
	if err != nil {
		return err
	}
	p.rounds = &rounds{streams: int64(p.plan.Streams), size: uint64(p.plan.Round), over: func(events uint64) {
		if err := binary.Write(conn, binary.BigEndian, progress{uint64(p.plan.Process), events}); err != nil {
			p.fail(fmt.Errorf("report progress: %w", err))
		}
	}}
	return nil
}

func (p *watcherProcess) do(do string) (*watcherReport, error) {
	select {
	case err := <-p.broken:
		return nil, err
	default:
	}
	if do != doReport {
		return nil, fmt.Errorf("watchers know no request %q", do)
	}
	report := &watcherReport{Usage: usageNow()}
	for i := range p.watchers {
		w := &p.watchers[i]
		report.Messages += w.messages.Load()
		report.Events += w.events.Load()
		report.Bytes += w.bytes.Load()
		report.Lost += w.lost.Load()
	}
	if p.latency != nil {
		report.Latency = p.latency.distribution()
	}
	return report, nil
}
