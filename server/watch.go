package server

import (
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
)

// Heartbeat intervals, as the contract states them.
const (
	defaultHeartbeat = 15 * time.Second
	minHeartbeat     = 100 * time.Millisecond
	maxHeartbeat     = time.Hour
)

// snapshotPage is how many tasks a stream asks the engine for at once.
const snapshotPage = 512

// WatchEvents implements taskvisor.v1.SupervisorService.
func (s *Server) WatchEvents(req *pb.WatchEventsRequest, stream grpc.ServerStreamingServer[pb.WatchEventsResponse]) error {
	return s.serveWatch(&ownStream{stream}, func() (*pb.WatchEventsRequest, error) { return req, nil })
}

// ownStream is a stream of a program that calls WatchEvents without gRPC: it is given messages that are what their type says.
type ownStream struct {
	grpc.ServerStreamingServer[pb.WatchEventsResponse]
}

// SendMsg implements grpc.ServerStream.
func (s *ownStream) SendMsg(m any) error {
	switch m := m.(type) {
	case *frame:
		return s.Send(m.message())
	case *pb.WatchEventsResponse:
		return s.Send(m)
	default:
		return s.ServerStreamingServer.SendMsg(m)
	}
}

// handleWatch handles a call of WatchEvents in the place of the generated handler, which would receive the request on the goroutine of the
// call: see watch.
func (s *Server) handleWatch(_ any, stream grpc.ServerStream) error {
	return s.serveWatch(stream, func() (*pb.WatchEventsRequest, error) {
		req := new(pb.WatchEventsRequest)
		return req, stream.RecvMsg(req)
	})
}

func (s *Server) serveWatch(stream grpc.ServerStream, receive func() (*pb.WatchEventsRequest, error)) error {
	w := &watch{server: s, stream: stream, revoked: identityOf(stream.Context()).Revoked}
	watchCallOf(stream.Context()).traffic = &w.progress.traffic
	err := w.live(receive)
	if left := stream.Context().Err(); left != nil {
		err = left // whatever broke, it broke because of that
	}
	return s.refuse(stream.Context(), err)
}

// watch is one stream of events, from its request to its status:
//
//	               ┌─ NEW ──────────────► where it begins ───────────┐             ┌───────────────┐
//	check ► subscribe ─ OLDEST, resume ──────────────────────────────┼─► deliver ──┴─► parked ──┐  │
//	               └─ SNAPSHOT ─────────► tasks ► snapshot_complete ─┘      ▲ something happened │  │ the end, or
//	                                                                        └────────────────────┘  ▼ the caller left
//	                                                                                              status
//
// It delivers what the feed has: all that has happened, in messages that are as full as may be, and then it waits for more. Events that come one
// by one leave at once. After a message with many events the stream lingers before it looks again, so that under load messages are fewer. A
// heartbeat tells how far it has come when nothing else was sent for a while. The stream ends when the supervisor has shut down and the last
// event is sent, or when a message cannot be sent because the caller has left.
//
// There are two goroutines. The one that gRPC made for the call only waits: parked, for something to happen, or else for the other one. That
// one exists while the stream has something to do, a second longer at most, and does everything else. There are two reasons. A send waits as
// long as the client does not read, and nothing but the return of the call can end it: so it takes a goroutine that waits for the end of the
// server's patience instead. And the stack of the first stays small when all that needs more happens on another: 10,000 idle streams take
// 10 KB each this way, and 20 when the sender stays. Everything in a watch belongs to the goroutine that is not waiting for the other, unless
// it says otherwise.
//
// While a send waits for a client that does not read, the log goes on without the stream, and what it misses comes out as a gap.
type watch struct {
	// The request.
	filter    eventFilter
	start     pb.WatchStart
	resume    *supervisor.Cursor // nil: start counts
	heartbeat time.Duration

	server  *Server
	stream  grpc.ServerStream
	revoked <-chan struct{}    // closed when the caller may no longer watch; nil for never
	reader  *supervisor.Reader // waits; the events come from the feed
	listed  listed             // what a snapshot has told already of the events that are yet to be read
	sent    time.Time          // when the last message was
	busy    time.Time          // when the last message with many events was
	timer   *time.Timer        // for whatever is waited for

	progress progress // what anyone may see of it
}

// live is the life of a stream. The stream is closed by whichever goroutine is the last.
func (w *watch) live(receive func() (*pb.WatchEventsRequest, error)) error {
	err := w.aside(func() error { return w.open(receive) })
	for err == nil {
		if err = w.park(); err == nil {
			err = w.aside(w.deliver)
		}
	}
	if !isA[*leftBehind](err) {
		w.close()
	}
	return err
}

// leftBehind says that the goroutine of the call could not wait for the one beside it, and why.
type leftBehind struct{ cause error }

func (e *leftBehind) Error() string { return fmt.Sprintf("a stream was cut: %v", e.cause) }
func (e *leftBehind) Unwrap() error { return e.cause }

// aside runs f in a goroutine beside, and waits for it as long as the server does. When the call then returns, gRPC ends the stream, the send
// that f waits in fails, and f returns. That messages are sent while a stream ends is a case that gRPC provides for: clients leave at any
// time.
func (w *watch) aside(f func() error) error {
	cut, ended := w.server.drain.cut.done, make(chan error)
	runs := w.server.drain.handlers.run(func() {
		err := w.server.guard(w.stream.Context(), f)
		select {
		case ended <- err:
		case <-cut: // either both goroutines get here, or to the next case, or none
			w.close()
		case <-w.revoked:
			w.close()
		}
	})
	if !runs {
		return supervisor.ErrShutdown
	}
	select {
	case err := <-ended:
		return err
	case <-cut:
		return &leftBehind{supervisor.ErrShutdown}
	case <-w.revoked:
		return &leftBehind{errRevoked}
	}
}

// park waits until something has happened after the cursor, or a heartbeat is due.
func (w *watch) park() error {
	w.timer.Reset(w.untilHeartbeat())
	select {
	case <-w.reader.Ready():
		return nil
	case <-w.timer.C:
		return nil
	case <-w.revoked:
		return errRevoked
	case <-w.stream.Context().Done():
		return w.stream.Context().Err()
	}
}

// close gives back what the stream holds, of which there may be nothing yet.
func (w *watch) close() {
	w.server.streams.leave(w)
	if w.reader != nil {
		w.reader.Close()
		w.timer.Stop()
	}
}

// open begins the stream: it returns once everything is sent that comes before the events.
func (w *watch) open(receive func() (*pb.WatchEventsRequest, error)) error {
	_ = w.stream.SetHeader(w.server.header) // fails only once headers were sent
	req, err := receive()
	if err != nil {
		return err
	}
	if err := w.check(req); err != nil {
		return err
	}
	w.progress.begin(w.stream.Context(), w.server.sup.Cursor().Sequence)
	if err := w.server.streams.enter(w, &w.server.config); err != nil {
		return err
	}
	if err := w.subscribe(); err != nil {
		return err
	}
	return w.begin()
}

// check makes the stream as the request wants it.
func (w *watch) check(req *pb.WatchEventsRequest) error {
	var v violations
	w.filter = newEventFilter("filter", req.GetFilter(), &v)
	w.start = req.GetStart()
	w.heartbeat = v.heartbeat(req)
	v.enum("start", w.start, true)
	if resume := req.GetResume(); resume != nil {
		w.resume = &supervisor.Cursor{Epoch: resume.GetEpoch(), Sequence: resume.GetSequence()}
		v.check(resume.GetEpoch() != "", "resume.epoch", "no epoch is given; give the cursor as the server sent it")
		v.check(w.start == 0, "start", "%s is given beside resume; give one of them", w.start)
	}
	return v.err()
}

func (v *violations) heartbeat(req *pb.WatchEventsRequest) time.Duration {
	const field = "heartbeat_interval"
	if req.GetHeartbeatInterval() == nil {
		return defaultHeartbeat
	}
	before := len(*v)
	d := v.duration(field, req.GetHeartbeatInterval())
	v.check(len(*v) > before || d >= minHeartbeat && d <= maxHeartbeat, field, "%s is out of range; give 100ms to 1h, or leave it out for 15s", d)
	return d
}

// subscribe opens the reader: from here on nothing is missed. The caller learns of that at once, by the headers. A cursor that the server
// itself has chosen expires only if the log turns over in this very moment; then there is another one.
func (w *watch) subscribe() (err error) {
	w.reader, err = w.server.sup.Read(w.from())
	for err != nil && w.resume == nil {
		w.reader, err = w.server.sup.Read(w.from())
	}
	if err != nil {
		return err
	}
	w.sent = time.Now()
	w.timer = time.NewTimer(w.heartbeat)
	w.progress.sequence.Store(w.reader.Cursor().Sequence)
	return w.stream.SendHeader(metadata.MD{})
}

// from returns where the stream begins in the log. A snapshot follows from its beginning on.
func (w *watch) from() supervisor.Cursor {
	switch {
	case w.resume != nil:
		return *w.resume
	case w.start == pb.WatchStart_WATCH_START_OLDEST:
		return w.server.sup.OldestCursor()
	default:
		return w.server.sup.Cursor()
	}
}

// begin sends what comes before the events. Who watches from now on is told when that is: if the connection broke before the first event
// or heartbeat, there would be nothing to resume from, and what happened meanwhile would be lost without a word.
func (w *watch) begin() error {
	switch {
	case w.start == pb.WatchStart_WATCH_START_SNAPSHOT:
		return w.sendSnapshot()
	case w.start == pb.WatchStart_WATCH_START_OLDEST || w.resume != nil:
		return nil
	default:
		return w.sendCursor()
	}
}
