package client

import pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"

// listed is what the tasks of a snapshot, or of a list, have told of events that are yet to come. The server knows that for as long as the
// stream of the snapshot lasts; whoever resumes on another stream has to know it, or these events come twice. The zero value is empty.
type listed struct {
	sequences map[string]uint64 // uid → the last event that the task shows
	last      uint64            // the largest of them
}

// add notes a task.
func (l *listed) add(task *pb.Task) {
	if l.sequences == nil {
		l.sequences = map[string]uint64{}
	}
	l.sequences[task.GetUid()] = task.GetSequence()
	l.last = max(l.last, task.GetSequence())
}

// settle forgets what events up to the cursor have told: those do not come any more.
func (l *listed) settle(cursor uint64) {
	if l.last <= cursor {
		*l = listed{}
		return
	}
	for uid, sequence := range l.sequences {
		if sequence <= cursor {
			delete(l.sequences, uid)
		}
	}
}

// has reports whether a task shows the event already. Events are to be asked about in their order.
func (l *listed) has(e *pb.Event) bool {
	if e.GetSequence() > l.last {
		*l = listed{}
		return false
	}
	if e.GetKind() == pb.EventKind_EVENT_KIND_TASK_OUTPUT {
		return false // no task shows its output
	}
	return e.GetUid() != "" && e.GetSequence() <= l.sequences[e.GetUid()]
}
