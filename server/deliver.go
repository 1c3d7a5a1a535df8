package server

import (
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
)

const (
	// maxScan is how many events a stream looks at, at least, before it looks up whether a heartbeat is due.
	maxScan = 4096
	// lingerEvents is how many events a message has, at least, after which the stream lingers: so many have come since the last one, or while the
	// stream was held up, that more are to come soon. Where events come one by one, each leaves at once.
	lingerEvents = 8
	// watchPatience is how long a stream that delivers waits for more before it parks: long enough for the change of goroutines to cost nothing
	// that counts.
	watchPatience = time.Second
)

// deliver sends what has happened, and what happens, until nothing does for a while; or the heartbeat that is due.
func (w *watch) deliver() error {
	b, _ := w.server.batches.Get().(*batch)
	defer w.server.batches.Put(b)
	for {
		m, more := w.collect(b)
		var err error
		switch {
		case m != nil:
			err = w.send(m, m.events, m.size, m.gap)
		case w.untilHeartbeat() <= 0:
			if err = w.sendCursor(); !more {
				return err
			}
		case more: // everything is filtered out, and it does not end
			err = w.stream.Context().Err()
		}
		if err == nil && !more {
			more, err = w.wait()
		}
		if err != nil || !more {
			return err
		}
	}
}

// wait waits until something has happened after the cursor, and reports whether it has: if not, it is time to park. Where nothing is to be waited
// for, as the supervisor has shut down, the error is ErrClosed.
func (w *watch) wait() (more bool, err error) {
	if err := w.linger(); err != nil {
		return false, err
	}
	w.timer.Reset(min(watchPatience, w.untilHeartbeat()))
	select {
	case <-w.reader.Ready():
		if w.cursor() == w.server.sup.Cursor().Sequence {
			return false, supervisor.ErrClosed
		}
		return true, nil
	case <-w.timer.C:
		return false, nil
	case <-w.stream.Context().Done():
		return false, w.stream.Context().Err()
	}
}

func (w *watch) untilHeartbeat() time.Duration { return time.Until(w.sent.Add(w.heartbeat)) }

// linger waits until the last message with many events is Config.Linger ago. At the end of everything there is nothing more to wait for.
func (w *watch) linger() error {
	left := time.Until(w.busy.Add(w.server.config.Linger))
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

// collect moves the cursor over events that have happened, with an empty batch for a scratch pad, and returns those that the filter selects, as
// a message, or nil if there is nothing to tell: it is left to a heartbeat, then, to tell how far the stream has come. More says that there
// may be more at once.
func (w *watch) collect(b *batch) (m *frame, more bool) {
	defer b.reset()
	more = true
	for scanned := 0; more && scanned < maxScan; {
		r, gap := w.server.feed.after(w.cursor())
		if more = r.len() > 0; !more {
			break
		}
		if !gap.IsZero() {
			if b.events > 0 || !b.gap.IsZero() {
				break // a message has one gap, before its events
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
	shown := key.kind != supervisor.TaskOutput && w.listed.has(key.uid, sequence) // no task shows its output
	return !shown && w.filter.match(key)
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
	if events >= lingerEvents {
		w.busy = w.sent
	}
	w.progress.traffic.add(events, size, gap)
	return nil
}
