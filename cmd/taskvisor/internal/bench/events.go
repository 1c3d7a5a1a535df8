package bench

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// eventUID stands for the uid of a task in events that no engine made.
const eventUID = "01a20b48-6bdb-75bd-a41b-438ab349ad54"

// newEvent returns an event as taskvisor would send it.
func newEvent(sequence uint64) *pb.Event {
	return &pb.Event{
		Sequence: sequence,
		Time:     timestamppb.New(time.Now()),
		Kind:     pb.EventKind_EVENT_KIND_TASK_OUTPUT,
		Task:     taskNames[(sequence+1)%uint64(len(taskNames))], // the first one has sequence 1
		Uid:      eventUID,
		Attempt:  1,
		Stream:   pb.OutputStream_OUTPUT_STREAM_STDOUT,
		Line:     eventLine,
	}
}
