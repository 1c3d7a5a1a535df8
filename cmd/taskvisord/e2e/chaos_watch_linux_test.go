//go:build e2e

package e2e

import (
	"context"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// watch reads a stream of all events for a while, stops reading for another while, leaves, and resumes where it was. Every sequence has to
// come once, or to be told as lost.
func (a *chaosCaller) watch(ctx context.Context) {
	r := &pb.WatchEventsRequest{Start: pb.WatchStart(a.random.IntN(4)), HeartbeatInterval: durationpb.New(100 * time.Millisecond)}
	cursor := a.watchFor(ctx, r, 1+a.random.IntN(10))
	if cursor == nil || a.t.Failed() {
		return
	}
	if a.random.IntN(3) == 0 {
		a.cut = true
		a.wires.breakOff()
	}
	a.counts.resumes++
	a.watchFor(ctx, &pb.WatchEventsRequest{Resume: cursor, HeartbeatInterval: r.GetHeartbeatInterval()}, 1+a.random.IntN(10))
}

// watchFor reads so many messages, and returns the cursor behind them; nil when the stream has ended before.
func (a *chaosCaller) watchFor(ctx context.Context, r *pb.WatchEventsRequest, messages int) (cursor *pb.Cursor) {
	ctx, cancel := context.WithTimeout(ctx, chaosHang)
	defer cancel()
	a.counts.streams++
	stream, err := a.tasks.WatchEvents(ctx, r)
	for n := 0; err == nil && n < messages; n++ {
		if a.random.IntN(10) == 0 {
			stall(ctx, a.random)
		}
		var message *pb.WatchEventsResponse
		if message, err = stream.Recv(); err != nil {
			break
		}
		a.cut = false
		a.follow(max(cursor.GetSequence(), r.GetResume().GetSequence()), message, r.GetStart() == pb.WatchStart_WATCH_START_SNAPSHOT)
		if message.GetCursor() != nil {
			cursor = message.GetCursor()
		}
	}
	if err == nil {
		a.leave(stream, cancel)
		return cursor
	}
	if status.Code(err) == codes.DeadlineExceeded && reasonOf(err) == "" {
		a.t.Errorf("caller %d: a stream hangs", a.number)
	}
	a.judge(r, err, "CURSOR_EXPIRED", "STREAM_LIMIT")
	return nil
}

// leave ends the stream, and waits for its end.
func (a *chaosCaller) leave(stream grpc.ServerStreamingClient[pb.WatchEventsResponse], cancel context.CancelFunc) {
	cancel()
	for {
		if _, err := stream.Recv(); err != nil {
			return
		}
	}
}

// follow checks that a message continues what came before; after is 0 when nothing has. After a snapshot, events are left out that it includes.
func (a *chaosCaller) follow(after uint64, m *pb.WatchEventsResponse, snapshot bool) {
	if gap := m.GetGap(); gap != nil {
		if after != 0 && gap.GetFirst() != after+1 {
			a.t.Errorf("caller %d: after %d come %d to %d as lost", a.number, after, gap.GetFirst(), gap.GetLast())
		}
		after = gap.GetLast()
		a.counts.lost += int(gap.GetLast() - gap.GetFirst() + 1)
	}
	for _, e := range m.GetEvents() {
		if next := e.GetSequence(); after != 0 && next != after+1 && (!snapshot || next <= after) {
			a.t.Errorf("caller %d: after %d comes %v", a.number, after, e)
			return
		}
		after = e.GetSequence()
	}
	a.counts.events += len(m.GetEvents())
}

// stall waits: nobody reads the stream meanwhile.
func stall(ctx context.Context, random *rand.Rand) {
	pause(ctx, time.Duration(random.IntN(500))*time.Millisecond)
}

// pause waits, and reports whether ctx is not done.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (a *chaosCaller) watchInvalid(ctx context.Context) {
	for _, r := range []*pb.WatchEventsRequest{
		{Start: 99}, {HeartbeatInterval: durationpb.New(time.Millisecond)}, {Filter: &pb.EventFilter{Names: make([]string, 101)}},
		{Start: pb.WatchStart_WATCH_START_OLDEST, Resume: &pb.Cursor{Epoch: "x", Sequence: 1}},
	} {
		err := a.call(ctx, func(ctx context.Context) error {
			stream, err := a.tasks.WatchEvents(ctx, r)
			if err == nil {
				_, err = stream.Recv()
			}
			return err
		})
		a.judge(r, err, "INVALID_FIELD")
	}
}
