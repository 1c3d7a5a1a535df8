package top

import (
	"context"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// past is what the log has up to an end.
type past struct {
	end     *pb.Cursor
	entries []entry
	runs    restartsByID
	failed  map[string]bool // by uid: the last attempt did
}

// read reads it. It ends early where there is nothing to read any more.
func (p *past) read(ctx context.Context, c *client.Client, filter *pb.EventFilter) error {
	for u, err := range c.Replay(ctx, &pb.WatchEventsRequest{Filter: filter}) {
		cursor := u.Cursor()
		switch {
		case err != nil:
			return err
		case cursor.GetEpoch() != p.end.GetEpoch() || cursor.GetSequence() > p.end.GetSequence():
			return nil
		case u.Kind == client.UpdateEvent:
			p.add(u.Event)
		}
	}
	return nil
}

func (p *past) add(e *pb.Event) {
	p.entries = lastOf(append(p.entries, entry{event: e}))
	uid := e.GetUid()
	switch e.GetKind() { //nolint:exhaustive // the others are no restarts
	case pb.EventKind_EVENT_KIND_TASK_STARTING:
		if e.GetAttempt() > 1 {
			p.runs.of(uid).restarted(e.GetTime().AsTime(), p.failed[uid])
		}
	case pb.EventKind_EVENT_KIND_BACKOFF_SCHEDULED:
		p.failed[uid] = e.GetBackoffSource() == pb.BackoffSource_BACKOFF_SOURCE_FAILURE
	case pb.EventKind_EVENT_KIND_TASK_REMOVED:
		delete(p.runs, uid)
		delete(p.failed, uid)
	}
}
