package server

import (
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

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
	// snapshotPage is how many tasks a stream asks the engine for at once.
	snapshotPage = 512
	// maxScan is how many events a stream looks at, at least, before it looks up whether a heartbeat is due.
	maxScan = 4096
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
	w.server, w.stream = s, stream
	w.progress.since, w.progress.peer = time.Now(), peerOf(stream.Context())
	w.progress.sequence.Store(s.sup.Cursor().Sequence)
	if err := s.streams.enter(w, s.config.MaxStreams); err != nil {
		return err
	}
	defer s.streams.leave(w)
	return w.run()
}

// watch is one stream of events, from its request to its status:
//
//	               ┌─ NEW ──────────────► where it begins ───────────┐
//	check ► subscribe ─ OLDEST, resume ──────────────────────────────┼─► follow ─► status
//	               └─ SNAPSHOT ─────────► tasks ► snapshot_complete ─┘
//
// follow sends what the feed has: all of it that has happened, in messages that are as full as may be, and then it waits. An event after a quiet
// time leaves at once. Then the stream lingers before it looks again, so that under load a message has many events. A heartbeat tells how
// far it has come when nothing else was sent for a while. The stream ends when the supervisor has shut down and the last event is sent, or
// when a message cannot be sent because the caller has left.
//
// One goroutine does all this, and holds nothing of the log while it waits. While a send waits for a client that does not read, the log goes
// on without it, and what the stream misses comes out as a gap.
type watch struct {
	// The request.
	filter    eventFilter
	start     pb.WatchStart
	resume    *supervisor.Cursor // nil: start counts
	heartbeat time.Duration

	server *Server
	stream grpc.ServerStreamingServer[pb.WatchEventsResponse]
	reader *supervisor.Reader // waits; the events come from the feed
	listed listed             // what a snapshot has told already of the events that are yet to be read
	sent   time.Time          // when the last message was
	told   time.Time          // when the last message with events was
	timer  *time.Timer        // for the next heartbeat, or the end of a linger

	progress progress // what others may see of it
}

// checkWatch returns a stream as the request wants it, without server.
func checkWatch(req *pb.WatchEventsRequest) (*watch, error) {
	if err := checkPending(req); err != nil {
		return nil, err
	}
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
	w.timer = time.NewTimer(w.heartbeat)
	defer w.timer.Stop()
	if err := w.begin(); err != nil {
		return err
	}
	return w.follow()
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

// follow sends events until the end.
func (w *watch) follow() error {
	for {
		m, more := w.collect()
		var err error
		switch {
		case m != nil:
			err = w.send(m, m.events, m.size, m.gap)
		case !more:
			err = w.wait()
		case time.Since(w.sent) >= w.heartbeat: // everything is filtered out, and it does not end
			err = w.sendCursor()
		default:
			err = w.stream.Context().Err()
		}
		if err != nil {
			return err
		}
	}
}

// wait returns when something has happened after the cursor. Where nothing is to be waited for, as the supervisor has shut down, the error is
// ErrClosed.
func (w *watch) wait() error {
	if err := w.linger(); err != nil {
		return err
	}
	for {
		w.timer.Reset(time.Until(w.sent.Add(w.heartbeat)))
		select {
		case <-w.reader.Ready():
			if w.reader.Cursor().Sequence == w.server.sup.Cursor().Sequence {
				return supervisor.ErrClosed
			}
			return nil
		case <-w.timer.C:
			if err := w.sendCursor(); err != nil {
				return err
			}
		case <-w.stream.Context().Done():
			return w.stream.Context().Err()
		}
	}
}

// linger waits until the last message with events is Config.Linger ago. At the end of everything there is nothing more to wait for.
func (w *watch) linger() error {
	left := time.Until(w.told.Add(w.server.config.Linger))
	if left <= 0 {
		return nil
	}
	w.timer.Reset(left)
	select {
	case <-w.timer.C:
		return nil
	case <-w.server.drain.verdict.done:
		return nil
	case <-w.stream.Context().Done():
		return w.stream.Context().Err()
	}
}

// collect moves the cursor over events that have happened, and returns those that the filter selects, as a message, or nil if there is
// nothing to tell: it is left to a heartbeat, then, to tell how far the stream has come. More says that there may be more at once.
func (w *watch) collect() (m *frame, more bool) {
	b, _ := w.server.batches.Get().(*batch)
	defer w.server.batches.Put(b)
	b.reset()
	more = true
	for scanned := 0; more && scanned < maxScan; {
		r, gap := w.server.feed.after(w.cursor())
		if more = r.len() > 0; !more {
			break
		}
		if !gap.IsZero() {
			if b.events > 0 {
				break // a gap comes before the events of its message
			}
			b.gap = gap
			w.pass(gap.Last)
		}
		n := b.take(&r, w)
		w.pass(w.cursor() + uint64(n))
		scanned += n
		if n < r.len() {
			break // the message is full
		}
	}
	return b.frame(w.reader.Cursor()), more
}

func (w *watch) cursor() uint64 { return w.reader.Cursor().Sequence }

// pass moves the cursor on.
func (w *watch) pass(sequence uint64) {
	w.reader.Skip(sequence)
	w.progress.sequence.Store(sequence)
}

// selects reports whether the stream is to deliver event i of the run, which has this sequence.
func (w *watch) selects(key *eventKey, sequence uint64) bool {
	return !w.listed.has(key.uid, sequence) && w.filter.match(key)
}

// selectsAll reports whether there is no need to ask.
func (w *watch) selectsAll() bool { return w.listed.sequences == nil && w.filter.all() }

// sendCursor tells how far the stream has come.
func (w *watch) sendCursor() error {
	m := newFrame(nil, 0, 0, w.reader.Cursor(), supervisor.Gap{})
	return w.send(m, 0, m.size, supervisor.Gap{})
}

// sendMessage sends a message without events.
func (w *watch) sendMessage(m *pb.WatchEventsResponse) error {
	return w.send(m, 0, proto.Size(m), supervisor.Gap{})
}

func (w *watch) send(m proto.Message, events, size int, gap supervisor.Gap) error {
	if err := w.stream.SendMsg(m); err != nil {
		return err
	}
	w.sent = time.Now()
	if events > 0 {
		w.told = w.sent
	}
	w.progress.traffic.add(events, size, gap)
	w.server.streams.total.add(events, size, gap)
	return nil
}
