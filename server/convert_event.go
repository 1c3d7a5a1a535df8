package server

import (
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
)

// eventToWire returns the event as it is sent. The engine leaves the fields zero that its table does not list for the kind; a duration,
// which may be zero and still be meant, is sent if the table lists it.
func eventToWire(e *supervisor.Event) *pb.Event {
	fields, _ := supervisor.KindFields(e.Kind)
	return &pb.Event{
		Sequence:      e.Sequence,
		Time:          timestamppb.New(e.Time),
		Kind:          toWire(wireKinds[:], e.Kind),
		Task:          validText(e.Task),
		Uid:           e.UID.String(),
		Attempt:       e.Attempt,
		Duration:      durationIf(fields.Has(supervisor.FieldDuration), e.Duration),
		Reason:        validText(e.Reason),
		ExitCode:      exitCodeIf(e.HasExitCode, e.ExitCode),
		Timeout:       durationIf(fields.Has(supervisor.FieldTimeout), e.Timeout),
		Delay:         durationIf(fields.Has(supervisor.FieldDelay), e.Delay),
		BackoffSource: toWire(wireSources[:], e.Source),
		Outcome:       toWire(wireOutcomes[:], e.Outcome),
		Slot:          validText(e.Slot),

		Rejection:         toWire(wireRejections[:], e.Rejection),
		PreviousSlotState: toWire(wireSlotStates[:], e.PreviousSlotState),
		SlotState:         toWire(wireSlotStates[:], e.SlotState),
		QueueDepth:        uint32(e.Depth),
		Subscriber:        validText(e.Subscriber),
		LostCount:         e.Lost,
		Stream:            toWire(wireStreams[:], e.Stream),
		Line:              validText(e.Line),

		Principal: "", // the engine has no principals yet
	}
}

func cursorToWire(c supervisor.Cursor) *pb.Cursor {
	return &pb.Cursor{Epoch: c.Epoch, Sequence: c.Sequence}
}

// gapToWire returns nil for a gap in which nothing was lost.
func gapToWire(g supervisor.Gap) *pb.Gap {
	if g.IsZero() {
		return nil
	}
	return &pb.Gap{First: g.First, Last: g.Last}
}

func durationIf(set bool, d time.Duration) *durationpb.Duration {
	if !set {
		return nil
	}
	return durationpb.New(d)
}

func timeIf(set bool, t time.Time) *timestamppb.Timestamp {
	if !set {
		return nil
	}
	return timestamppb.New(t)
}

func exitCodeIf(set bool, code int32) *int32 {
	if !set {
		return nil
	}
	return &code
}

// validText makes text fit for a string field, which takes nothing but UTF-8. What bodies and programs in this process say may be anything.
func validText(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }
