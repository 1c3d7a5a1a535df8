package server

import (
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
)

// sendSnapshot sends the live tasks that the filter selects. The reader stands where it stood before the first task is looked at, so that no
// event is missed; those that a task shows already are noted, so that none comes twice.
func (w *watch) sendSnapshot() error {
	msg, room := &pb.WatchEventsResponse{}, newRoom(maxMessageSize)
	for snap := range w.tasks {
		w.listed.add(snap, w.reader.Cursor())
		task := taskToWire(snap)
		if !room.take(task) {
			if err := w.sendMessage(msg); err != nil {
				return err
			}
			msg, room = &pb.WatchEventsResponse{}, newRoom(maxMessageSize)
			room.take(task)
		}
		msg.Tasks = append(msg.Tasks, task)
	}
	if len(msg.Tasks) > 0 {
		if err := w.sendMessage(msg); err != nil {
			return err
		}
	}
	return w.sendMessage(&pb.WatchEventsResponse{SnapshotComplete: true, Cursor: cursorToWire(w.reader.Cursor())})
}

// tasks iterates over the tasks that the filter selects. It asks for a page at a time, so that a client who reads slowly, or not at all, does not
// keep all of them in memory.
func (w *watch) tasks(yield func(*supervisor.Snapshot) bool) {
	opts := supervisor.ListOptions{Limit: snapshotPage, UIDs: w.filter.tasks.uids.values(), Names: w.filter.tasks.names.list(), Match: w.filter.tasks.match}
	for {
		page := w.server.sup.List(opts)
		for i := range page {
			if !yield(&page[i]) {
				return
			}
		}
		if len(page) < snapshotPage {
			return
		}
		last := &page[len(page)-1]
		opts.AfterName, opts.AfterUID = last.Spec.Name, last.UID
	}
}

// listed notes what the tasks of a snapshot have told of events that the stream has not read yet. It holds only tasks that changed while
// the snapshot was taken, and only until the stream has passed the last of these changes. The zero value is empty.
type listed struct {
	sequences map[supervisor.UID]uint64 // of the last event that the task shows
	last      uint64                    // the largest of them
}

// add notes a task of the snapshot, if it shows events after the cursor.
func (l *listed) add(snap *supervisor.Snapshot, cursor supervisor.Cursor) {
	if snap.Sequence <= cursor.Sequence {
		return
	}
	if l.sequences == nil {
		l.sequences = map[supervisor.UID]uint64{}
	}
	l.sequences[snap.UID] = snap.Sequence
	l.last = max(l.last, snap.Sequence)
}

// has reports whether a task of the snapshot shows the event with this sequence, which is about the task with this uid. Events are to be asked
// about in their order.
func (l *listed) has(uid supervisor.UID, sequence uint64) bool {
	if l.sequences == nil {
		return false
	}
	if sequence > l.last {
		*l = listed{}
		return false
	}
	shown, ok := l.sequences[uid]
	return ok && sequence <= shown
}
