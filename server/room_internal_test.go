package server

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// The room that is taken is what the message then has, to the byte.
func TestRoomCountsWhatIsEncoded(t *testing.T) {
	const size = 1000
	msg, r := &pb.WatchEventsResponse{}, newRoom(size)
	for i := 0; ; i++ {
		e := &pb.Event{Sequence: uint64(i), Line: strings.Repeat("x", i*7%150)}
		if !r.take(e) {
			break
		}
		msg.Events = append(msg.Events, e)
		if used := size - r.left; used != proto.Size(msg) {
			t.Fatalf("%d events: %d bytes are counted, %d encoded", len(msg.GetEvents()), used, proto.Size(msg))
		}
	}
	if len(msg.GetEvents()) < 5 || proto.Size(msg) > size {
		t.Errorf("%d events of %d bytes", len(msg.GetEvents()), proto.Size(msg))
	}
}

// A message of maxMessageSize with the longest cursor and gap still fits into a frame with the header of gRPC.
func TestAMessageFitsIntoAFrame(t *testing.T) {
	const most = 1<<64 - 1
	position := &pb.WatchEventsResponse{
		Cursor: &pb.Cursor{Epoch: "00dc6acf-ac00-7001-9b37-9104bbd08f17", Sequence: most}, Gap: &pb.Gap{First: most, Last: most},
	}
	if size := proto.Size(position); size > maxPositionSize || 5+size+maxMessageSize > 16<<10 {
		t.Errorf("cursor and gap need %d bytes", size)
	}
}

// What is larger than the room for all is sent alone.
func TestRoomTakesTheFirstWhateverItsSize(t *testing.T) {
	r := newRoom(10)
	large := &pb.Event{Line: strings.Repeat("x", 100)}
	if !r.take(large) || r.take(&pb.Event{}) {
		t.Error("the first must fit, and nothing after it")
	}
}
