package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// brief writes an update in one word, with the cursor behind it.
func brief(u client.Update) string {
	cursor := func() string {
		if u.Cursor() == nil {
			return "none"
		}
		return fmt.Sprintf("%s:%d", u.Cursor().GetEpoch(), u.Cursor().GetSequence())
	}()
	switch u.Kind {
	case client.UpdateEvent:
		return fmt.Sprintf("event %d @%s", u.Event.GetSequence(), cursor)
	case client.UpdateGap:
		return fmt.Sprintf("gap %d-%d @%s", u.Gap.GetFirst(), u.Gap.GetLast(), cursor)
	case client.UpdateEpoch:
		e := u.Epoch
		return fmt.Sprintf("epoch %s:%d to %s, complete %t @%s", e.Previous.GetEpoch(), e.Previous.GetSequence(), e.Current, e.Complete, cursor)
	case client.UpdateSnapshot:
		return "snapshot @" + cursor
	case client.UpdateTask:
		return fmt.Sprintf("task %s @%s", u.Task.GetName(), cursor)
	case client.UpdateSynced:
		return "synced @" + cursor
	case client.UpdatePosition:
		return "position @" + cursor
	}
	return u.String()
}

// briefly returns all that a watch tells, and the error that it ends with.
func briefly(t *testing.T, c *client.Client, req *pb.WatchEventsRequest, opts ...client.WatchOption) (told []string, last error) {
	t.Helper()
	for u, err := range c.Watch(t.Context(), req, opts...) {
		if last != nil {
			t.Fatal("a pair after the error")
		}
		if last = err; err == nil {
			told = append(told, brief(u))
		}
	}
	return told, last
}

// TestWatch is the table of what can happen to the streams of a watch. Each ends with a refusal, because the script is over.
func TestWatch(t *testing.T) {
	unavailable := status.Error(codes.Unavailable, "")
	resume := &pb.WatchEventsRequest{Resume: at("e", 4)}
	filtered := &pb.WatchEventsRequest{Resume: at("e", 4), Filter: &pb.EventFilter{Uids: []string{"u"}}}
	snapshot := &pb.WatchEventsRequest{Start: pb.WatchStart_WATCH_START_SNAPSHOT}
	oldest := &pb.WatchEventsRequest{Start: pb.WatchStart_WATCH_START_OLDEST}
	partOfSnapshot := &pb.WatchEventsResponse{Tasks: []*pb.Task{task(3)}}
	partOfAnother := &pb.WatchEventsResponse{Tasks: []*pb.Task{task(50)}}
	for name, tt := range map[string]struct {
		req     *pb.WatchEventsRequest
		opts    []client.WatchOption
		streams []func(serverStream) error
		told    string
		resumed []int // what each stream resumed from; the last one is the one that is refused
	}{
		"resumes strictly after the last event": {nil, nil, []func(serverStream) error{
			sends(unavailable, position(4), events(5, 6)), sends(errShutdown, events(7)),
		}, "event 5 @e:5, event 6 @e:6, event 7 @e:7", []int{-1, 6, 7}},
		"resumes from where it was subscribed": {nil, nil, []func(serverStream) error{
			sends(unavailable, position(4)), sends(unavailable, events(5)),
		}, "event 5 @e:5", []int{-1, 4, 5}},
		"resumes from a heartbeat, behind what its filter left out": {filtered, nil, []func(serverStream) error{
			sends(unavailable, events(5), position(90)), sends(unavailable, events(100)),
		}, "event 5 @e:5, event 100 @e:100", []int{4, 90, 100}},
		"begins anew when nothing has come yet": {nil, nil, []func(serverStream) error{
			sends(unavailable), sends(unavailable), sends(unavailable, position(4)),
		}, "", []int{-1, -1, -1, 4}},
		"goes on from the oldest": {oldest, nil, []func(serverStream) error{
			sends(unavailable, events(11, 12)), sends(unavailable, events(13)),
		}, "event 11 @e:11, event 12 @e:12, event 13 @e:13", []int{-1, 12, 13}},
		"positions": {nil, []client.WatchOption{client.WithPositions()}, []func(serverStream) error{
			sends(unavailable, position(4), events(5), position(5)),
		}, "position @e:4, event 5 @e:5, position @e:5", []int{-1, 5}},

		"an event that comes twice": {resume, nil, []func(serverStream) error{
			sends(unavailable, events(3, 4, 5), events(5, 6)),
		}, "event 5 @e:5, event 6 @e:6", []int{4, 6}},
		"a hole that nobody told of": {resume, nil, []func(serverStream) error{
			sends(unavailable, events(5, 8)),
		}, "event 5 @e:5, gap 6-7 @e:7, event 8 @e:8", []int{4, 8}},
		"a gap": {resume, nil, []func(serverStream) error{
			sends(unavailable, withGap(events(9, 10), 5, 8)),
		}, "gap 5-8 @e:8, event 9 @e:9, event 10 @e:10", []int{4, 10}},
		"a gap with what was delivered in it": {resume, nil, []func(serverStream) error{
			sends(unavailable, withGap(events(9), 3, 8)),
		}, "gap 5-8 @e:8, event 9 @e:9", []int{4, 9}},
		"a gap, and what the filter left out before": {filtered, nil, []func(serverStream) error{
			sends(unavailable, withGap(position(9), 7, 8)),
		}, "gap 7-8 @e:8", []int{4, 9}},
		"a gap, with a snapshot": {resume, []client.WatchOption{client.SnapshotOnLoss()}, []func(serverStream) error{
			sends(unavailable, withGap(events(9, 10), 5, 8)), sends(unavailable, synced("e", 12, task(11)), events(13)),
		}, "gap 5-8 @e:8, snapshot @none, task t @none, synced @e:12, event 13 @e:13", []int{4, -1, 13}},

		"an expired cursor": {resume, nil, []func(serverStream) error{
			sends(expiredCursor("e", "8", "9")), sends(unavailable, events(8, 9, 10)),
		}, "gap 5-7 @e:7, event 8 @e:8, event 9 @e:9, event 10 @e:10", []int{4, 7, 10}},
		"a cursor that expires faster than it moves": {resume, nil, []func(serverStream) error{
			sends(expiredCursor("e", "8", "15")), sends(expiredCursor("e", "12", "19")), sends(unavailable, events(20)),
		}, "gap 5-7 @e:7, gap 8-19 @e:19, event 20 @e:20", []int{4, 7, 19, 20}},
		"a cursor that expires again, after a while": {resume, nil, []func(serverStream) error{
			sends(expiredCursor("e", "8", "15")), sends(unavailable, events(8)), sends(expiredCursor("e", "12", "19")), sends(unavailable, events(12)),
		}, "gap 5-7 @e:7, event 8 @e:8, gap 9-11 @e:11, event 12 @e:12", []int{4, 7, 8, 11, 12}},
		"an expired cursor, with a snapshot": {resume, []client.WatchOption{client.SnapshotOnLoss()}, []func(serverStream) error{
			sends(expiredCursor("e", "8", "9")), sends(unavailable, synced("e", 9)), sends(unavailable, events(10)),
		}, "gap 5-7 @e:7, snapshot @none, synced @e:9, event 10 @e:10", []int{4, -1, 9, 10}},
		"another epoch": {resume, nil, []func(serverStream) error{
			sends(expiredCursor("f", "1", "2")), sends(unavailable, eventsIn("f", 1, 2, 3)),
		}, "epoch e:4 to f, complete false @f:0, event 1 @f:1, event 2 @f:2, event 3 @f:3", []int{4, 0, 3}},
		"another epoch, the beginning of which is gone": {resume, nil, []func(serverStream) error{
			sends(expiredCursor("f", "3", "3")), sends(unavailable, eventsIn("f", 3)),
		}, "epoch e:4 to f, complete false @f:0, gap 1-2 @f:2, event 3 @f:3", []int{4, 2, 3}},
		"another epoch, in which nothing has happened": {resume, nil, []func(serverStream) error{
			sends(expiredCursor("f", "1", "0")), sends(unavailable, eventsIn("f", 1)),
		}, "epoch e:4 to f, complete false @f:0, event 1 @f:1", []int{4, 0, 1}},
		"another epoch after the end of the one before": {resume, nil, []func(serverStream) error{
			sends(errShutdown, last(5)), sends(expiredCursor("f", "1", "0")), sends(unavailable, eventsIn("f", 1)),
		}, "event 5 @e:5, epoch e:5 to f, complete true @f:0, event 1 @f:1", []int{4, 5, 0, 1}},
		"another epoch, with a snapshot": {resume, []client.WatchOption{client.SnapshotOnLoss()}, []func(serverStream) error{
			sends(expiredCursor("f", "1", "0")), sends(unavailable, synced("f", 3, task(2)), eventsIn("f", 4)),
		}, "epoch e:4 to f, complete false @f:0, snapshot @none, task t @none, synced @f:3, event 4 @f:4", []int{4, -1, 4}},
		"a server that forgot what it had sent": {resume, nil, []func(serverStream) error{
			sends(expiredCursor("e", "1", "2")), sends(unavailable, events(1)),
		}, "epoch e:4 to e, complete false @e:0, event 1 @e:1", []int{4, 0, 1}},

		"a snapshot": {snapshot, nil, []func(serverStream) error{
			sends(unavailable, partOfSnapshot, synced("e", 3), events(4)),
		}, "snapshot @none, task t @none, synced @e:3, event 4 @e:4", []int{-1, 4}},
		"a snapshot that is interrupted begins anew": {snapshot, nil, []func(serverStream) error{
			sends(unavailable, partOfSnapshot), sends(unavailable, partOfSnapshot, synced("e", 3)),
		}, "snapshot @none, task t @none, snapshot @none, task t @none, synced @e:3", []int{-1, -1, 3}},
		"what the tasks of a snapshot show does not come again on another stream": {snapshot, nil, []func(serverStream) error{
			sends(unavailable, synced("e", 3, task(5))), sends(unavailable, starting(4), starting(5), starting(6)),
		}, "snapshot @none, task t @none, synced @e:3, event 6 @e:6", []int{-1, 3, 6}},
		"but for output, which no task shows": {snapshot, nil, []func(serverStream) error{
			sends(unavailable, synced("e", 3, task(5))), sends(unavailable, starting(4), events(5, 6)),
		}, "snapshot @none, task t @none, synced @e:3, event 5 @e:5, event 6 @e:6", []int{-1, 3, 6}},
		"what the server leaves out after a snapshot is no hole": {snapshot, nil, []func(serverStream) error{
			sends(unavailable, synced("e", 3, task(5)), events(6)),
		}, "snapshot @none, task t @none, synced @e:3, event 6 @e:6", []int{-1, 6}},
		"what tasks of another epoch showed does not count": {snapshot, nil, []func(serverStream) error{
			sends(unavailable, synced("e", 3, task(50))), sends(expiredCursor("f", "1", "1")), sends(unavailable, eventsIn("f", 1)),
		}, "snapshot @none, task t @none, synced @e:3, epoch e:3 to f, complete false @f:0, event 1 @f:1", []int{-1, 3, 0, 1}},
		"another epoch while a snapshot was interrupted": {resume, []client.WatchOption{client.SnapshotOnLoss()}, []func(serverStream) error{
			sends(expiredCursor("e", "8", "9")), sends(unavailable, partOfAnother), sends(unavailable, synced("f", 3), eventsIn("f", 4)),
		}, "gap 5-7 @e:7, snapshot @none, task t @none, snapshot @none, epoch e:7 to f, complete false @f:0, synced @f:3, event 4 @f:4", []int{4, -1, -1, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &scripted{streams: tt.streams}
				told, err := briefly(t, dialScripted(t, s), tt.req, tt.opts...)
				if got := strings.Join(told, ", "); got != tt.told {
					t.Errorf("told\n%s\nwant\n%s", got, tt.told)
				}
				if got := s.resumed(); !slices.Equal(got, tt.resumed) {
					t.Errorf("resumed from %d, want %d", got, tt.resumed)
				}
				if !client.IsForbidden(err) {
					t.Errorf("ended with %v", err)
				}
			})
		})
	}
}

func TestWatchWaitsLongerWithEachFailureUntilAMessageComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails := sends(status.Error(codes.Unavailable, ""))
		s := &scripted{streams: []func(serverStream) error{fails, fails, fails, fails, sends(io.EOF, position(1)), fails}}
		var delays []time.Duration
		_, err := briefly(t, dialScripted(t, s), nil, client.ReconnectDelay(time.Second, 4*time.Second), client.OnReconnect(func(r client.Reconnect) {
			delays = append(delays, r.Delay)
			if r.Err == nil {
				t.Error("no error is given")
			}
		}))
		if !client.IsForbidden(err) {
			t.Errorf("ended with %v", err)
		}
		for i, seconds := range []int{1, 2, 4, 4, 1, 2} {
			full := time.Duration(seconds) * time.Second
			if d := delays[i]; d < full/2 || d > full {
				t.Errorf("delay %d is %s, want %s to %s", i, d, full/2, full)
			}
		}
		if got := s.pauses(); !slices.Equal(got, delays) {
			t.Errorf("the streams came after %s, told were %s", got, delays)
		}
	})
}

func TestCursorsThatAlwaysExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{}
		for i := range 6 {
			s.streams = append(s.streams, sends(expiredCursor("e", fmt.Sprint(100*i+100), fmt.Sprint(100*i+100))))
		}
		told, err := briefly(t, dialScripted(t, s), &pb.WatchEventsRequest{Resume: at("e", 4)}, client.ReconnectDelay(time.Second, time.Second))
		if len(told) != 6 || !client.IsForbidden(err) {
			t.Errorf("told %q, then %v", told, err)
		}
		for i, pause := range s.pauses() {
			if (pause > 0) != (i >= 2) {
				t.Errorf("pauses %s: want none before the third", s.pauses())
			}
		}
	})
}

// TestSilence: a connection that is half open says nothing, and nobody says so. The server speaks every 15 s.
func TestSilenceCountsAsABrokenConnection(t *testing.T) {
	for _, tt := range []struct {
		opts    []client.WatchOption
		req     *pb.WatchEventsRequest
		silence time.Duration
	}{
		{nil, nil, 37500 * time.Millisecond},
		{[]client.WatchOption{client.Heartbeat(time.Minute)}, nil, 150 * time.Second},
		{nil, &pb.WatchEventsRequest{HeartbeatInterval: durationpb.New(2 * time.Second)}, 5 * time.Second},
		{[]client.WatchOption{client.Heartbeat(100 * time.Millisecond)}, nil, time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &scripted{streams: []func(serverStream) error{sends(nil, position(7)), sends(nil)}}
			begin := time.Now()
			var after []time.Duration
			_, err := briefly(t, dialScripted(t, s), tt.req, append(tt.opts, client.ReconnectDelay(time.Nanosecond, 1), client.OnReconnect(func(r client.Reconnect) {
				after = append(after, time.Since(begin).Round(time.Millisecond))
			}))...)
			if !client.IsForbidden(err) || !slices.Equal(after, []time.Duration{tt.silence, 2 * tt.silence}) {
				t.Errorf("gave up after %s, want %s each; then %v", after, tt.silence, err)
			}
			if got := s.resumed(); !slices.Equal(got, []int{-1, 7, 7}) {
				t.Errorf("resumed from %d", got)
			}
			s.expectNoStream(t)
		})
	}
}

// What the loop takes its time for is no silence of the server.
func TestASlowLoopIsNotSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{streams: []func(serverStream) error{func(stream serverStream) error {
			if err := stream.Send(events(1)); err != nil {
				return err
			}
			time.Sleep(time.Hour + 10*time.Second)
			if err := stream.Send(events(2)); err != nil {
				return err
			}
			return status.Error(codes.Unavailable, "")
		}}}
		n := 0
		for u, err := range dialScripted(t, s).Watch(t.Context(), &pb.WatchEventsRequest{Resume: at("e", 0)}) {
			if err == nil {
				n++
				time.Sleep(time.Hour)
			} else if u.Kind != 0 {
				t.Errorf("an error with %v", u)
			}
		}
		if got := s.resumed(); n != 2 || !slices.Equal(got, []int{0, 2}) {
			t.Errorf("%d events, resumed from %d", n, got)
		}
	})
}

// TestFate fails when a reason or a code has no row in this table, which is the one in doc.go.
func TestFateOfEachError(t *testing.T) {
	retried := map[string]bool{}
	for _, name := range []string{
		"SERVER_SHUTDOWN", "STREAM_LIMIT", "PRINCIPAL_STREAM_LIMIT", "RATE_LIMIT", "INTERNAL",
		"Unavailable", "Canceled", "DeadlineExceeded", "ResourceExhausted", "Aborted", "Internal", "Unknown",
	} {
		retried[name] = true
	}
	ends := map[string]error{"the end of the stream without a status": nil}
	retried["the end of the stream without a status"] = true
	for name := range pb.ErrorReason_value {
		reason := strings.TrimPrefix(name, "ERROR_REASON_")
		if reason != "UNSPECIFIED" && reason != "CURSOR_EXPIRED" {
			ends[reason] = refusal(codes.FailedPrecondition, reason, nil)
		}
	}
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		ends[code.String()] = status.Error(code, "")
	}
	for name, end := range ends {
		synctest.Test(t, func(t *testing.T) {
			s := &scripted{streams: []func(serverStream) error{func(serverStream) error { return end }}}
			_, err := briefly(t, dialScripted(t, s), nil)
			if got := len(s.resumed()) == 2; got != retried[name] {
				t.Errorf("%s: retried %t, want %t; ended with %v", name, got, retried[name], err)
			}
			if !retried[name] && status.Code(err) != status.Code(end) {
				t.Errorf("%s: ended with %v", name, err)
			}
		})
	}
}

func TestAnExpiredCursorThatSaysNothingIsFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{streams: []func(serverStream) error{sends(expiredCursor("", "x", "9"))}}
		told, err := briefly(t, dialScripted(t, s), &pb.WatchEventsRequest{Resume: at("e", 4)})
		if told != nil || !client.IsCursorExpired(err) {
			t.Errorf("told %q, then %v", told, err)
		}
	})
}

// "Leaving a loop early ends the stream and frees what it holds, at once."
func TestLeavingALoopEndsTheStream(t *testing.T) {
	for _, leaveAt := range []string{"event 5", "gap", "task", "synced", "position", "snapshot", "epoch"} {
		synctest.Test(t, func(t *testing.T) {
			s := &scripted{streams: []func(serverStream) error{
				sends(status.Error(codes.Unavailable, ""), synced("e", 3, task(2)), position(3), events(4)),
				sends(expiredCursor("e", "5", "5")), sends(nil, events(5)),
			}}
			if leaveAt == "epoch" {
				s.streams[1] = sends(expiredCursor("f", "1", "0"))
			}
			req := &pb.WatchEventsRequest{Start: pb.WatchStart_WATCH_START_SNAPSHOT}
			if leaveAt == "gap" {
				s.streams[1] = sends(nil, withGap(position(9), 5, 8))
			}
			for u, err := range dialScripted(t, s).Watch(t.Context(), req, client.WithPositions(), client.ReconnectDelay(time.Nanosecond, 1)) {
				if err != nil {
					t.Fatal(err)
				}
				if strings.HasPrefix(brief(u), leaveAt) {
					break
				}
			}
			s.expectNoStream(t)
		})
	}
}

func TestWatchEndsWithTheErrorOfTheContext(t *testing.T) {
	for name, streams := range map[string][]func(serverStream) error{
		"in a stream":      {sends(nil, position(1))},
		"between streams":  {sends(status.Error(codes.Unavailable, ""), position(1))},
		"before a message": {sends(nil)},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			s := &scripted{streams: streams}
			var last error
			for _, err := range dialScripted(t, s).Watch(ctx, nil, client.ReconnectDelay(time.Hour, time.Hour)) {
				last = err
			}
			if !errors.Is(last, context.DeadlineExceeded) {
				t.Errorf("%s: ended with %v", name, last)
			}
			s.expectNoStream(t)
		})
	}
}

// "To give up instead, cancel the context of the watch in f."
func TestGivingUpInOnReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s := &scripted{streams: []func(serverStream) error{sends(errShutdown, position(3))}}
		var last error
		for _, err := range dialScripted(t, s).Watch(ctx, nil, client.OnReconnect(func(r client.Reconnect) {
			if !client.IsShutdown(r.Err) || r.Cursor.GetSequence() != 3 || r.Cursor.GetEpoch() != "e" {
				t.Errorf("got %v", r)
			}
			cancel()
		})) {
			last = err
		}
		if !errors.Is(last, context.Canceled) || len(s.resumed()) != 1 {
			t.Errorf("ended with %v after %d streams", last, len(s.resumed()))
		}
	})
}

func TestWatchOfAClosedClient(t *testing.T) {
	_, c := newFake(t)
	c.Close()
	pairs := 0
	for u, err := range c.Watch(t.Context(), nil) {
		if pairs++; u.Kind != 0 || status.Code(err) != codes.Canceled {
			t.Errorf("got %v, %v", u, err)
		}
	}
	if pairs != 1 {
		t.Errorf("%d pairs, want the error alone", pairs)
	}
}

func TestUpdatesInWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failed := &pb.WatchEventsResponse{Cursor: at("e", 2), Events: []*pb.Event{
			{Sequence: 1, Kind: pb.EventKind_EVENT_KIND_TASK_OUTPUT, Task: "t", Line: "hello"},
			{Sequence: 2, Kind: pb.EventKind_EVENT_KIND_TASK_REMOVED, Task: "t", Outcome: pb.Outcome_OUTCOME_FAILED, Reason: "no disk"},
		}}
		s := &scripted{streams: []func(serverStream) error{
			sends(errShutdown, synced("e", 0, task(0)), position(0), failed), sends(errShutdown, withGap(last(5), 3, 4)),
			sends(expiredCursor("f", "1", "0")), sends(errShutdown, eventsIn("f", 1)), sends(expiredCursor("g", "1", "0")),
		}}
		var lines []string
		for u, err := range dialScripted(t, s).Watch(t.Context(), &pb.WatchEventsRequest{Start: pb.WatchStart_WATCH_START_SNAPSHOT}, client.WithPositions()) {
			if err == nil {
				lines = append(lines, u.String())
			}
		}
		want := []string{
			"snapshot", "t is RUNNING", "snapshot complete", "at 0", "1 t TASK_OUTPUT: hello", "2 t TASK_REMOVED FAILED: no disk",
			"2 events lost, 3 to 4", "5 ALL_STOPPED_WITHIN_GRACE", "the server was started anew, after its last event 5", "1 t TASK_OUTPUT",
			"the server was started anew; what it did after event 1 is lost",
		}
		if !slices.Equal(lines, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
		}
	})
}
