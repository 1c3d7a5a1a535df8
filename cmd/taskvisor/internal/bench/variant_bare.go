package bench

import (
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// bare sends each event to one stream after the other, from the goroutine that publishes it: no queue, no hand-over, nothing but SendMsg.
type bare struct {
	pb.UnimplementedSupervisorServiceServer
	count atomic.Uint64 // events published

	mu      sync.Mutex // guards streams
	streams []grpc.ServerStreamingServer[pb.WatchEventsResponse]
}

func newBare() *variant {
	b := &bare{}
	g := grpc.NewServer()
	pb.RegisterSupervisorServiceServer(g, b)
	return &variant{server: g, publish: b.publish, published: b.count.Load, counters: noCounters}
}

func (b *bare) publish() {
	message := &pb.WatchEventsResponse{Events: []*pb.Event{newEvent(b.count.Add(1))}}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, stream := range b.streams {
		_ = stream.Send(message) // a watcher that has left ends the measurement by itself
	}
}

// WatchEvents implements taskvisor.v1.SupervisorService: all events from now on.
func (b *bare) WatchEvents(_ *pb.WatchEventsRequest, stream grpc.ServerStreamingServer[pb.WatchEventsResponse]) error {
	if err := stream.SendHeader(metadata.MD{}); err != nil {
		return err
	}
	b.mu.Lock()
	b.streams = append(b.streams, stream)
	b.mu.Unlock()
	<-stream.Context().Done()
	return stream.Context().Err()
}
