package cli

import (
	"context"
	"errors"
	"time"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// replayBeat is how soon the server says how far it has come with a replay whose filter leaves out what comes last.
const replayBeat = 100 * time.Millisecond

// replay tells what the log has, from its oldest event, or a cursor, up to what is its end when it begins, which it returns.
func replay(ctx context.Context, c *client.Client, req *pb.WatchEventsRequest, tell func(client.Update) error) (end *pb.Cursor, err error) {
	if end, err = c.Cursor(ctx); err != nil {
		return nil, err
	}
	return end, replayTo(ctx, c, req, end, tell)
}

func replayTo(ctx context.Context, c *client.Client, req *pb.WatchEventsRequest, end *pb.Cursor, tell func(client.Update) error) error {
	if end.GetSequence() == 0 {
		return nil // nothing has happened yet
	}
	if resume := req.GetResume(); resume == nil {
		req.Start = pb.WatchStart_WATCH_START_OLDEST
	} else if resume.GetEpoch() == end.GetEpoch() && resume.GetSequence() >= end.GetSequence() {
		return nil
	}
	opts := []client.WatchOption{client.WithPositions(), client.Heartbeat(replayBeat)}
	for u, err := range c.Watch(ctx, req, opts...) {
		if err != nil {
			return err
		}
		cursor := u.Cursor()
		if cursor.GetEpoch() != end.GetEpoch() && u.Kind != client.UpdateEpoch {
			return errors.New("the server was started anew meanwhile; try again")
		}
		past := cursor.GetSequence() > end.GetSequence()
		if !past && u.Kind != client.UpdatePosition {
			if err := tell(u); err != nil {
				return err
			}
		}
		if past || cursor.GetSequence() >= end.GetSequence() {
			return nil
		}
	}
	return nil
}

// asked looks into the log for who asked. That is a courtesy: where the log cannot be read, the task is described without it.
func (a *app) asked(ctx context.Context, c *client.Client, t *pb.Task) (who asked) {
	req := &pb.WatchEventsRequest{Filter: &pb.EventFilter{Uids: []string{t.GetUid()}, Kinds: []pb.EventKind{
		pb.EventKind_EVENT_KIND_TASK_ADD_REQUESTED, pb.EventKind_EVENT_KIND_TASK_REMOVE_REQUESTED,
	}}}
	ctx, cancel := context.WithTimeout(ctx, askedTimeout)
	defer cancel()
	_, _ = replay(ctx, c, req, func(u client.Update) error { // see above
		switch u.Event.GetKind() { //nolint:exhaustive // the filter has no others
		case pb.EventKind_EVENT_KIND_TASK_ADD_REQUESTED:
			who.toAdd = u.Event
		case pb.EventKind_EVENT_KIND_TASK_REMOVE_REQUESTED:
			who.toRemove = u.Event
		}
		return nil
	})
	if t.GetState() == pb.TaskState_TASK_STATE_QUEUED {
		who.owner = ownerOfSlot(ctx, c, t.GetSlot())
	}
	return who
}

// ownerOfSlot returns the name of the task that others wait for, "" if it cannot be found.
func ownerOfSlot(ctx context.Context, c *client.Client, slot string) string {
	for t, err := range c.List(ctx, &pb.ListTasksRequest{PageSize: listPage}) {
		if err != nil {
			return ""
		}
		if t.GetSlot() == slot && t.GetState() != pb.TaskState_TASK_STATE_QUEUED {
			return t.GetName()
		}
	}
	return ""
}

// askedTimeout is how long a person is ready to wait for a courtesy.
const askedTimeout = 2 * time.Second
