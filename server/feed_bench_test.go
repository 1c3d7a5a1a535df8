package server

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
)

// BenchmarkEncodeEvent compares the encoder with proto.Marshal, of an ordinary event of 120 bytes.
func BenchmarkEncodeEvent(b *testing.B) {
	e := supervisor.Event{
		Sequence: 1 << 20, Time: time.Unix(1_800_000_000, 123_456_789), Kind: supervisor.TaskOutput, Task: "even",
		UID: must(supervisor.ParseUID("01a21020-42f6-7c94-9182-44a5843e0c97")), Attempt: 1, Stream: supervisor.Stdout,
		Line: "an ordinary line of output, about this long, is it",
	}
	b.Run("append", func(b *testing.B) {
		var buf []byte
		b.ReportAllocs()
		for b.Loop() {
			buf = appendEvent(buf[:0], &e)
		}
		b.ReportMetric(float64(len(buf)), "bytes/event")
	})
	b.Run("proto", func(b *testing.B) {
		var buf []byte
		b.ReportAllocs()
		for b.Loop() {
			buf, _ = proto.MarshalOptions{}.MarshalAppend(buf[:0], &pb.WatchEventsResponse{Events: []*pb.Event{eventToWire(&e)}})
		}
	})
}
