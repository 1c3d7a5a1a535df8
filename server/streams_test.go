package server_test

import (
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/server/servertest"
	"github.com/taskvisor/taskvisor/supervisor"
)

// The figures about streams are what their clients got.
func TestStats(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		begin := time.Now()
		if got := h.Server.Stats(); got != (server.Stats{}) || len(h.Server.Streams()) != 0 {
			t.Errorf("at first %+v", got)
		}
		all := watch(t, h, &pb.WatchEventsRequest{})
		some := watch(t, h, &pb.WatchEventsRequest{Filter: &pb.EventFilter{Names: []string{"b"}}})
		h.Add("a", servertest.Wait)
		h.Add("b", servertest.Wait)
		synctest.Wait()
		time.Sleep(time.Second)
		latest := h.Supervisor.Cursor().Sequence
		var want server.Traffic
		for _, f := range []*follower{all, some} {
			f.until(func(msg *pb.WatchEventsResponse) bool { return msg.GetCursor().GetSequence() == latest })
			for _, msg := range f.messages {
				want.Messages++
				want.Events += uint64(len(msg.GetEvents()))
				want.Bytes += uint64(proto.Size(msg))
			}
		}
		synctest.Wait() // a message is counted when it was sent
		got := h.Server.Stats()
		if got.Traffic != want || got.Streams != 2 || got.Opened != 2 || got.Encoded != latest || got.EncodedBytes == 0 || got.MaxLag != 0 {
			t.Errorf("got %+v, want %+v", got, want)
		}
		streams := h.Server.Streams()
		if len(streams) != 2 || streams[0].Events+streams[1].Events != want.Events || streams[0].Since != begin || streams[0].Peer == "" ||
			streams[0].Sequence != latest || streams[0].Lag != 0 {
			t.Errorf("got %+v", streams)
		}
		all.leave()
		synctest.Wait()
		if got := h.Server.Stats(); got.Streams != 1 || got.Opened != 2 || got.Traffic != want {
			t.Errorf("got %+v", got)
		}
	})
}

// A stream that is held up has a lag, and then a gap; both are counted.
func TestStatsOfAStreamThatFallsBehind(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := newGate()
		h := newHarness(t, servertest.WithEngine(supervisor.Config{EventBuffer: 8}), servertest.WithGRPC(grpc.ChainStreamInterceptor(g.intercept)))
		f := watch(t, h, &pb.WatchEventsRequest{})
		f.next()
		g.shut()
		time.Sleep(15 * time.Second) // a heartbeat is held up
		synctest.Wait()
		for range 5 {
			waitFor(t, h, h.Add("a", servertest.Succeed))
		}
		if got := h.Server.Stats(); got.MaxLag != 30 || h.Server.Streams()[0].Lag != 30 {
			t.Errorf("got %+v", got)
		}
		g.open()
		f.until(func(msg *pb.WatchEventsResponse) bool { return msg.GetCursor().GetSequence() == 30 })
		synctest.Wait() // a message is counted when it was sent
		if got := h.Server.Stats(); got.Gaps != 1 || got.Lost != 22 || got.MaxLag != 0 || h.Server.Streams()[0].Lost != 22 {
			t.Errorf("got %+v", got)
		}
	})
}

// "Under load, messages then have many events": with an event each millisecond, a message comes after each linger, with what has happened since. "An
// event after a quiet time is not held up."
func TestLinger(t *testing.T) {
	const linger = 5300 * time.Microsecond // never ends just when an event comes
	bubble(t, func(t *testing.T) {
		h := newHarness(t, servertest.WithServer(server.Config{Logger: quiet, Linger: linger}))
		f := watch(t, h, &pb.WatchEventsRequest{Filter: &pb.EventFilter{Kinds: []pb.EventKind{pb.EventKind_EVENT_KIND_TASK_STARTING}}})
		f.next()
		time.Sleep(time.Second)
		begin := time.Now()
		h.Add("tick", servertest.Succeed, func(s *pb.TaskSpec) { s.Restart = always(seconds(0.001)) })
		for i := range 10 {
			want := 1
			if i > 0 {
				want = int(time.Duration(i)*linger/time.Millisecond - time.Duration(i-1)*linger/time.Millisecond)
			}
			if msg := f.next(); len(msg.GetEvents()) != want {
				t.Errorf("message %d has %d events, want %d", i, len(msg.GetEvents()), want)
			}
			if got, want := time.Since(begin), time.Duration(i)*linger; got != want {
				t.Errorf("message %d came after %v, want %v", i, got, want)
			}
		}
	})
}

// "Negative: none."
func TestNoLinger(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t, servertest.WithServer(server.Config{Logger: quiet, Linger: -1}))
		f := watch(t, h, &pb.WatchEventsRequest{Filter: &pb.EventFilter{Kinds: []pb.EventKind{pb.EventKind_EVENT_KIND_TASK_STARTING}}})
		f.next()
		h.Add("tick", servertest.Succeed, func(s *pb.TaskSpec) { s.Restart = always(seconds(0.001)) })
		for range 10 {
			if msg := f.next(); len(msg.GetEvents()) != 1 || !msg.GetEvents()[0].GetTime().AsTime().Equal(time.Now()) {
				t.Errorf("at %v: %v", time.Now(), msg)
			}
		}
	})
}
