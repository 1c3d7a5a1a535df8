package server

import (
	"context"
	"errors"
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

const (
	// maxMessageSize is how many bytes of events or tasks a message has at most, if it has more than one: with the 5 bytes that gRPC puts in front,
	// and a cursor and a gap, it fits into one HTTP/2 frame of 16 KiB.
	maxMessageSize = 16<<10 - 5 - maxPositionSize
	// maxPositionSize is what a cursor and a gap need at most: an epoch of 36 bytes, three sequences, their tags and lengths.
	maxPositionSize = 100
	// readAhead is how many events a stream takes out of the log at once.
	readAhead = 64
	// snapshotPage is how many tasks a stream asks the engine for at once.
	snapshotPage = 512
)

// WatchEvents implements taskvisor.v1.SupervisorService.
func (s *Server) WatchEvents(req *pb.WatchEventsRequest, stream grpc.ServerStreamingServer[pb.WatchEventsResponse]) error {
	err := s.watchEvents(req, stream)
	if left := stream.Context().Err(); left != nil {
		err = left // whatever broke, it broke because of that
	}
	return s.refuse(stream.Context(), err)
}

func (s *Server) watchEvents(req *pb.WatchEventsRequest, stream grpc.ServerStreamingServer[pb.WatchEventsResponse]) error {
	w, err := checkWatch(req)
	if err != nil {
		return err
	}
	defer s.watches.Add(-1)
	if open, limit := s.watches.Add(1), s.config.MaxStreams; limit > 0 && open > int64(limit) {
		return &limitError{pb.ErrorReason_ERROR_REASON_STREAM_LIMIT, limit,
			fmt.Sprintf("%d streams of events are open, which is as many as may be; close one, or start the server with a higher limit", limit)}
	}
	w.sup, w.stream = s.sup, stream
	return w.run()
}

// watch is one stream of events, from its request to its status:
//
//	               ┌─ NEW ──────────────► where it begins ───────────┐
//	check ► subscribe ─ OLDEST, resume ──────────────────────────────┼─► follow ─► status
//	               └─ SNAPSHOT ─────────► tasks ► snapshot_complete ─┘
//
// follow sends events, gaps, and a heartbeat whenever nothing else was sent for a while. It ends when the supervisor has shut down and the
// last event is sent, or when a message cannot be sent because the caller has left. One goroutine does all this; while it waits in a
// send because the client does not read, the log goes on without it, and what it misses comes out as a gap.
type watch struct {
	// The request.
	filter    eventFilter
	start     pb.WatchStart
	resume    *supervisor.Cursor // nil: start counts
	heartbeat time.Duration

	sup    *supervisor.Supervisor
	stream grpc.ServerStreamingServer[pb.WatchEventsResponse]
	reader *supervisor.Reader
	listed listed    // what a snapshot has told already of the events that are yet to be read
	sent   time.Time // when the last message was
}

// checkWatch returns a stream as the request wants it, without server.
func checkWatch(req *pb.WatchEventsRequest) (*watch, error) {
	var v violations
	w := &watch{
		filter:    newEventFilter("filter", req.GetFilter(), &v),
		start:     req.GetStart(),
		heartbeat: v.heartbeat(req),
	}
	v.enum("start", w.start, true)
	if resume := req.GetResume(); resume != nil {
		w.resume = &supervisor.Cursor{Epoch: resume.GetEpoch(), Sequence: resume.GetSequence()}
		v.check(resume.GetEpoch() != "", "resume.epoch", "no epoch is given; give the cursor as the server sent it")
		v.check(w.start == 0, "start", "%s is given beside resume; give one of them", w.start)
	}
	return w, v.err()
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

func (w *watch) run() error {
	if err := w.subscribe(); err != nil {
		return err
	}
	defer w.reader.Close()
	if err := w.begin(); err != nil {
		return err
	}
	return w.follow()
}

// subscribe opens the reader: from here on nothing is missed. The caller learns of that at once, by the headers. A cursor that the server
// itself has chosen expires only if the log turns over in this very moment; then there is another one.
func (w *watch) subscribe() (err error) {
	w.reader, err = w.sup.Read(w.from())
	for err != nil && w.resume == nil {
		w.reader, err = w.sup.Read(w.from())
	}
	if err != nil {
		return err
	}
	w.sent = time.Now()
	return w.stream.SendHeader(metadata.MD{})
}

// from returns where the stream begins in the log. A snapshot follows from its beginning on.
func (w *watch) from() supervisor.Cursor {
	switch {
	case w.resume != nil:
		return *w.resume
	case w.start == pb.WatchStart_WATCH_START_OLDEST:
		return w.sup.OldestCursor()
	default:
		return w.sup.Cursor()
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

// follow sends events until the end.
func (w *watch) follow() error {
	buf := make([]supervisor.Event, readAhead)
	for {
		n, gap, err := w.next(buf)
		switch {
		case err == nil:
			err = w.sendEvents(buf[:n], gap)
		case errors.Is(err, context.DeadlineExceeded) && w.stream.Context().Err() == nil:
			err = w.sendCursor()
		}
		if err != nil {
			return err
		}
	}
}

// next waits for events, but not longer than until a heartbeat is due: then the error is context.DeadlineExceeded.
func (w *watch) next(buf []supervisor.Event) (n int, gap supervisor.Gap, err error) {
	ctx, cancel := context.WithDeadline(w.stream.Context(), w.sent.Add(w.heartbeat))
	defer cancel()
	return w.reader.Next(ctx, buf)
}

// sendEvents sends those of the events that the filter selects, in as few messages as they fit into: one event that comes alone goes alone.
// If there are none and nothing was lost, it is left to a heartbeat to tell how far the stream has come.
func (w *watch) sendEvents(events []supervisor.Event, gap supervisor.Gap) error {
	msg, room := &pb.WatchEventsResponse{Gap: gapToWire(gap)}, newRoom(maxMessageSize)
	cursor := w.reader.Cursor()
	for i := range events {
		e := &events[i]
		if w.listed.has(e) || !w.filter.match(e) {
			continue
		}
		event := eventToWire(e)
		if !room.take(event) {
			cursor.Sequence = msg.Events[len(msg.Events)-1].GetSequence()
			msg.Cursor = cursorToWire(cursor)
			if err := w.send(msg); err != nil {
				return err
			}
			msg, room = &pb.WatchEventsResponse{}, newRoom(maxMessageSize)
			room.take(event)
		}
		msg.Events = append(msg.Events, event)
	}
	if len(msg.Events) == 0 && msg.Gap == nil {
		return nil
	}
	msg.Cursor = cursorToWire(w.reader.Cursor())
	return w.send(msg)
}

// sendCursor tells how far the stream has come.
func (w *watch) sendCursor() error {
	return w.send(&pb.WatchEventsResponse{Cursor: cursorToWire(w.reader.Cursor())})
}

func (w *watch) send(msg *pb.WatchEventsResponse) error {
	if err := w.stream.Send(msg); err != nil {
		return err
	}
	w.sent = time.Now()
	return nil
}
