package server

import (
	"bytes"
	"context"
	"flag"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
)

var stalledEvents = flag.Int("stalled.events", 200_000, "how many events pass a watcher that never reads")

// wireServer is a server of a fountain, for clients that look at the bytes.
type wireServer struct {
	*fountain
	server   *Server
	listener *bufconn.Listener
	serving  sync.WaitGroup
}

func newWireServer(t *testing.T, buffer int) *wireServer {
	t.Helper()
	s := &wireServer{fountain: newFountain(t, buffer), listener: bufconn.Listen(1 << 16)}
	s.server = New(s.sup, nil, Config{Logger: slog.New(slog.DiscardHandler), DrainTimeout: time.Minute})
	g := s.server.NewGRPCServer()
	s.serving.Go(func() {
		if err := g.Serve(s.listener); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	t.Cleanup(func() {
		if err := s.server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		s.serving.Wait()
	})
	return s
}

func (s *wireServer) dial(t *testing.T) *grpc.ClientConn {
	t.Helper()
	conn := must(grpc.NewClient("passthrough:///wire", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return s.listener.DialContext(ctx) }),
		grpc.WithInitialWindowSize(1<<16), grpc.WithInitialConnWindowSize(1<<20)))
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// wireStream is a stream whose messages are checked as they come: each sequence once, in a message or in a gap. It selects everything.
type wireStream struct {
	stream   grpc.ClientStream
	raw      rawMessage
	msg      rawResponse
	position uint64
	gaps     []supervisor.Gap
}

func openWireStream(t *testing.T, conn *grpc.ClientConn, req *pb.WatchEventsRequest) *wireStream {
	t.Helper()
	desc := &grpc.StreamDesc{ServerStreams: true}
	stream, err := conn.NewStream(t.Context(), desc, pb.SupervisorService_WatchEvents_FullMethodName, grpc.ForceCodecV2(newRawCodec()))
	if err == nil {
		err = stream.SendMsg(req)
	}
	if err == nil {
		err = stream.CloseSend()
	}
	if err != nil {
		t.Errorf("open a stream: %v", err)
	}
	return &wireStream{stream: stream, position: req.GetResume().GetSequence()}
}

// begin reads the first message of a stream that has asked for what is new.
func (s *wireStream) begin(t *testing.T) {
	t.Helper()
	err := s.stream.RecvMsg(&s.raw)
	if err == nil {
		err = s.msg.parse(s.raw.data)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.position = s.msg.cursor.Sequence
}

// next reads a message. It may be called from any goroutine, and reports false if there is something wrong.
func (s *wireStream) next(t *testing.T) bool {
	err := s.stream.RecvMsg(&s.raw)
	if err == nil {
		err = s.msg.parse(s.raw.data)
	}
	if err != nil {
		t.Errorf("after %d: %v", s.position, err)
		return false
	}
	if gap := s.msg.gap; !gap.IsZero() {
		if gap.First != s.position+1 || gap.Last < gap.First {
			t.Errorf("gap %v after %d", gap, s.position)
			return false
		}
		s.gaps = append(s.gaps, gap)
		s.position = gap.Last
	}
	for _, event := range s.msg.events {
		if sequence, ok := sequenceOf(event); !ok || sequence != s.position+1 {
			t.Errorf("event %d after %d", sequence, s.position)
			return false
		}
		s.position++
	}
	if s.msg.cursor.Sequence != s.position {
		t.Errorf("cursor %v after %d", s.msg.cursor, s.position)
		return false
	}
	return true
}

// Events pass a watcher that never reads: the server needs no more memory for it, the others get all of them, and when it reads on at last it is
// told exactly which it lost.
func TestAWatcherThatNeverReadsCostsNothing(t *testing.T) {
	const ring, chunk, live = 1 << 13, 1 << 11, 3
	s := newWireServer(t, ring)
	stalled := openWireStream(t, s.dial(t), &pb.WatchEventsRequest{})
	stalled.begin(t)
	fill, pass := 4*ring/chunk, max(1, *stalledEvents/chunk)
	end := stalled.position + uint64((fill+pass)*chunk)
	passed := make(chan uint64, live)
	for range live {
		w := openWireStream(t, s.dial(t), &pb.WatchEventsRequest{})
		w.begin(t)
		go w.report(t, end, passed)
	}
	// What is poured next waits for all of them to have had it: none may lose any.
	pour := func(chunks int) {
		for range chunks {
			s.pour(chunk)
			latest := s.sup.Cursor().Sequence
			for missing := live; missing > 0; {
				switch <-passed {
				case 0:
					t.FailNow()
				case latest:
					missing--
				}
			}
		}
	}
	pour(fill) // all buffers are as full as they get
	before := memoryInUse()
	pour(pass)
	after := memoryInUse()
	t.Logf("%d events: heap %d KiB, then %d; resident %d KiB, then %d", pass*chunk, before.heap>>10, after.heap>>10, before.resident>>10, after.resident>>10)
	alone := *stalledEvents >= 1_000_000 // else the process has the garbage of other tests, too
	if after.heap > before.heap+1<<20 || alone && after.resident > before.resident+16<<20 {
		t.Errorf("memory grew from %+v to %+v", before, after)
	}
	latest := s.sup.Cursor().Sequence
	if stats := s.server.Stats(); stats.Streams != live+1 || stats.Gaps != 0 || stats.Encoded > latest || stats.MaxLag < uint64(pass*chunk) {
		t.Errorf("%+v", stats)
	}
	for stalled.position < latest && stalled.next(t) {
	}
	if len(stalled.gaps) != 1 || stalled.gaps[0].Last != latest-ring {
		t.Errorf("gaps %v, the latest is %d", stalled.gaps, latest)
	}
}

// report reads up to sequence end, and tells of each message how far it has come. 0 stands for an error.
func (s *wireStream) report(t *testing.T, end uint64, passed chan<- uint64) {
	for s.position < end {
		if !s.next(t) {
			passed <- 0
			return
		}
		if len(s.gaps) > 0 {
			t.Errorf("a watcher that reads is told of %v", s.gaps)
		}
		passed <- s.position
	}
}

type memory struct{ heap, resident uint64 }

// memoryInUse returns what is in use of the heap, and what the process has of the memory of the machine, where that can be had.
func memoryInUse() memory {
	runtime.GC()
	runtime.GC() // what pools held is gone after the second one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return memory{m.HeapAlloc, resident()}
}

func resident() uint64 {
	stat, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(stat)
	pages, err := strconv.ParseUint(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}

// A thousand watchers that lost their connections come back at once, each with a cursor of its own, while events flow: all get exactly what
// follows their cursor, and nothing is encoded twice for that.
func TestAThousandWatchersResumeAtOnce(t *testing.T) {
	const watchers, connections, pours, events = 1000, 25, 50, 400
	s := newWireServer(t, 1<<12)
	s.pour(2000)
	conns := make([]*grpc.ClientConn, connections)
	for i := range conns {
		conns[i] = s.dial(t)
	}
	latest := s.sup.Cursor()
	end := latest.Sequence + events
	var reading sync.WaitGroup
	opened := make(chan struct{}, watchers)
	for i := range watchers {
		cursor := &pb.Cursor{Epoch: latest.Epoch, Sequence: latest.Sequence - rand.Uint64N(1000)}
		reading.Go(func() {
			w := openWireStream(t, conns[i%connections], &pb.WatchEventsRequest{Resume: cursor})
			opened <- struct{}{}
			for w.position < end && w.next(t) {
			}
			if len(w.gaps) > 0 || w.position != end {
				t.Errorf("from %v to %d: gaps %v", cursor, w.position, w.gaps)
			}
		})
	}
	for range pours {
		for range watchers / pours {
			<-opened
		}
		s.pour(events / pours)
	}
	reading.Wait()
	// Segments are encoded from their beginning.
	if stats := s.server.Stats(); stats.Encoded > 1000+events+feedSegmentEvents || stats.Opened != watchers {
		t.Errorf("%+v", stats)
	}
}

// fakeStream is a stream of a caller who leaves with the first message.
type fakeStream struct {
	grpc.ServerStreamingServer[pb.WatchEventsResponse]
	ctx   context.Context
	leave context.CancelFunc
}

func (f *fakeStream) Context() context.Context           { return f.ctx }
func (f *fakeStream) SetHeader(metadata.MD) error        { return nil }
func (f *fakeStream) SendHeader(metadata.MD) error       { return nil }
func (f *fakeStream) Send(*pb.WatchEventsResponse) error { f.leave(); return nil }

// Streams that come and go while nothing happens leave nothing behind, not even a place among those who wait for the next event.
func TestStreamsThatEndLeaveNothingBehind(t *testing.T) {
	fountain := newFountain(t, 16)
	defer fountain.stop(t)
	s := New(fountain.sup, nil, Config{Logger: slog.New(slog.DiscardHandler)})
	pass := func(streams int) uint64 {
		for range streams {
			ctx, leave := context.WithCancel(t.Context())
			if err := s.WatchEvents(&pb.WatchEventsRequest{}, &fakeStream{ctx: ctx, leave: leave}); err == nil {
				t.Error("the stream ended well")
			}
		}
		return memoryInUse().heap
	}
	const streams = 2000
	before := pass(streams)
	if after := pass(streams); after > before+streams*64 {
		t.Errorf("%d streams have left %d bytes", streams, after-before)
	}
}
