package bench

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// watcher is one stream. What it has received may be read from any goroutine.
type watcher struct {
	messages, events, bytes, lost atomic.Uint64

	process *watcherProcess
	passed  uint64   // events, those that were lost included; of the goroutine that receives
	_       [64]byte // watchers lie side by side; what one counts must not slow its neighbour
}

// watch opens the stream, says so, and receives until it breaks.
func (w *watcher) watch(ctx context.Context, conn *grpc.ClientConn, opened func()) error {
	req := &pb.WatchEventsRequest{}
	if names := w.process.plan.Names; len(names) > 0 {
		req.Filter = &pb.EventFilter{Names: names}
	}
	var next func() error
	var stream grpc.ClientStream
	var err error
	if w.process.plan.Decode {
		var decoding grpc.ServerStreamingClient[pb.WatchEventsResponse]
		decoding, err = pb.NewSupervisorServiceClient(conn).WatchEvents(ctx, req)
		stream, next = decoding, func() error { return w.decode(decoding) }
	} else {
		stream, err = openRaw(ctx, conn, req)
		next = func() error { return stream.RecvMsg(w) }
	}
	if err == nil {
		_, err = stream.Header() // the server has subscribed it
	}
	if err != nil {
		return fmt.Errorf("open a stream: %w", err)
	}
	opened()
	for {
		if err := next(); err != nil {
			return fmt.Errorf("receive: %w", err)
		}
	}
}

func openRaw(ctx context.Context, conn *grpc.ClientConn, req *pb.WatchEventsRequest) (grpc.ClientStream, error) {
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true},
		pb.SupervisorService_WatchEvents_FullMethodName, grpc.ForceCodecV2(newRawCodec()))
	if err != nil {
		return nil, err
	}
	if err := stream.SendMsg(req); err != nil {
		return nil, err
	}
	return stream, stream.CloseSend()
}

// decode receives as any client does.
func (w *watcher) decode(stream grpc.ServerStreamingClient[pb.WatchEventsResponse]) error {
	message, err := stream.Recv()
	if err != nil {
		return err
	}
	if h := w.process.latency; h != nil {
		now := time.Now()
		for _, event := range message.GetEvents() {
			h.add(now.Sub(event.GetTime().AsTime()))
		}
	}
	w.count(counts{events: uint64(len(message.GetEvents())), lost: lostIn(message.GetGap())})
	return nil
}

// receive implements rawReceiver.
func (w *watcher) receive(data mem.BufferSlice) error {
	if h := w.process.latency; h != nil {
		now := time.Now().UnixNano()
		whole := data.MaterializeToBuffer(mem.DefaultBufferPool())
		defer whole.Free()
		err := eachEventTime(whole.ReadOnlyData(), func(at int64) { h.add(time.Duration(now - at)) })
		if err != nil {
			return err
		}
	}
	c, err := countEvents(data)
	if err == nil {
		w.count(c)
	}
	return err
}

func (w *watcher) count(c counts) {
	w.messages.Add(1)
	if c == (counts{}) {
		return // a heartbeat
	}
	w.events.Add(c.events)
	w.bytes.Add(c.bytes)
	w.lost.Add(c.lost)
	if r := w.process.rounds; r != nil {
		before := w.passed
		w.passed += c.events + c.lost/uint64(w.process.plan.Of)
		r.pass(before, w.passed)
	}
}
