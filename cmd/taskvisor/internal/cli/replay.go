package cli

import (
	"context"
	"time"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// replay tells what the log has, from its oldest event, or a cursor, up to what is its end when it begins, which it returns.
func (a *app) replay(ctx context.Context, c *client.Client, req *pb.WatchEventsRequest, tell func(client.Update) error) (end *pb.Cursor, err error) {
	for u, err := range c.Replay(ctx, req, a.reconnects(ctx)) {
		if err == nil {
			end, err = u.Cursor(), tell(u)
		}
		if err != nil {
			return nil, err
		}
	}
	return end, nil
}

// asked looks into the log for who asked. That is a courtesy: where the log cannot be read, the task is described without it.
func (a *app) asked(ctx context.Context, c *client.Client, t *pb.Task) (who asked) {
	req := &pb.WatchEventsRequest{Filter: &pb.EventFilter{Uids: []string{t.GetUid()}, Kinds: []pb.EventKind{
		pb.EventKind_EVENT_KIND_TASK_ADD_REQUESTED, pb.EventKind_EVENT_KIND_TASK_REMOVE_REQUESTED,
	}}}
	ctx, cancel := context.WithTimeout(ctx, askedTimeout)
	defer cancel()
	for u, err := range c.Replay(ctx, req) {
		if err != nil {
			break // see above
		}
		switch u.Event.GetKind() { //nolint:exhaustive // the filter has no others
		case pb.EventKind_EVENT_KIND_TASK_ADD_REQUESTED:
			who.toAdd = u.Event
		case pb.EventKind_EVENT_KIND_TASK_REMOVE_REQUESTED:
			who.toRemove = u.Event
		}
	}
	if t.GetState() == pb.TaskState_TASK_STATE_QUEUED {
		who.owner, who.others = slotMates(ctx, c, t)
	}
	return who
}

// slotMates returns the name of the task that owns the slot for which another is queued, "" if it cannot be found, and how many others are queued.
func slotMates(ctx context.Context, c *client.Client, of *pb.Task) (owner string, others uint64) {
	for t, err := range c.List(ctx, &pb.ListTasksRequest{PageSize: listPage}) {
		switch {
		case err != nil:
			return "", 0
		case t.GetSlot() != of.GetSlot() || t.GetUid() == of.GetUid():
		case t.GetState() == pb.TaskState_TASK_STATE_QUEUED:
			others++
		default:
			owner = t.GetName()
		}
	}
	return owner, others
}

// askedTimeout is how long a person is ready to wait for a courtesy.
const askedTimeout = 2 * time.Second
