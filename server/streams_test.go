package server_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
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
		if got := h.Server.Stats(); got.Streams != 1 || got.Opened != 2 || got.Traffic != want || got.Ended[codes.Canceled] != 1 {
			t.Errorf("got %+v", got)
		}
		_ = watchError(t, h, &pb.WatchEventsRequest{Start: 99})
		synctest.Wait()
		if got := h.Server.Stats(); got.Ended != [17]uint64{codes.Canceled: 1, codes.InvalidArgument: 1} || got.Opened != 2 {
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

// lines is a server with a task that writes lines at will, each of which is an event.
type lines struct {
	*servertest.Harness
	t     *testing.T
	wants chan int
	wrote chan struct{}
}

func newLines(t *testing.T, linger time.Duration) *lines {
	t.Helper()
	l := &lines{t: t, wants: make(chan int), wrote: make(chan struct{})}
	l.Harness = newHarness(t, servertest.WithServer(server.Config{Logger: quiet, Linger: linger}))
	l.Define("writes", func(ctx context.Context) error {
		for {
			select {
			case n := <-l.wants:
				for range n {
					supervisor.OutputLine(ctx, supervisor.Stdout, "line")
				}
				l.wrote <- struct{}{}
			case <-ctx.Done():
				return nil
			}
		}
	})
	l.Add("writer", "writes", func(s *pb.TaskSpec) { s.CaptureOutput = true })
	return l
}

func (l *lines) write(n int) {
	l.wants <- n
	<-l.wrote
}

// wantNext checks when the next message comes and how many events it has.
func (l *lines) wantNext(f *follower, after time.Duration, events int) {
	l.t.Helper()
	begin := time.Now()
	if msg := f.next(); len(msg.GetEvents()) != events || time.Since(begin) != after {
		l.t.Errorf("after %v %d events, want %d after %v", time.Since(begin), len(msg.GetEvents()), events, after)
	}
}

// "How long a stream of events waits, after a message with 8 events or more, before it looks for more. Events that come one by one are not held up."
func TestLinger(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const linger, early = 5 * time.Millisecond, time.Millisecond
		l := newLines(t, linger)
		l.write(10)
		synctest.Wait()
		f := watch(t, l.Harness, &pb.WatchEventsRequest{Start: startOldest})
		l.wantNext(f, 0, 13) // many, for they had waited
		time.Sleep(early)
		l.write(8)
		l.wantNext(f, linger-early, 8) // many again
		time.Sleep(early)
		l.write(7)
		l.wantNext(f, linger-early, 7)
		for range 3 {
			time.Sleep(early)
			l.write(1)
			l.wantNext(f, 0, 1)
		}
	})
}

// "Negative: none."
func TestNoLinger(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLines(t, -1)
		l.write(10)
		synctest.Wait()
		f := watch(t, l.Harness, &pb.WatchEventsRequest{Start: startOldest})
		l.wantNext(f, 0, 13)
		l.write(1)
		l.wantNext(f, 0, 1)
	})
}
