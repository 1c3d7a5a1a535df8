package bench

import (
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// rawReceiver is what a raw client receives into: it gets the message as it came.
type rawReceiver interface {
	// receive must not keep data.
	receive(data mem.BufferSlice) error
}

// rawCodec is the codec of a client that does not decode what it receives.
type rawCodec struct{ encoding.CodecV2 }

func newRawCodec() rawCodec { return rawCodec{encoding.GetCodecV2(proto.Name)} }

// Unmarshal implements encoding.CodecV2.
func (c rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	if r, ok := v.(rawReceiver); ok {
		return r.receive(data)
	}
	return c.CodecV2.Unmarshal(data, v)
}
