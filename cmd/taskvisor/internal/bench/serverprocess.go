package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
)

// serverProcess is the process that has the server, and the publisher.
type serverProcess struct {
	plan     *serverPlan
	variant  *variant
	throttle *throttle
	started  chan struct{} // closed when publishing begins
	publish  histogram     // how long a call took
}

// runServer is the whole of a server process.
func runServer(ctx context.Context, r io.Reader, w io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return answerAll(r, w, func(plan *serverPlan) (any, func(string) (*serverReport, error), error) {
		if min(plan.Window, plan.Of, plan.Processes) < 1 {
			return nil, nil, fmt.Errorf("the plan of a server lacks a number: %+v", *plan)
		}
		s := &serverProcess{
			plan: plan, throttle: newThrottle(uint64(plan.Window), plan.Processes), started: make(chan struct{}),
		}
		ready, err := s.serve(ctx)
		return ready, func(do string) (*serverReport, error) { return s.do(ctx, do) }, err
	})
}

// serve makes the server and serves it. All of it ends with the process.
func (s *serverProcess) serve(ctx context.Context) (ready serverReady, err error) {
	if s.variant, err = makeVariant(ctx, s.plan, s.started); err != nil {
		return ready, err
	}
	var listeners [2]net.Listener
	for i := range listeners {
		if listeners[i], err = new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
			return ready, err
		}
	}
	go func() {
		if err := s.variant.server.Serve(listeners[0]); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			panic(fmt.Errorf("serve: %w", err)) // there is nothing left to measure
		}
	}()
	go s.hear(listeners[1])
	return serverReady{listeners[0].Addr().String(), listeners[1].Addr().String()}, nil
}

// hear takes the reports of watchers.
func (s *serverProcess) hear(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			var report progress
			for binary.Read(conn, binary.BigEndian, &report) == nil && int(report.Process) < s.plan.Processes {
				s.throttle.report(int(report.Process), report.Events)
			}
		}()
	}
}

// progress is what watchers report while they watch: how many events each stream of a process has received at least.
type progress struct{ Process, Events uint64 }

func (s *serverProcess) do(ctx context.Context, do string) (*serverReport, error) {
	switch do {
	case doStart:
		close(s.started)
		if s.variant.publish != nil {
			go s.run(ctx)
		}
	case doCollect:
		settle()
	case doReport:
	default:
		return nil, fmt.Errorf("a server knows no request %q", do)
	}
	return &serverReport{
		Usage: usageNow(), Published: s.variant.published(), Counters: s.variant.counters(), Publish: s.publish.distribution(),
	}, nil
}

// settle brings memory to where it would come by itself within minutes. A stack that has become too large is halved by each garbage collection.
func settle() {
	for before, now := uint64(math.MaxUint64), residentSize(); now < before-before/100; {
		debug.FreeOSMemory()
		before, now = now, residentSize()
	}
}

// run publishes.
func (s *serverProcess) run(ctx context.Context) {
	if s.plan.Rate == 0 {
		flood(ctx, s.throttle, uint64(s.plan.Of), s.variant.publish)
		return
	}
	pace(ctx, s.plan.Rate, func() {
		begin := time.Now()
		s.variant.publish()
		s.publish.add(time.Since(begin))
	})
}
