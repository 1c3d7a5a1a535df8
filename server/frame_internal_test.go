package server

import (
	"bytes"
	"strings"
	"testing"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
)

// However many pieces a frame has and whatever their sizes, it is the message that they make, sent by the codec and looked at by others.
func TestFramesAreTheirPieces(t *testing.T) {
	c := newCodec()
	rapid.Check(t, func(t *rapid.T) {
		var pieces [][]byte
		want := &pb.WatchEventsResponse{Cursor: &pb.Cursor{Epoch: "epoch", Sequence: 7}}
		for range rapid.IntRange(0, 40).Draw(t, "pieces") {
			var piece []byte
			for range rapid.IntRange(1, 3).Draw(t, "events") {
				e := supervisor.Event{
					Sequence: 1, Kind: supervisor.TaskOutput, Line: strings.Repeat("x", rapid.SampledFrom([]int{0, 10, 1000}).Draw(t, "line")),
				}
				piece = appendEvent(piece, &e)
				want.Events = append(want.Events, eventToWire(&e))
			}
			pieces = append(pieces, piece)
		}
		gap := supervisor.Gap{}
		if rapid.Bool().Draw(t, "gap") {
			gap = supervisor.Gap{First: 1, Last: 2}
			want.Gap = &pb.Gap{First: 1, Last: 2}
		}
		wantBytes, err := proto.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		f := newFrame(pieces, len(want.Events), len(bytes.Join(pieces, nil)), supervisor.Cursor{Epoch: "epoch", Sequence: 7}, gap)
		if !proto.Equal(f, want) || f.size != len(wantBytes) {
			t.Fatalf("%v has %d bytes, want %v with %d", f, f.size, want, len(wantBytes))
		}
		sent, err := c.Marshal(f)
		if err != nil || !bytes.Equal(sent.Materialize(), wantBytes) {
			t.Fatalf("sent %x %v, want %x", sent.Materialize(), err, wantBytes)
		}
		sent.Free()
	})
}

// The codec marshals all other messages, and unmarshals, as the one for protobuf does.
func TestCodec(t *testing.T) {
	c, m := newCodec(), &pb.ListTasksRequest{PageSize: 3}
	if c.Name() != "proto" {
		t.Errorf("name %q", c.Name())
	}
	data, err := c.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	got := new(pb.ListTasksRequest)
	if err := c.Unmarshal(data, got); err != nil || !proto.Equal(got, m) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := c.Marshal("no message"); err == nil {
		t.Error("a string was marshaled")
	}
}

// What ordinary frames cost: one allocation, whether their pieces are shared or, short as they are, copied into a buffer of the pool.
func TestFramesAllocateOnce(t *testing.T) {
	long := [][]byte{make([]byte, 8000), make([]byte, 8000)}
	short := make([][]byte, 60)
	for i := range short {
		short[i] = make([]byte, 120)
	}
	cursor := supervisor.Cursor{Epoch: "01a21020-42f6-7c94-9182-44a5843e0c97", Sequence: 1 << 40}
	for name, pieces := range map[string][][]byte{"shared": long, "copied": short} {
		if name == "copied" && raceEnabled {
			continue
		}
		size := len(bytes.Join(pieces, nil))
		var payload mem.BufferSlice
		allocs := testing.AllocsPerRun(100, func() {
			payload = newFrame(pieces, 2, size, cursor, supervisor.Gap{}).payload
			payload.Free()
		})
		if allocs > 1 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}
