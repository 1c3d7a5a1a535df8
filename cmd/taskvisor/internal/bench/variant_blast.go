package bench

import (
	"fmt"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	protobuf "google.golang.org/protobuf/proto"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// blastSize is how many bytes a message of the blast has at most.
const blastSize = 64 << 10

// blast sends one message again and again that was encoded once: what gRPC itself can do, with nothing on top of it.
type blast struct {
	pb.UnimplementedSupervisorServiceServer
	message ready
	events  uint64 // in the message
	sent    atomic.Uint64
	started <-chan struct{}
}

func newBlast(started <-chan struct{}) (*variant, error) {
	message, events, err := blastMessage()
	if err != nil {
		return nil, err
	}
	b := &blast{message: ready{mem.SliceBuffer(message)}, events: events, started: started}
	g := grpc.NewServer(grpc.ForceServerCodecV2(readyCodec{encoding.GetCodecV2(proto.Name)}))
	pb.RegisterSupervisorServiceServer(g, b)
	return &variant{server: g, published: b.sent.Load, counters: noCounters}, nil
}

// blastMessage returns an encoded response with as many events as fit.
func blastMessage() (encoded []byte, events uint64, err error) {
	for {
		one, err := protobuf.Marshal(&pb.WatchEventsResponse{Events: []*pb.Event{newEvent(events + 1)}})
		if err != nil {
			return nil, 0, fmt.Errorf("encode an event: %w", err)
		}
		if len(encoded)+len(one) > blastSize {
			return encoded, events, nil
		}
		encoded = append(encoded, one...) // messages one after the other are their fields together
		events++
	}
}

// WatchEvents implements taskvisor.v1.SupervisorService. It pays no heed to the request.
func (b *blast) WatchEvents(_ *pb.WatchEventsRequest, stream grpc.ServerStreamingServer[pb.WatchEventsResponse]) error {
	if err := stream.SendHeader(metadata.MD{}); err != nil {
		return err
	}
	select {
	case <-b.started:
	case <-stream.Context().Done():
		return stream.Context().Err()
	}
	for {
		if err := stream.SendMsg(b.message); err != nil {
			return err
		}
		b.sent.Add(b.events)
	}
}

// ready is a message that is encoded already.
type ready mem.BufferSlice

// readyCodec sends ready messages as they are, and all others as the codec in it does.
type readyCodec struct{ encoding.CodecV2 }

// Marshal implements encoding.CodecV2.
func (c readyCodec) Marshal(v any) (mem.BufferSlice, error) {
	if r, ok := v.(ready); ok {
		return mem.BufferSlice(r), nil
	}
	return c.CodecV2.Marshal(v)
}
