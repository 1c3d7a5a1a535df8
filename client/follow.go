package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"google.golang.org/grpc/codes"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// ChangeKind says what a Change tells.
type ChangeKind uint8

// Kinds of changes, with the fields of Change that each sets.
const (
	// ChangeSynced: the view was filled from a snapshot: at the beginning, and after each loss.
	ChangeSynced ChangeKind = iota + 1
	// ChangeEvent: Event happened. Before and After are its task in the view; nil for an event about no task, or about one that was not, or is
	// no longer, in the view. After an event that ends the life, After is the finished task, which is not in the view any more.
	ChangeEvent
	// ChangeRefreshed: a list knew more about a task than the events had told. Sets Before and After.
	ChangeRefreshed
	// ChangeGap: events were lost, those of Gap. The view is not synced; ChangeSynced follows as soon as may be.
	ChangeGap
	// ChangeEpoch: the server was started anew; see Epoch. The view is not synced; ChangeSynced follows as soon as may be.
	ChangeEpoch
)

// Change is one thing that Follow tells, with the view as it is then.
type Change struct {
	Kind   ChangeKind
	View   *View
	Event  *pb.Event
	Before *pb.Task
	After  *pb.Task
	Gap    *pb.Gap
	Epoch  Epoch

	update Update
}

// Cursor is how far the events have been followed; nil before the first ChangeSynced.
func (c Change) Cursor() *pb.Cursor { return c.update.Cursor() }

// Lost reports whether events were lost before this change.
func (c Change) Lost() bool { return c.update.Lost() }

// Follow keeps a view of the live tasks that the filter selects, nil for all, and tells each change to it, in the order in which they happened: first a
// snapshot, then what events do to it, and what a list knows better. After a loss, it takes another snapshot. It goes on across disconnects and
// ends as Watch does.
//
// What events tell is in the view with the event. What they do not tell comes by ListTasks: the spec of a new task before its first change
// is told, all else with the next heartbeat, which comes when nothing else has come for a while. See "The view of Follow" in the documentation of the package
// for what that means for each field. The filter must not have kinds, for the view needs all.
func (c *Client) Follow(ctx context.Context, filter *pb.EventFilter, opts ...WatchOption) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		if kinds := filter.GetKinds(); len(kinds) > 0 {
			yield(Change{}, refusal(codes.InvalidArgument, pb.ErrorReason_ERROR_REASON_INVALID_FIELD, nil,
				fmt.Sprintf("filter.kinds: %s alone cannot keep a view exact; leave kinds out, and select events in the loop", kinds)))
			return
		}
		o := collectWatch(opts)
		o.snapshot, o.positions = true, true
		w := newWatcher(c, &pb.WatchEventsRequest{Filter: filter, Start: pb.WatchStart_WATCH_START_SNAPSHOT}, o)
		w.sink = &follower{client: c, yield: yield, view: &View{tasks: newIndex()}}
		if err := w.run(ctx); !errors.Is(err, errLeft) {
			yield(Change{}, err)
		}
	}
}

// follower keeps a view by what a watcher tells.
type follower struct {
	client  *Client
	yield   func(Change, error) bool
	view    *View
	next    index    // of the snapshot that is being sent
	pending []Update // of the message
}

// update waits for the rest of the message: the specs of all its new tasks are fetched at once.
func (f *follower) update(u Update) bool {
	f.pending = append(f.pending, u)
	return true
}

// flush tells the changes of the message. What could not be told, because the server did not answer, is told after the next one.
func (f *follower) flush(ctx context.Context) error {
	fetched, err := f.fetchBeginnings(ctx)
	if err != nil {
		return err
	}
	for len(f.pending) > 0 {
		u := f.pending[0]
		f.pending = f.pending[1:]
		if err := f.take(ctx, u, fetched); err != nil {
			return err
		}
	}
	f.pending = nil
	return nil
}

// fetchBeginnings lists the tasks whose life begins in this message, finished ones included: a life may be short.
func (f *follower) fetchBeginnings(ctx context.Context) (map[string]*pb.Task, error) {
	var uids []string
	for _, u := range f.pending {
		if begins(u.Event) && !f.view.knows(u.Event.GetUid()) {
			uids = append(uids, u.Event.GetUid())
		}
	}
	fetched := make(map[string]*pb.Task, len(uids))
	err := f.client.listUIDs(ctx, uids, true, func(t *pb.Task) bool {
		fetched[t.GetUid()] = t
		return true
	})
	return fetched, err
}

func (f *follower) take(ctx context.Context, u Update, fetched map[string]*pb.Task) error {
	switch u.Kind {
	case UpdateSnapshot:
		f.next = newIndex()
	case UpdateTask:
		f.next.put(u.Task)
	case UpdateSynced:
		f.view.replace(f.next)
		return f.tell(u, Change{Kind: ChangeSynced})
	case UpdateEvent:
		return f.takeEvent(u, fetched[u.Event.GetUid()])
	case UpdateGap:
		f.view.lose()
		return f.tell(u, Change{Kind: ChangeGap, Gap: u.Gap})
	case UpdateEpoch:
		f.view.lose()
		return f.tell(u, Change{Kind: ChangeEpoch, Epoch: u.Epoch})
	case UpdatePosition:
		return f.refresh(ctx, u)
	}
	return nil
}

func (f *follower) takeEvent(u Update, fetched *pb.Task) error {
	if u.Event.GetKind() == pb.EventKind_EVENT_KIND_SHUTDOWN_REQUESTED {
		f.view.shutDown(u.Event)
	}
	before, after := f.view.apply(u.Event, fetched)
	return f.tell(u, Change{Kind: ChangeEvent, Event: u.Event, Before: before, After: after})
}

// refresh asks a list about the tasks that it may know better. Nothing else is going on, or this would not be a heartbeat.
func (f *follower) refresh(ctx context.Context, u Update) error {
	var told error
	err := f.client.listUIDs(ctx, f.view.unsure(time.Now()), false, func(t *pb.Task) bool {
		if before, after, changed := f.view.refine(t); changed {
			told = f.tell(u, Change{Kind: ChangeRefreshed, Before: before, After: after})
		}
		return told == nil
	})
	if told != nil {
		return told
	}
	return err
}

func (f *follower) tell(u Update, c Change) error {
	c.View, c.update = f.view, u
	if !f.yield(c, nil) {
		return errLeft
	}
	return nil
}

// maxFilterItems is how many uids a filter may have.
const maxFilterItems = 100

// listUIDs calls each with those of the tasks that the server has, until it returns false.
func (c *Client) listUIDs(ctx context.Context, uids []string, finished bool, each func(*pb.Task) bool) error {
	for chunk := range slices.Chunk(uids, maxFilterItems) {
		req := &pb.ListTasksRequest{Filter: &pb.TaskFilter{Uids: chunk}, IncludeFinished: finished, PageSize: maxFilterItems}
		for task, err := range c.List(ctx, req) {
			if err != nil {
				return err
			}
			if !each(task) {
				return nil
			}
		}
	}
	return nil
}
