package client

import (
	"fmt"
	"strings"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// UpdateKind says what an Update tells.
type UpdateKind uint8

// Kinds of updates, with the field of Update that each sets.
const (
	// UpdateEvent: Event happened.
	UpdateEvent UpdateKind = iota + 1
	// UpdateGap: the events of Gap were lost: the server had dropped them before they could be delivered.
	UpdateGap
	// UpdateEpoch: the server has another event log, which is in Epoch: it was started anew. Its tasks are other lives.
	UpdateEpoch
	// UpdateSnapshot: a snapshot begins. What was known of tasks before, an unfinished snapshot included, is void.
	UpdateSnapshot
	// UpdateTask: Task is part of the snapshot.
	UpdateTask
	// UpdateSynced: the snapshot is complete. Events follow.
	UpdateSynced
	// UpdatePosition: nothing happened that the watch wants to know, up to Cursor. Only WithPositions.
	UpdatePosition
)

// Update is one thing that Watch tells. It is a value and may be kept; the messages in it must not be changed.
type Update struct {
	Kind  UpdateKind
	Event *pb.Event // of UpdateEvent
	Gap   *pb.Gap   // of UpdateGap
	Epoch Epoch     // of UpdateEpoch
	Task  *pb.Task  // of UpdateTask

	// The cursor, as parts, so that an update costs no allocation.
	epoch    string
	sequence uint64
}

// Epoch tells of a change of the event log.
type Epoch struct {
	// Previous is how far the log before was read.
	Previous *pb.Cursor
	// Current identifies the log that is read now.
	Current string
	// Complete says that the log before was read to its end, ALL_STOPPED_WITHIN_GRACE: nothing was lost. Otherwise what happened after
	// Previous, if anything did, is lost; how much that was, nobody knows. A watch whose filter leaves that event out never knows.
	Complete bool
}

// Cursor is where another Watch can resume so that it gets what comes strictly after this update. It is nil inside a snapshot, which has to be taken
// from its beginning.
func (u Update) Cursor() *pb.Cursor {
	if u.epoch == "" {
		return nil
	}
	return &pb.Cursor{Epoch: u.epoch, Sequence: u.sequence}
}

// Lost reports whether events were lost to this watch: a gap, or a change of the log before its end was read.
func (u Update) Lost() bool {
	return u.Kind == UpdateGap || u.Kind == UpdateEpoch && !u.Epoch.Complete
}

// String describes the update in a line, for logs and people. The text may change at any time.
func (u Update) String() string {
	switch u.Kind {
	case UpdateEvent:
		return describeEvent(u.Event)
	case UpdateGap:
		return fmt.Sprintf("%d events lost, %d to %d", u.Gap.GetLast()-u.Gap.GetFirst()+1, u.Gap.GetFirst(), u.Gap.GetLast())
	case UpdateEpoch:
		return u.Epoch.String()
	case UpdateSnapshot:
		return "snapshot"
	case UpdateTask:
		return fmt.Sprintf("%s is %s", u.Task.GetName(), strings.TrimPrefix(u.Task.GetState().String(), "TASK_STATE_"))
	case UpdateSynced:
		return "snapshot complete"
	case UpdatePosition:
		return fmt.Sprintf("at %d", u.sequence)
	}
	return fmt.Sprintf("UpdateKind(%d)", u.Kind)
}

// String says in words what the change means.
func (e Epoch) String() string {
	if e.Complete {
		return fmt.Sprintf("the server was started anew, after its last event %d", e.Previous.GetSequence())
	}
	return fmt.Sprintf("the server was started anew; what it did after event %d is lost", e.Previous.GetSequence())
}

// describeEvent names the event and its task, and says why, if it tells.
func describeEvent(e *pb.Event) string {
	words := []string{fmt.Sprint(e.GetSequence())}
	if e.GetTask() != "" {
		words = append(words, e.GetTask())
	}
	words = append(words, strings.TrimPrefix(e.GetKind().String(), "EVENT_KIND_"))
	if e.GetOutcome() != pb.Outcome_OUTCOME_UNSPECIFIED {
		words = append(words, strings.TrimPrefix(e.GetOutcome().String(), "OUTCOME_"))
	}
	line := strings.Join(words, " ")
	switch {
	case e.GetReason() != "":
		line += ": " + e.GetReason()
	case e.GetLine() != "":
		line += ": " + e.GetLine()
	}
	return line
}
