package server

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	protocodec "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
)

// stormWatcher watches one stream after the other, and accounts for each sequence.
type stormWatcher struct {
	storm   *storm
	rng     *rand.Rand
	filter  int // index in ledger.filters
	first   pb.WatchStart
	steady  bool // gets many events, and the publisher waits for it
	conn    *grpc.ClientConn
	figures stormFigures // owned by live

	// The account: what is after position is yet to come. Written by live.
	position atomic.Uint64
	reading  atomic.Bool // a stream is open and being read
	started  atomic.Bool // one has been

	// Of the open stream, owned by live.
	begun    bool              // position is of this stream
	shown    map[uint32]uint64 // by task, up to which sequence the snapshot shows its events
	shownEnd uint64            // the largest of them
	owed     uint64            // what comes after it has to be delivered; before it may be

	mu     sync.Mutex // guards what is below
	wire   net.Conn   // the connection beneath conn
	cancel context.CancelFunc
}

// stormFigures count what has happened to watchers.
type stormFigures struct {
	messages, events, sampled, gaps, lost, resumed, expired, snapshots, stalls, cuts uint64
}

func (f *stormFigures) add(o *stormFigures) {
	f.messages, f.events, f.sampled = f.messages+o.messages, f.events+o.events, f.sampled+o.sampled
	f.gaps, f.lost = f.gaps+o.gaps, f.lost+o.lost
	f.resumed, f.expired, f.snapshots = f.resumed+o.resumed, f.expired+o.expired, f.snapshots+o.snapshots
	f.stalls, f.cuts = f.stalls+o.stalls, f.cuts+o.cuts
}

func newStormWatcher(s *storm, i int, rng *rand.Rand) *stormWatcher {
	w := &stormWatcher{storm: s, rng: rng, filter: i % len(s.ledger.filters), cancel: func() {}}
	w.first = pb.WatchStart(1 + i%3)
	w.steady = !s.ledger.filters[w.filter].seldom
	// Windows of a fixed size, so that a stream is held up soon after its client stops to read.
	w.conn = must(grpc.NewClient("passthrough:///storm", grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithContextDialer(w.dial),
		grpc.WithInitialWindowSize(1<<16), grpc.WithInitialConnWindowSize(1<<16)))
	s.t.Cleanup(func() { _ = w.conn.Close() })
	return w
}

func (w *stormWatcher) dial(ctx context.Context, _ string) (net.Conn, error) {
	wire, err := w.storm.dial(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wire = wire
	return wire, err
}

// cut breaks the connection, as the end of a process or a network does.
func (w *stormWatcher) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.wire.Close()
}

// leave ends the open stream.
func (w *stormWatcher) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cancel()
}

// live opens one stream after the other, until the server has shut down.
func (w *stormWatcher) live() {
	req := w.request(&pb.WatchEventsRequest{Start: w.first})
	for !w.storm.failed.Load() {
		err := w.watch(req)
		w.reading.Store(false)
		w.storm.notify()
		st := status.Convert(err)
		switch reason := reasonOf(st); {
		case reason == "SERVER_SHUTDOWN":
			w.skip(w.storm.sup.Cursor().Sequence)
			return
		case reason == "CURSOR_EXPIRED":
			w.checkExpired(req)
			req = w.anew()
		case st.Code() == codes.Canceled || st.Code() == codes.Unavailable && reason == "":
			req = w.next()
		default:
			w.storm.fail("the stream ended: %v", err)
		}
	}
}

// anew returns a request that resumes nothing.
func (w *stormWatcher) anew() *pb.WatchEventsRequest {
	w.begun = false
	return w.request(&pb.WatchEventsRequest{Start: pb.WatchStart(1 + w.rng.IntN(3))})
}

// next returns the request that follows a stream that ended: mostly it resumes.
func (w *stormWatcher) next() *pb.WatchEventsRequest {
	if !w.begun || w.rng.IntN(8) == 0 {
		return w.anew()
	}
	w.figures.resumed++
	return w.request(&pb.WatchEventsRequest{Resume: &pb.Cursor{Epoch: w.storm.sup.Cursor().Epoch, Sequence: w.position.Load()}})
}

func (w *stormWatcher) request(req *pb.WatchEventsRequest) *pb.WatchEventsRequest {
	req.Filter, req.HeartbeatInterval = w.storm.ledger.filters[w.filter].wire, durationpb.New(minHeartbeat)
	return req
}

// checkExpired: a resume is refused only if something was lost.
func (w *stormWatcher) checkExpired(req *pb.WatchEventsRequest) {
	w.figures.expired++
	if oldest := w.storm.sup.OldestCursor().Sequence; req.GetResume() == nil || req.GetResume().GetSequence() >= oldest {
		w.storm.fail("%v has expired, the log begins after %d", req.GetResume(), oldest)
	}
}

// watch reads one stream, until it ends or something happens to it.
func (w *stormWatcher) watch(req *pb.WatchEventsRequest) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w.mu.Lock()
	w.cancel = cancel
	w.mu.Unlock()
	oldest := w.storm.sup.OldestCursor().Sequence
	w.shown, w.shownEnd, w.owed = nil, 0, 0
	desc := &grpc.StreamDesc{ServerStreams: true}
	stream, err := w.conn.NewStream(ctx, desc, pb.SupervisorService_WatchEvents_FullMethodName, grpc.ForceCodecV2(newRawCodec()), grpc.WaitForReady(true))
	if err == nil {
		err = errors.Join(stream.SendMsg(req), stream.CloseSend())
	}
	if err != nil && ctx.Err() == nil && status.Code(err) != codes.Unavailable {
		w.storm.fail("open a stream: %v", err)
	}
	if err != nil {
		return err
	}
	if header, _ := stream.Header(); header != nil && req.GetStart() == pb.WatchStart_WATCH_START_OLDEST {
		w.begin(oldest)
		w.owed = w.storm.sup.OldestCursor().Sequence // it has begun there, or before
	}
	return w.read(stream)
}

func (w *stormWatcher) read(stream grpc.ClientStream) error {
	var raw rawMessage
	var msg rawResponse
	for left := w.patience(); ; left-- {
		if err := stream.RecvMsg(&raw); err != nil {
			return err
		}
		if err := msg.parse(raw.data); err != nil {
			w.storm.fail("a message that is none: %v", err)
		}
		w.account(&msg)
		w.reading.Store(true)
		w.started.Store(true)
		w.storm.notify()
		if left <= 0 {
			left = w.patience()
			w.mischief()
		}
	}
}

// patience is after how many messages something happens: soon at first, for short storms to have all of it.
func (w *stormWatcher) patience() int { return w.rng.IntN(30 + int(min(300, w.figures.stalls))) }

// mischief is what happens to a stream.
func (w *stormWatcher) mischief() {
	w.reading.Store(false)
	defer w.storm.notify()
	if w.storm.closing.Load() {
		w.reading.Store(true)
		return
	}
	switch w.rng.IntN(4) {
	case 0:
		w.leave()
	case 1:
		w.figures.cuts++
		w.cut()
	default:
		w.stall()
	}
}

// stall reads nothing until so many events have passed that the stream may have missed some. The publisher goes on meanwhile.
func (w *stormWatcher) stall() {
	w.figures.stalls++
	w.storm.notify()
	until := w.position.Load() + w.rng.Uint64N(6*w.storm.ring+1)
	if w.rng.IntN(4) == 0 { // enough to fill all buffers on the way
		until += 6*w.storm.ring + 8_000
	}
	w.storm.await(func() bool { return w.storm.ledger.latest.Load() >= until || w.storm.closing.Load() })
	w.reading.Store(true)
}

// account checks a message.
func (w *stormWatcher) account(m *rawResponse) {
	w.figures.messages++
	if m.complete || len(m.tasks) > 0 {
		w.accountSnapshot(m)
	}
	if m.gap != (supervisor.Gap{}) {
		w.accountGap(m.gap)
	}
	for _, bytes := range m.events {
		w.accountEvent(bytes)
	}
	if len(m.tasks) == 0 || m.complete {
		w.accountCursor(m.cursor)
	}
}

// accountSnapshot notes what the snapshot shows. The events that its tasks show are not to come any more.
func (w *stormWatcher) accountSnapshot(m *rawResponse) {
	if w.shown == nil {
		w.shown = map[uint32]uint64{}
	}
	for _, bytes := range m.tasks {
		var task pb.Task
		if err := proto.Unmarshal(bytes, &task); err != nil {
			w.storm.fail("task: %v", err)
		}
		w.wait(task.GetSequence())
		w.shown[w.storm.ledger.indexOf(task.GetUid())] = task.GetSequence()
		w.shownEnd = max(w.shownEnd, task.GetSequence())
	}
	if m.complete {
		w.figures.snapshots++
		w.begin(m.cursor.Sequence)
	}
}

// begin opens the account of a stream that resumes nothing.
func (w *stormWatcher) begin(position uint64) {
	w.begun = true
	w.position.Store(position)
}

func (w *stormWatcher) accountGap(gap supervisor.Gap) {
	w.figures.gaps++
	w.figures.lost += gap.Count()
	w.skip(gap.First - 1)
	if position := w.position.Load(); gap.First != position+1 || gap.Last < gap.First {
		w.storm.fail("gap %v after %d", gap, position)
	}
	if oldest := w.storm.sup.OldestCursor().Sequence; gap.Last > oldest {
		w.storm.fail("gap %v, but the log begins after %d", gap, oldest)
	}
	w.position.Store(gap.Last)
}

func (w *stormWatcher) accountEvent(bytes []byte) {
	sequence, ok := sequenceOf(bytes)
	if position := w.position.Load(); !ok || sequence <= position {
		w.storm.fail("event %d after %d", sequence, position)
		return
	}
	w.skip(sequence - 1)
	w.wait(sequence)
	if !w.wants(sequence) || w.storm.ledger.differs(sequence, bytes) {
		w.storm.fail("event %d, selected: %t, is %q", sequence, w.wants(sequence), bytes)
	}
	if sequence%ledgerSample == 0 {
		w.figures.sampled++
		if w.storm.ledger.differsWhole(sequence, bytes) {
			w.storm.fail("event %d is not that of the log: %q", sequence, bytes)
		}
	}
	w.figures.events++
	w.position.Store(sequence)
}

// accountCursor checks that the cursor is not behind what was delivered, nor ahead of what was not.
func (w *stormWatcher) accountCursor(c supervisor.Cursor) {
	if !w.begun { // WATCH_START_NEW
		w.begin(c.Sequence)
	}
	now := w.storm.sup.Cursor()
	if position := w.position.Load(); c.Epoch != now.Epoch || c.Sequence < position || c.Sequence > now.Sequence {
		w.storm.fail("cursor %v after %d, the latest is %v", c, position, now)
		return
	}
	w.skip(c.Sequence)
}

// skip moves the position on to sequence: the stream delivers nothing up to there, so there must be nothing to deliver.
func (w *stormWatcher) skip(sequence uint64) {
	w.wait(sequence)
	for next := w.position.Load() + 1; next <= sequence; next++ {
		if next > w.owed && w.wants(next) {
			w.storm.fail("event %d is missing, up to %d", next, sequence)
			return
		}
		w.position.Store(next)
	}
}

// wants reports whether an event is to be delivered.
func (w *stormWatcher) wants(sequence uint64) bool {
	e := w.storm.ledger.entry(sequence)
	if e.filters>>w.filter&1 == 0 {
		return false
	}
	return sequence > w.shownEnd || sequence > w.shown[e.task]
}

// wait waits until the ledger has come to sequence.
func (w *stormWatcher) wait(sequence uint64) {
	if l := w.storm.ledger; l.latest.Load() < sequence {
		w.storm.await(func() bool { return l.latest.Load() >= sequence })
	}
}

func reasonOf(st *status.Status) string {
	for _, detail := range st.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}

// rawMessage is a message as it came, not decoded.
type rawMessage struct{ data []byte }

// rawCodec is the codec for protobuf, and leaves a rawMessage as it came.
type rawCodec struct{ encoding.CodecV2 }

func newRawCodec() rawCodec { return rawCodec{encoding.GetCodecV2(protocodec.Name)} }

// Unmarshal implements encoding.CodecV2.
func (c rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	raw, ok := v.(*rawMessage)
	if !ok {
		return c.CodecV2.Unmarshal(data, v)
	}
	raw.data = raw.data[:0]
	for _, buffer := range data {
		raw.data = append(raw.data, buffer.ReadOnlyData()...)
	}
	return nil
}

// rawResponse is a WatchEventsResponse whose events and tasks are not decoded.
type rawResponse struct {
	events, tasks [][]byte
	cursor        supervisor.Cursor
	gap           supervisor.Gap
	complete      bool
}

func (m *rawResponse) parse(data []byte) error {
	*m = rawResponse{events: m.events[:0], tasks: m.tasks[:0]}
	for len(data) > 0 {
		field, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return protowire.ParseError(n)
		}
		data = data[n:]
		if kind == protowire.VarintType && field == 5 {
			m.complete, data = data[0] != 0, data[1:]
			continue
		}
		bytes, n := protowire.ConsumeBytes(data)
		if n < 0 {
			return protowire.ParseError(n)
		}
		data = data[n:]
		if err := m.set(field, bytes); err != nil {
			return err
		}
	}
	return nil
}

func (m *rawResponse) set(field protowire.Number, bytes []byte) error {
	switch field {
	case 1:
		m.events = append(m.events, bytes)
	case 2:
		var c pb.Cursor
		err := proto.Unmarshal(bytes, &c)
		m.cursor = supervisor.Cursor{Epoch: c.GetEpoch(), Sequence: c.GetSequence()}
		return err
	case 3:
		var gap pb.Gap
		err := proto.Unmarshal(bytes, &gap)
		m.gap = supervisor.Gap{First: gap.GetFirst(), Last: gap.GetLast()}
		return err
	case 4:
		m.tasks = append(m.tasks, bytes)
	default:
		return errors.New("an unknown field")
	}
	return nil
}

// sequenceOf returns the sequence of an event, which is its first field.
func sequenceOf(event []byte) (sequence uint64, ok bool) {
	field, kind, n := protowire.ConsumeTag(event)
	if n < 0 || field != 1 || kind != protowire.VarintType {
		return 0, false
	}
	sequence, n = protowire.ConsumeVarint(event[n:])
	return sequence, n > 0
}
