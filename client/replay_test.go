package client_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/servertest"
	"github.com/taskvisor/taskvisor/supervisor"
)

// replayed returns all that a replay tells.
func replayed(t *testing.T, c *client.Client, req *pb.WatchEventsRequest, opts ...client.WatchOption) (told []string, last error) {
	t.Helper()
	for u, err := range c.Replay(t.Context(), req, opts...) {
		if last != nil {
			t.Fatal("a pair after the error")
		}
		if last = err; err == nil {
			told = append(told, brief(u))
		}
	}
	return told, last
}

// ends returns a server whose log ends, one list after another, at the cursors.
func ends(cursors ...*pb.Cursor) func(*pb.ListTasksRequest) (*pb.ListTasksResponse, error) {
	return func(*pb.ListTasksRequest) (*pb.ListTasksResponse, error) {
		if len(cursors) == 0 {
			return nil, status.Error(codes.PermissionDenied, "the script is over")
		}
		end := cursors[0]
		cursors = cursors[1:]
		return &pb.ListTasksResponse{Cursor: end}, nil
	}
}

// TestReplay is the table of how a replay comes to its end.
func TestReplay(t *testing.T) {
	unavailable := status.Error(codes.Unavailable, "")
	resume := &pb.WatchEventsRequest{Resume: at("e", 4)}
	filtered := &pb.WatchEventsRequest{Filter: &pb.EventFilter{Uids: []string{"u"}}}
	for name, tt := range map[string]struct {
		req     *pb.WatchEventsRequest
		opts    []client.WatchOption
		ends    []*pb.Cursor
		streams []func(serverStream) error
		told    string
	}{
		"an empty log":         {nil, nil, []*pb.Cursor{at("e", 0)}, nil, "position @e:0"},
		"nothing since":        {resume, nil, []*pb.Cursor{at("e", 4)}, nil, "position @e:4"},
		"up to the last event": {nil, nil, []*pb.Cursor{at("e", 2)}, []func(serverStream) error{sends(nil, events(1, 2))}, "event 1 @e:1, event 2 @e:2, position @e:2"},
		"what comes later is not part of it": {resume, nil, []*pb.Cursor{at("e", 6)}, []func(serverStream) error{
			sends(nil, events(5, 6, 7)),
		}, "event 5 @e:5, event 6 @e:6, position @e:6"},
		"a filter leaves out the last": {filtered, nil, []*pb.Cursor{at("e", 6)}, []func(serverStream) error{
			sends(nil, events(2), position(5), events(8)),
		}, "event 2 @e:2, position @e:6"},
		"a heartbeat tells that it is the end": {filtered, nil, []*pb.Cursor{at("e", 6)}, []func(serverStream) error{
			sends(nil, events(2), position(6)),
		}, "event 2 @e:2, position @e:6"},
		"the connection breaks": {nil, nil, []*pb.Cursor{at("e", 3)}, []func(serverStream) error{
			sends(unavailable, events(1, 2)), sends(nil, events(3)),
		}, "event 1 @e:1, event 2 @e:2, event 3 @e:3, position @e:3"},
		"a gap inside": {nil, nil, []*pb.Cursor{at("e", 9)}, []func(serverStream) error{
			sends(nil, withGap(events(8, 9), 1, 7)),
		}, "gap 1-7 @e:7, event 8 @e:8, event 9 @e:9, position @e:9"},
		"a gap over the end": {nil, nil, []*pb.Cursor{at("e", 9)}, []func(serverStream) error{
			sends(nil, withGap(events(12), 1, 11)),
		}, "gap 1-11 @e:11, position @e:11"},
		"a gap behind the end": {filtered, nil, []*pb.Cursor{at("e", 9)}, []func(serverStream) error{
			sends(nil, events(3), withGap(events(15), 10, 14)),
		}, "event 3 @e:3, position @e:9"},
		"a cursor of another log": {resume, nil, []*pb.Cursor{at("f", 2)}, []func(serverStream) error{
			sends(expiredCursor("f", "1", "2")), sends(nil, eventsIn("f", 1, 2)),
		}, "epoch e:4 to f, complete false @f:0, event 1 @f:1, event 2 @f:2, position @f:2"},
		"a cursor that is ahead of the log": {&pb.WatchEventsRequest{Resume: at("e", 9)}, nil, []*pb.Cursor{at("e", 2)}, []func(serverStream) error{
			sends(expiredCursor("e", "1", "2")), sends(nil, events(1, 2)),
		}, "epoch e:9 to e, complete false @e:0, event 1 @e:1, event 2 @e:2, position @e:2"},
		"the server is started anew": {nil, nil, []*pb.Cursor{at("e", 3), at("f", 2)}, []func(serverStream) error{
			sends(unavailable, events(1, 2)), sends(expiredCursor("f", "1", "2")), sends(nil, eventsIn("f", 1, 2, 3)),
		}, "event 1 @e:1, event 2 @e:2, epoch e:2 to f, complete false @f:0, event 1 @f:1, event 2 @f:2, position @f:2"},
		"the server is started anew, and nothing has happened": {nil, nil, []*pb.Cursor{at("e", 3), at("f", 0)}, []func(serverStream) error{
			sends(unavailable, events(1, 2)), sends(expiredCursor("f", "1", "0")),
		}, "event 1 @e:1, event 2 @e:2, epoch e:2 to f, complete false @f:0, position @f:0"},
		"with a snapshot after a loss": {nil, []client.WatchOption{client.SnapshotOnLoss()}, []*pb.Cursor{at("e", 9)}, []func(serverStream) error{
			sends(nil, withGap(events(8, 9), 1, 7)), sends(nil, synced("e", 12, task(11))),
		}, "gap 1-7 @e:7, snapshot @none, task t @none, position @e:9"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &scripted{streams: tt.streams, list: ends(tt.ends...)}
				told, err := replayed(t, dialScripted(t, s), tt.req, tt.opts...)
				if got := strings.Join(told, ", "); got != tt.told || err != nil {
					t.Errorf("%v\ntold %s\nwant %s", err, got, tt.told)
				}
				s.expectNoStream(t)
			})
		})
	}
}

func TestReplayEndsWithItsError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := dialScripted(t, &scripted{list: ends()})
		if told, err := replayed(t, c, nil); told != nil || status.Code(err) != codes.PermissionDenied {
			t.Errorf("the end of the log cannot be had: %v, %v", told, err)
		}
		c = dialScripted(t, &scripted{list: ends(at("e", 3))})
		if told, err := replayed(t, c, nil); told != nil || !client.IsForbidden(err) {
			t.Errorf("the stream is refused: %v, %v", told, err)
		}
		c = dialScripted(t, &scripted{list: ends(at("e", 3)), streams: []func(serverStream) error{
			sends(status.Error(codes.Unavailable, ""), events(1)), sends(expiredCursor("f", "1", "2")),
		}})
		if told, err := replayed(t, c, nil); len(told) != 1 || status.Code(err) != codes.PermissionDenied {
			t.Errorf("the end of the next log cannot be had: %v, %v", told, err)
		}
	})
}

// TestReplayIsLeft: a loop that is left early ends the stream.
func TestReplayIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{list: ends(at("e", 3)), streams: []func(serverStream) error{sends(nil, events(1, 2, 3))}}
		for _, err := range dialScripted(t, s).Replay(t.Context(), nil) {
			if err != nil {
				t.Error(err)
			}
			break
		}
		s.expectNoStream(t)
	})
}

// TestReplayOfTheRealServer has it to its end, whatever the filter leaves out, and a Watch that goes on there.
func TestReplayOfTheRealServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, supervisor.Config{})
		c := w.dial()
		first := w.add("first", servertest.Succeed)
		synctest.Wait()
		w.add("second", servertest.Succeed)
		synctest.Wait()
		end := w.cursor()
		var sequences []uint64
		var position *pb.Cursor
		for u, err := range c.Replay(t.Context(), &pb.WatchEventsRequest{Filter: &pb.EventFilter{Uids: []string{first.GetUid()}}}) {
			if err != nil {
				t.Fatal(err)
			}
			if position = u.Cursor(); u.Kind == client.UpdateEvent {
				sequences = append(sequences, u.Event.GetSequence())
			}
		}
		if want := []uint64{1, 2, 3, 4, 5, 6}; !slices.Equal(sequences, want) || position.GetSequence() != end {
			t.Errorf("told %d, and then the position %v; want %d and %d", sequences, position, want, end)
		}
		w.add("third", servertest.Succeed)
		for u, err := range c.Watch(t.Context(), &pb.WatchEventsRequest{Resume: position}) {
			if err != nil || u.Event.GetSequence() != end+1 {
				t.Errorf("it goes on with %v, %v", u, err)
			}
			break
		}
	})
}

// "Not when the caller has ended it, by ctx or its deadline": whoever notices first that the time is over.
func TestTheDeadlineOfTheCallerIsNoReconnect(t *testing.T) {
	late := func(stream serverStream) error {
		deadline, _ := stream.Context().Deadline()
		time.Sleep(time.Until(deadline) - time.Millisecond)
		return status.Error(codes.DeadlineExceeded, "the time is over here")
	}
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{streams: []func(serverStream) error{late, sends(nil)}}
		c := dialScripted(t, s)
		reconnects := client.OnReconnect(func(r client.Reconnect) { t.Errorf("told %v", r.Err) })
		watch := func(ctx context.Context) (last error) {
			for _, err := range c.Watch(ctx, nil, reconnects) {
				last = err
			}
			return last
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := watch(ctx); !errors.Is(err, context.DeadlineExceeded) || ctx.Err() == nil {
			t.Errorf("the deadline: %v, and ctx has %v", err, ctx.Err())
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Hour)
		time.AfterFunc(time.Second, cancel)
		if err := watch(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("canceled: %v", err)
		}
	})
}
