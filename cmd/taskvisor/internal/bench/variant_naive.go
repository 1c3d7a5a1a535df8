package bench

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// naive is the design that comes to mind first: a channel for each subscriber, and one message with one event, encoded for each of them. A channel
// holds as many events as the publisher may be ahead of the slowest watcher, so that it never is the channel of one subscriber that holds
// up the others.
type naive struct {
	pb.UnimplementedSupervisorServiceServer
	buffer int // how many events the channel of a subscriber holds

	count atomic.Uint64 // events published

	mu          sync.Mutex // guards subscribers
	subscribers []*naiveSubscriber
}

type naiveSubscriber struct {
	ctx    context.Context //nolint:containedctx // of its stream: whoever sends to it must know that it has left
	wanted [len(taskNames)]bool
	events chan *pb.Event
}

func newNaive(plan *serverPlan) *variant {
	n := &naive{buffer: plan.Window + plan.Window/roundsPerWindow}
	g := grpc.NewServer()
	pb.RegisterSupervisorServiceServer(g, n)
	return &variant{server: g, publish: n.publish, published: n.count.Load, counters: noCounters}
}

func (n *naive) publish() {
	event := newEvent(n.count.Add(1))
	task := slices.Index(taskNames[:], event.GetTask())
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.subscribers {
		if !s.wanted[task] {
			continue
		}
		select {
		case s.events <- event:
		case <-s.ctx.Done():
		}
	}
}

// WatchEvents implements taskvisor.v1.SupervisorService: the events that are published from now on.
func (n *naive) WatchEvents(req *pb.WatchEventsRequest, stream grpc.ServerStreamingServer[pb.WatchEventsResponse]) error {
	s := &naiveSubscriber{
		ctx: stream.Context(), wanted: wanted(req.GetFilter().GetNames()), events: make(chan *pb.Event, n.buffer),
	}
	n.mu.Lock()
	n.subscribers = append(n.subscribers, s)
	n.mu.Unlock()
	if err := stream.SendHeader(metadata.MD{}); err != nil {
		return err
	}
	for {
		select {
		case event := <-s.events:
			if err := stream.Send(&pb.WatchEventsResponse{Events: []*pb.Event{event}}); err != nil {
				return err
			}
		case <-s.ctx.Done():
			return s.ctx.Err()
		}
	}
}
