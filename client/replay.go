package client

import (
	"context"
	"iter"
	"time"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// replayHeartbeat is how soon the server says how far it has come with a replay whose filter leaves out what comes last.
const replayHeartbeat = 100 * time.Millisecond

// Replay returns what has happened, and ends: all that the server still has, from the oldest event on, or from what comes strictly after
// req.Resume, up to what is the end of its log when the loop begins. req.Start does not count. A nil request asks for all events.
//
// A loop that comes to its end without an error has all of it. The last update is then an UpdatePosition, whose cursor is where a Watch goes on
// without a gap and without an event that comes twice. What is lost is told as Watch does. A server that is started anew meanwhile is an UpdateEpoch,
// and the replay goes on to what is the end of the new log then.
//
// A server that cannot be reached at all is an error at first. Later on it is waited for as Watch does, with the same options.
func (c *Client) Replay(ctx context.Context, req *pb.WatchEventsRequest, opts ...WatchOption) iter.Seq2[Update, error] {
	return func(yield func(Update, error) bool) {
		end, err := c.Cursor(ctx)
		if err != nil {
			yield(Update{}, err)
			return
		}
		r := &replay{client: c, yield: yield, end: end}
		if r.isEmpty(req.GetResume()) {
			r.tellEnd()
			return
		}
		req = clone(req)
		req.Start = pb.WatchStart_WATCH_START_UNSPECIFIED
		if req.GetResume() == nil {
			req.Start = pb.WatchStart_WATCH_START_OLDEST
		}
		for u, err := range c.Watch(ctx, req, append([]WatchOption{Heartbeat(replayHeartbeat), WithPositions()}, opts...)...) {
			if !r.take(ctx, u, err) {
				return
			}
		}
	}
}

// replay is a watch up to an end. It belongs to the goroutine of the loop.
type replay struct {
	client *Client
	yield  func(Update, error) bool
	end    *pb.Cursor
}

// isEmpty reports that there is nothing to tell: nothing has happened yet, or not since.
func (r *replay) isEmpty(resume *pb.Cursor) bool {
	if resume == nil {
		return r.end.GetSequence() == 0
	}
	return resume.GetEpoch() == r.end.GetEpoch() && resume.GetSequence() == r.end.GetSequence()
}

// take passes on what belongs to the replay, and reports whether there may be more of it.
func (r *replay) take(ctx context.Context, u Update, err error) (more bool) {
	if err == nil && u.Kind == UpdateEpoch && u.Epoch.Current != r.end.GetEpoch() {
		r.end, err = r.client.Cursor(ctx)
	}
	if err != nil {
		r.yield(Update{}, err)
		return false
	}
	isPast := u.epoch == r.end.GetEpoch() && u.sequence > r.end.GetSequence()
	isPart := !isPast || u.Kind == UpdateGap && u.Gap.GetFirst() <= r.end.GetSequence()
	if isPart && u.Kind != UpdatePosition && !r.yield(u, nil) {
		return false
	}
	if u.epoch != r.end.GetEpoch() || u.sequence < r.end.GetSequence() {
		return true
	}
	if isPart && isPast { // a gap that goes beyond the end: it has been told, so this is where to go on
		r.end = u.Cursor()
	}
	r.tellEnd()
	return false
}

func (r *replay) tellEnd() {
	r.yield(Update{Kind: UpdatePosition, epoch: r.end.GetEpoch(), sequence: r.end.GetSequence()}, nil)
}
