package bench

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// response returns a message with all fields that one can have, and what is in it.
func response(t testing.TB, lines ...int) (encoded []byte, want counts) {
	t.Helper()
	message := &pb.WatchEventsResponse{
		Cursor:           &pb.Cursor{Epoch: eventUID, Sequence: 1 << 40},
		Gap:              &pb.Gap{First: 5, Last: 11},
		Tasks:            []*pb.Task{{Name: "a"}, {}},
		SnapshotComplete: true,
	}
	want.lost = 7
	for i, size := range lines {
		event := newEvent(uint64(i + 1))
		event.Line = string(make([]byte, size))
		message.Events = append(message.Events, event)
		want.events++
		want.bytes += uint64(proto.Size(event))
	}
	encoded, err := proto.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	return encoded, want
}

// cut returns the bytes in buffers that end at the given places.
func cut(data []byte, places ...int) (buffers mem.BufferSlice) {
	from := 0
	for _, to := range append(places, len(data)) {
		buffers = append(buffers, mem.SliceBuffer(data[from:to]))
		from = to
	}
	return buffers
}

// Lengths of one, two and three bytes, and none at all.
var lineSizes = []int{0, 40, 100, 300, 20_000, 1}

func TestEventsAreCountedWhereverBuffersEnd(t *testing.T) {
	data, want := response(t, lineSizes...)
	for place := range len(data) + 1 {
		if got, err := countEvents(cut(data, place)); err != nil || got != want {
			t.Fatalf("cut at %d: got %+v, %v, want %+v", place, got, err, want)
		}
	}
	each := make([]int, len(data)-1)
	for i := range each {
		each[i] = i + 1
	}
	if got, err := countEvents(cut(data, each...)); err != nil || got != want {
		t.Errorf("a buffer for each byte: got %+v, %v, want %+v", got, err, want)
	}
	if got, err := countEvents(cut(data, 0, 0, 3, 3, 3)); err != nil || got != want {
		t.Errorf("with empty buffers: got %+v, %v, want %+v", got, err, want)
	}
	if got, err := countEvents(nil); err != nil || got != (counts{}) {
		t.Errorf("no buffer: got %+v, %v", got, err)
	}
}

func TestAnEmptyEventCounts(t *testing.T) {
	data, err := proto.Marshal(&pb.WatchEventsResponse{Events: []*pb.Event{{}, {Sequence: 1}, {}}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := countEvents(cut(data)); err != nil || got != (counts{events: 3, bytes: 2}) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestABrokenMessageIsAnError(t *testing.T) {
	whole, _ := response(t, 10)
	for name, data := range map[string][]byte{
		"an event that ends early":    whole[:20],
		"a length that is not there":  {0x0a},
		"a length without its end":    {0x0a, 0x80, 0x80},
		"a number of 11 bytes":        {0x28, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
		"a number of more than 64bit": {0x28, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2},
		"field 0":                     {0x00, 0x01},
		"a group":                     {0x0b, 0x0c},
		"no wire type":                {0x0f},
		"a gap that ends early":       {0x1a, 0x05, 0x08},
		"a gap that is none":          {0x1a, 0x01, 0x08},
		"a fixed32 that ends early":   {0x3d, 1, 2, 3},
		"a fixed64 that ends early":   {0x39, 1, 2, 3},
	} {
		if got, err := countEvents(cut(data, len(data)/2)); err == nil || got != (counts{}) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

// FuzzCountEvents compares the counter, on buffers cut by chance, with the library on the whole message.
func FuzzCountEvents(f *testing.F) {
	data, _ := response(f, lineSizes...)
	f.Add(data, uint64(1))
	small, _ := response(f, 3)
	f.Add(small, uint64(2))
	f.Add([]byte{0x0a, 0x00, 0x0a, 0x80, 0x00}, uint64(3))
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 0))
		var places []int
		for range r.IntN(5) {
			places = append(places, r.IntN(len(data)+1))
		}
		slices.Sort(places)
		want, wantErr := countByLibrary(data)
		got, err := countEvents(cut(data, places...))
		if got != want || (err == nil) != (wantErr == nil) {
			t.Errorf("cut at %v: got %+v, %v, want %+v, %v", places, got, err, want, wantErr)
		}
	})
}

var errGroup = errors.New("groups are not read")

func countByLibrary(data []byte) (c counts, err error) {
	for len(data) > 0 {
		number, kind, head := protowire.ConsumeTag(data)
		if head < 0 {
			return counts{}, protowire.ParseError(head)
		}
		if kind == protowire.StartGroupType || kind == protowire.EndGroupType {
			return counts{}, errGroup
		}
		size := protowire.ConsumeFieldValue(number, kind, data[head:])
		if size < 0 {
			return counts{}, protowire.ParseError(size)
		}
		if kind == protowire.BytesType {
			content, _ := protowire.ConsumeBytes(data[head:])
			switch number {
			case eventsField:
				c.events++
				c.bytes += uint64(len(content))
			case gapField:
				var gap pb.Gap
				if err := proto.Unmarshal(content, &gap); err != nil {
					return counts{}, err
				}
				c.lost += lostIn(&gap)
			}
		}
		data = data[head+size:]
	}
	return c, nil
}

func TestLostInAGap(t *testing.T) {
	for _, tt := range []struct {
		gap  *pb.Gap
		want uint64
	}{
		{nil, 0},
		{&pb.Gap{First: 3, Last: 3}, 1},
		{&pb.Gap{First: 3, Last: 10}, 8},
		{&pb.Gap{First: 3, Last: 2}, 0},
	} {
		if got := lostIn(tt.gap); got != tt.want {
			t.Errorf("%v: got %d, want %d", tt.gap, got, tt.want)
		}
	}
}

func TestTimesOfEvents(t *testing.T) {
	message := &pb.WatchEventsResponse{
		Events: []*pb.Event{
			newEvent(1), newEvent(2),
			{Time: &timestamppb.Timestamp{Seconds: -2, Nanos: 999_999_999}}, {Time: &timestamppb.Timestamp{Nanos: 7}}, {Sequence: 1},
		},
		Cursor: &pb.Cursor{Epoch: eventUID, Sequence: 2},
	}
	data, err := proto.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	var got []int64
	if err := eachEventTime(data, func(at int64) { got = append(got, at) }); err != nil {
		t.Fatal(err)
	}
	want := []int64{message.Events[0].Time.AsTime().UnixNano(), message.Events[1].Time.AsTime().UnixNano(), -1_000_000_001, 7, 0}
	if !slices.Equal(got, want) {
		t.Errorf("got %d, want %d", got, want)
	}
}

func TestTimesOfABrokenMessageAreAnError(t *testing.T) {
	for _, data := range [][]byte{{0x0a}, {0x0a, 0x02, 0x12}, {0x0a, 0x02, 0x12, 0x05}, {0x0a, 0x03, 0x12, 0x01, 0x08}, {0x07}} {
		if err := eachEventTime(data, func(int64) {}); err == nil {
			t.Errorf("%x: no error", data)
		}
	}
}

// BenchmarkCountEvents measures the raw client: it must cost next to nothing beside what it measures.
func BenchmarkCountEvents(b *testing.B) {
	data, events, err := blastMessage()
	if err != nil {
		b.Fatal(err)
	}
	message := cut(data, 16<<10, 32<<10, 48<<10)
	for b.Loop() {
		if c, err := countEvents(message); err != nil || c.events != events {
			b.Fatal(c, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(events), "ns/event")
}
