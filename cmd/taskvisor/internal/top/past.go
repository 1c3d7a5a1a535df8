package top

import (
	"context"
	"errors"
	"time"

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

// recallBeat is how soon the server says how far it has come with events of which the filter leaves out the last.
const recallBeat = 100 * time.Millisecond

// read reads it. It ends early where there is nothing to read any more.
func (p *past) read(ctx context.Context, c *client.Client, filter *pb.EventFilter) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var broken error
	req := &pb.WatchEventsRequest{Filter: filter, Start: pb.WatchStart_WATCH_START_OLDEST}
	opts := []client.WatchOption{client.WithPositions(), client.Heartbeat(recallBeat), client.OnReconnect(func(r client.Reconnect) {
		broken = r.Err // then it is not worth the wait
		cancel()
	})}
	for u, err := range c.Watch(ctx, req, opts...) {
		cursor := u.Cursor()
		switch {
		case err != nil:
			return errors.Join(broken, ignoreCanceled(err))
		case cursor.GetEpoch() != p.end.GetEpoch():
			return nil
		case u.Kind == client.UpdateEvent && cursor.GetSequence() <= p.end.GetSequence():
			p.add(u.Event)
		}
		if cursor.GetSequence() >= p.end.GetSequence() {
			return nil
		}
	}
	return nil
}

func ignoreCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
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
