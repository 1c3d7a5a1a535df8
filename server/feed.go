package server

import (
	"sync"
	"sync/atomic"

	"github.com/taskvisor/taskvisor/supervisor"
)

const (
	// feedSegmentEvents is how many sequences share a segment of the feed: a segment of ordinary events about fills a message.
	feedSegmentEvents = 128
	// typicalEventBytes is how much room the first segments make for an event.
	typicalEventBytes = 128
)

// feed is the event log as it goes over the wire: what any number of streams share, so that an event is encoded once whatever their number.
//
// The log is cut into segments, of 128 sequences each. A segment is the encodings of its events, one behind the other; as each is a whole
// element of the repeated field WatchEventsResponse.events, any run of them is a part of a message, and goes into one without being copied.
// Beside the bytes the segment keeps, for each event, where it ends and what filters look at.
//
// Nobody encodes in advance. Whichever stream comes first to an event finds it missing from its segment, and encodes it and all that follow in
// that segment; the others find it there. Hence nothing is encoded while nobody watches, a stream that resumes from the past finds what
// another has read there, and no goroutine stands between the engine and a stream.
//
// Bytes that are in a segment never change: more come behind them, and when there is no room they are copied to where there is. So a stream that
// waits in a send, or gRPC that has yet to write, may keep them for as long as it likes; the garbage collector knows. The segments form a
// ring that is two segments longer than the log of the engine: when a segment takes the place of another one, the log does not have any of the other
// one's events. A segment may still have events that the log has not; they are given to whoever asks in time.
//
// Why not a goroutine that encodes everything for all? It would be one more hop for each event, and have to be stopped while nobody
// watches. Why not encode in the engine, as part of the append? Then the engine would pay for the streams.
type feed struct {
	sup      *supervisor.Supervisor
	segments []atomic.Pointer[feedSegment] // the segment of number n is at n modulo the length; nil: not made yet
	buffers  sync.Pool                     // of *feedBuffer

	segmentBytes atomic.Int64 // how much room a segment makes at first: a little more than the last one needed

	encoded      atomic.Uint64 // events
	encodedBytes atomic.Uint64
}

// feedBuffer is where events are on their way from the log to a segment.
type feedBuffer [feedSegmentEvents]supervisor.Event

func newFeed(sup *supervisor.Supervisor) *feed {
	f := &feed{
		sup:      sup,
		segments: make([]atomic.Pointer[feedSegment], sup.EventBuffer()/feedSegmentEvents+3),
		buffers:  sync.Pool{New: func() any { return new(feedBuffer) }},
	}
	f.segmentBytes.Store(feedSegmentEvents * typicalEventBytes)
	return f
}

// after returns events that follow sequence: those of one segment, as many as have happened, at least one; none if none have. The gap, if
// it is not zero, tells of events between sequence and the first one that are lost.
func (f *feed) after(sequence uint64) (r run, gap supervisor.Gap) {
	next := sequence + 1
	for next <= f.sup.Cursor().Sequence {
		if r := f.segment(next).from(f, next); r.len() > 0 {
			return r, gap
		}
		// The log has dropped the event, before the look for it or meanwhile.
		if oldest := f.sup.OldestCursor().Sequence + 1; oldest > next {
			next = oldest
			gap = supervisor.Gap{First: sequence + 1, Last: oldest - 1}
		}
	}
	return run{}, supervisor.Gap{}
}

// segment returns the segment that sequence belongs to, or a later one that has taken its place.
func (f *feed) segment(sequence uint64) *feedSegment {
	number := (sequence - 1) / feedSegmentEvents
	place := &f.segments[number%uint64(len(f.segments))]
	for {
		s := place.Load()
		if s != nil && s.number >= number {
			return s
		}
		place.CompareAndSwap(s, &feedSegment{number: number})
	}
}

// feedSegment has the encodings of consecutive events, out of those whose sequences are its own.
type feedSegment struct {
	number uint64      // the sequences are from number·feedSegmentEvents+1 on; constant
	full   atomic.Bool // nothing below changes any more, and mu is not needed

	mu     sync.Mutex         // guards what is below
	reader *supervisor.Reader // of what comes behind the last event; nil before the first one, and once the segment is full
	first  uint64             // sequence of the first event
	run    run                // the events
}

// run is consecutive events of a segment. It is a view: nothing in it changes any more.
type run struct {
	bytes []byte     // their encodings; those before begin are not of the run
	begin uint32     // where the first event begins in bytes
	ends  []uint32   // where each event ends in bytes
	keys  []eventKey // what filters look at, for each event
}

// eventKey is what filters look at in an event.
type eventKey struct {
	kind   supervisor.Kind
	task   string
	uid    supervisor.UID
	labels map[string]string
}

func (r *run) len() int { return len(r.ends) }

// start returns where event i begins in bytes.
func (r *run) start(i int) uint32 {
	if i == 0 {
		return r.begin
	}
	return r.ends[i-1]
}

// slice returns the encodings of the events from i to before j.
func (r *run) slice(i, j int) []byte {
	begin, end := r.start(i), r.start(j)
	return r.bytes[begin:end:end]
}

// from returns the events from sequence on, as many as have happened; none if sequence is not in this segment any more.
func (s *feedSegment) from(f *feed, sequence uint64) run {
	if !s.full.Load() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.extendLocked(f)
	}
	if sequence < s.first || sequence >= s.first+uint64(s.run.len()) {
		return run{}
	}
	i := int(sequence - s.first)
	return run{bytes: s.run.bytes, begin: s.run.start(i), ends: s.run.ends[i:], keys: s.run.keys[i:]}
}

// end returns the last sequence that belongs to the segment.
func (s *feedSegment) end() uint64 { return (s.number + 1) * feedSegmentEvents }

// extendLocked encodes what has happened since and belongs to the segment.
func (s *feedSegment) extendLocked(f *feed) {
	if s.full.Load() || !s.openLocked(f) || s.reader.Cursor().Sequence >= f.sup.Cursor().Sequence {
		return
	}
	buf, _ := f.buffers.Get().(*feedBuffer)
	n, gap := s.reader.TryNext(buf[:s.end()-s.reader.Cursor().Sequence])
	s.encodeLocked(f, buf[:n], gap)
	clear(buf[:n]) // lest it keep what the log has dropped
	f.buffers.Put(buf)
	if s.reader.Cursor().Sequence >= s.end() {
		s.reader = nil
		s.full.Store(true)
		f.segmentBytes.Store(int64(len(s.run.bytes) + len(s.run.bytes)/8))
	}
}

// openLocked sees to it that there is a reader: at the first event of the segment that the log still has, so that whoever comes after finds the
// segment whole. It reports false if the log has none any more.
func (s *feedSegment) openLocked(f *feed) bool {
	for s.reader == nil {
		c := f.sup.OldestCursor()
		c.Sequence = max(c.Sequence, s.end()-feedSegmentEvents)
		if c.Sequence >= s.end() {
			return false
		}
		s.reader, _ = f.sup.Read(c) // fails if the log has dropped that event meanwhile: then from another one
		s.first = c.Sequence + 1
	}
	return true
}

// encodeLocked appends the events to the run. What was there before a gap the log has dropped too, and nobody can ask for it but those who
// have been told of a gap that reaches as far.
func (s *feedSegment) encodeLocked(f *feed, events []supervisor.Event, gap supervisor.Gap) {
	if !gap.IsZero() {
		s.run, s.first = run{}, gap.Last+1
	}
	if s.run.bytes == nil {
		s.run.bytes = make([]byte, 0, f.segmentBytes.Load())
		s.run.ends = make([]uint32, 0, feedSegmentEvents)
		s.run.keys = make([]eventKey, 0, feedSegmentEvents)
	}
	before := len(s.run.bytes)
	for i := range events {
		e := &events[i]
		if e.Sequence > s.end() { // behind a gap
			events = events[:i]
			break
		}
		s.run.bytes = appendEvent(s.run.bytes, e)
		s.run.ends = append(s.run.ends, uint32(len(s.run.bytes)))
		s.run.keys = append(s.run.keys, eventKey{e.Kind, e.Task, e.UID, e.Labels})
	}
	f.encoded.Add(uint64(len(events)))
	f.encodedBytes.Add(uint64(len(s.run.bytes) - before))
}
