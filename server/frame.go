package server

import (
	"fmt"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	protobuf "google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
)

const (
	// maxMessageSize is how many bytes of events or tasks a message has at most, if it has more than one: with the 5 bytes that gRPC puts in
	// front, and a cursor and a gap, it fits into one HTTP/2 frame of 16 KiB, and into one buffer of the pools of gRPC.
	maxMessageSize = 16<<10 - 5 - maxPositionSize
	// maxPositionSize is what a cursor and a gap need at most: an epoch of 36 bytes, three sequences, their tags and lengths.
	maxPositionSize = 100
	// minSharedPiece is how long the pieces of a frame are on average, at least, if they are sent as they are. To send shorter ones costs more
	// than to copy them.
	minSharedPiece = 512
)

// frame is a WatchEventsResponse that is encoded already. The codec of NewGRPCServer sends its bytes as they are. To everybody else it is the
// message: another codec, or an interceptor that looks into what is sent, finds it decoded. It belongs to the goroutine that sends it.
type frame struct {
	events  int
	gap     supervisor.Gap
	size    int // bytes, of the whole message
	payload mem.BufferSlice
	decoded *pb.WatchEventsResponse // nil until somebody asks

	// What an ordinary payload consists of, so that all of a frame is one allocation.
	buffers  [framePieces + 1]mem.Buffer
	slices   [framePieces + 1]mem.SliceBuffer
	position [maxPositionSize]byte
}

// framePieces is how many pieces an ordinary frame has: as many segments of the feed as a full message takes parts of.
const framePieces = 2

// newFrame returns a frame of the pieces, which are size bytes of encoded events, and of what comes behind them.
func newFrame(pieces [][]byte, events, size int, c supervisor.Cursor, gap supervisor.Gap) *frame {
	f := &frame{events: events, gap: gap}
	if len(pieces)*minSharedPiece <= size || len(pieces) == 1 {
		f.share(pieces, c)
	} else {
		f.copy(pieces, size, c)
	}
	f.size = f.payload.Len()
	return f
}

// share makes a payload of the pieces as they are.
func (f *frame) share(pieces [][]byte, c supervisor.Cursor) {
	slices, n := f.slices[:], len(pieces)+1
	if n > len(slices) {
		slices = make([]mem.SliceBuffer, n)
	}
	for i, piece := range pieces {
		slices[i] = piece
	}
	slices[n-1] = appendPosition(f.position[:0], c, f.gap)
	f.payload = f.buffers[:0]
	for i := range n {
		f.payload = append(f.payload, &slices[i]) // a pointer, for which the interface needs no allocation
	}
}

// copy makes a payload of one buffer, which gRPC returns to its pool once it has sent it.
func (f *frame) copy(pieces [][]byte, size int, c supervisor.Cursor) {
	pool := mem.DefaultBufferPool()
	buf := pool.Get(size + maxPositionSize)
	b := (*buf)[:0]
	for _, piece := range pieces {
		b = append(b, piece...)
	}
	*buf = appendPosition(b, c, f.gap)
	f.payload = append(f.buffers[:0], mem.NewBuffer(buf, pool))
}

// message returns the message. It works until the frame was sent.
func (f *frame) message() *pb.WatchEventsResponse {
	if f.decoded == nil {
		m := new(pb.WatchEventsResponse)
		if err := protobuf.Unmarshal(f.payload.Materialize(), m); err != nil {
			panic("server: a frame that is no message: " + err.Error()) // a fault of this package
		}
		f.decoded = m
	}
	return f.decoded
}

// ProtoReflect implements proto.Message.
func (f *frame) ProtoReflect() protoreflect.Message { return f.message().ProtoReflect() }

// String says what the frame is, also after it was sent.
func (f *frame) String() string { return fmt.Sprintf("%d events in %d bytes", f.events, f.size) }

// codec is the codec for protobuf, and sends frames as they are.
type codec struct{ encoding.CodecV2 }

func newCodec() codec { return codec{encoding.GetCodecV2(proto.Name)} }

// Marshal implements encoding.CodecV2.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if f, ok := v.(*frame); ok {
		return f.payload, nil
	}
	return c.CodecV2.Marshal(v)
}
