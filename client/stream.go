package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// errSilent says that nothing came for so long that the connection must be broken, though nobody said so.
var errSilent = errors.New("the stream is silent, though the server sends heartbeats")

// read opens a stream and delivers what comes, until it ends.
func (w *watcher) read(ctx context.Context) error {
	ctx, leave := context.WithCancelCause(ctx)
	defer leave(nil)
	silent := fmt.Errorf("nothing came for %s: %w", w.silence, errSilent)
	alarm := time.AfterFunc(w.silence, func() { leave(silent) })
	defer alarm.Stop()

	req := w.openRequest()
	stream, err := w.client.supervisor.WatchEvents(ctx, req)
	if err != nil {
		return because(ctx, silent, err)
	}
	w.tellConnected(stream)
	for begun := false; ; begun = true {
		alarm.Reset(w.silence)
		msg, err := stream.Recv()
		if err != nil {
			return because(ctx, silent, err)
		}
		alarm.Stop() // what the loop takes its time for is no silence of the server
		w.pause.reset()
		w.expired = 0
		if err := w.deliver(ctx, msg, !begun && req.GetStart() == pb.WatchStart_WATCH_START_SNAPSHOT); err != nil {
			return err
		}
	}
}

// tellConnected waits for the headers, which the server sends at once if it accepts the stream. What it refuses a stream with, Recv returns.
func (w *watcher) tellConnected(stream grpc.ServerStreamingClient[pb.WatchEventsResponse]) {
	if w.options.onConnect == nil {
		return
	}
	if headers, err := stream.Header(); err == nil && headers != nil {
		w.options.onConnect()
	}
}

// because returns what is behind the end of a stream: silence, if that is why it was ended.
func because(ctx context.Context, silent, err error) error {
	if errors.Is(context.Cause(ctx), silent) {
		return silent
	}
	return err
}

// openRequest is the request for the next stream.
func (w *watcher) openRequest() *pb.WatchEventsRequest {
	req := proto.CloneOf(w.request)
	req.Start, req.Resume = w.start, nil
	if w.resume {
		req.Start, req.Resume = pb.WatchStart_WATCH_START_UNSPECIFIED, &pb.Cursor{Epoch: w.epoch, Sequence: w.sequence}
	}
	return req
}

// deliver tells all that a message says, in the order in which it happened.
func (w *watcher) deliver(ctx context.Context, msg *pb.WatchEventsResponse, beginsSnapshot bool) error {
	if beginsSnapshot {
		w.listed = listed{}
	}
	if beginsSnapshot && !w.tell(Update{Kind: UpdateSnapshot}) || !w.tellTasks(msg.GetTasks()) {
		return errLeft
	}
	if msg.GetCursor() == nil { // in the middle of a snapshot
		return w.sink.flush(ctx)
	}
	if !w.tellEpoch(msg) || !w.tellGap(msg.GetGap()) {
		return errLeft
	}
	if msg.GetGap() != nil && w.options.snapshot {
		w.anew()
		return cmp.Or(w.sink.flush(ctx), errAnew)
	}
	if !w.tellSynced(msg) || !w.tellEvents(msg.GetEvents()) || !w.tellPosition(msg) {
		return errLeft
	}
	return w.sink.flush(ctx)
}

func (w *watcher) tellTasks(tasks []*pb.Task) (more bool) {
	for _, task := range tasks {
		w.listed.add(task)
		if !w.tell(Update{Kind: UpdateTask, Task: task}) {
			return false
		}
	}
	return true
}

// tellEpoch notices, at the end of a snapshot, that it is not of the log that was read before.
func (w *watcher) tellEpoch(msg *pb.WatchEventsResponse) (more bool) {
	epoch := msg.GetCursor().GetEpoch()
	if w.epoch == "" {
		w.epoch, w.sequence = epoch, firstSequence(msg)-1
	}
	w.resume = true
	return w.epoch == epoch || w.enter(epoch)
}

// firstSequence is where a log begins for a watch that had none of it: with the first that the message tells of.
func firstSequence(msg *pb.WatchEventsResponse) uint64 {
	switch {
	case msg.GetGap() != nil:
		return msg.GetGap().GetFirst()
	case len(msg.GetEvents()) > 0:
		return msg.GetEvents()[0].GetSequence()
	}
	return msg.GetCursor().GetSequence() + 1
}

func (w *watcher) tellGap(gap *pb.Gap) (more bool) {
	return gap == nil || w.skip(gap.GetFirst(), gap.GetLast())
}

func (w *watcher) tellSynced(msg *pb.WatchEventsResponse) (more bool) {
	if !msg.GetSnapshotComplete() {
		return true
	}
	w.sequence = msg.GetCursor().GetSequence()
	w.listed.settle(w.sequence)
	return w.tell(Update{Kind: UpdateSynced})
}

// tellEvents leaves out what was delivered before. The log has no holes, so that without a filter one in the stream is a fault, of whoever's
// making, and told as the gap that it is; but for events that the tasks of a snapshot show, which the server leaves out.
func (w *watcher) tellEvents(events []*pb.Event) (more bool) {
	for _, e := range events {
		if e.GetSequence() <= w.sequence {
			continue
		}
		if due := max(w.sequence, w.listed.last) + 1; w.request.GetFilter() == nil && e.GetSequence() > due && !w.skip(due, e.GetSequence()-1) {
			return false
		}
		w.sequence = e.GetSequence()
		if w.listed.has(e) {
			continue
		}
		w.complete = e.GetKind() == pb.EventKind_EVENT_KIND_ALL_STOPPED_WITHIN_GRACE
		if !w.tell(Update{Kind: UpdateEvent, Event: e}) {
			return false
		}
	}
	return true
}

// tellPosition moves to the cursor of the message, which is behind what the filter left out.
func (w *watcher) tellPosition(msg *pb.WatchEventsResponse) (more bool) {
	w.sequence = max(w.sequence, msg.GetCursor().GetSequence())
	quiet := len(msg.GetEvents()) == 0 && msg.GetGap() == nil && !msg.GetSnapshotComplete()
	return !quiet || !w.options.positions || w.tell(Update{Kind: UpdatePosition})
}
