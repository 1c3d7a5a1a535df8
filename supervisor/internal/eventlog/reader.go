package eventlog

import (
	"context"
	"errors"
)

// ErrClosed is what Next returns when the log is closed and the reader has had all of it, or when the reader itself is closed.
var ErrClosed = errors.New("eventlog: closed")

// Gap is a run of sequences that a reader lost: First to Last, both included. The zero Gap says that nothing was lost.
type Gap struct{ First, Last uint64 }

// IsZero reports whether nothing was lost.
func (g Gap) IsZero() bool { return g == Gap{} }

// Count returns how many values were lost.
func (g Gap) Count() uint64 {
	if g.IsZero() {
		return 0
	}
	return g.Last - g.First + 1
}

// Reader is a position in a Log. It belongs to one goroutine and must not be copied; NewReader makes one.
//
//	      Ready, Next            append, Log.Close
//	idle ─────────────▶ armed ─────────────────────▶ signaled        any state ──Close──▶ closed (terminal)
//	 ▲                    │ context done                 │
//	 └────────────────────┴──────────────────────────────┘ receive
//
// Only an armed reader is known to the log, by its seat in the list of those that wait. Ready arms anew in any state but the last.
type Reader[T any] struct {
	log    *Log[T]
	cursor uint64 // at most the log's last
	closed bool
	seat   seat
}

// NewReader returns a reader of what follows the sequence after: 0 for all that is kept, with a gap if it is not all there was; Last
// for what is yet to come. A sequence that the log has not reached is from elsewhere, perhaps from a log before a restart. To wait for
// it would be to lose everything up to it without a word; the reader starts after Last instead, and its Cursor tells.
func (l *Log[T]) NewReader(after uint64) *Reader[T] {
	return &Reader[T]{log: l, cursor: min(after, l.last.Load()), seat: newSeat()}
}

// Cursor returns the sequence of the last value that the reader got, or that it started after.
func (r *Reader[T]) Cursor() uint64 { return r.cursor }

// Next waits until something follows the cursor, copies up to len(buf) values into buf and moves the cursor to the last of them. If
// values were lost, gap is exactly those, from the one after the old cursor; the values in buf follow it and are at least one. The
// error is that of ctx if it is done, even if there are values: they stay for another call. It is ErrClosed at the end of a closed log
// and for a closed reader. With an error, n and gap are zero and the cursor has not moved. Next panics if buf is empty.
func (r *Reader[T]) Next(ctx context.Context, buf []T) (n int, gap Gap, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return 0, Gap{}, err
		}
		closed := r.closed || r.log.closed.Load() // must precede the look for values, of which none can come once it is true
		if n, gap = r.TryNext(buf); n > 0 {
			return n, gap, nil
		}
		if closed {
			return 0, Gap{}, ErrClosed
		}
		select {
		case <-r.Ready():
		case <-ctx.Done():
			r.log.parked.leave(&r.seat)
		}
	}
}

// TryNext does as Next, without waiting: n is 0 and gap is zero if nothing follows the cursor or the reader is closed.
func (r *Reader[T]) TryNext(buf []T) (n int, gap Gap) {
	if len(buf) == 0 {
		panic("eventlog: empty buffer")
	}
	for n == 0 && !r.closed {
		last := r.log.last.Load()
		if r.cursor == last {
			break
		}
		next := r.cursor + 1
		if oldest := r.log.oldest(last); next < oldest {
			gap = Gap{First: next, Last: oldest - 1}
			next = oldest
		}
		if n = r.fill(buf, next, last); n > 0 { // otherwise next has been overwritten since: look again
			r.cursor = next + uint64(n) - 1
		}
	}
	return n, gap
}

// fill copies the values from next to at most last into buf, as far as there is room and they are still there.
func (r *Reader[T]) fill(buf []T, next, last uint64) (n int) {
	for n < len(buf) && next+uint64(n) <= last {
		copied := r.log.copyOut(buf[n:], next+uint64(n), last)
		if copied == 0 {
			break
		}
		n += copied
	}
	return n
}

// Skip moves the cursor on to sequence, as if the reader had got everything up to there: for values that came to its owner by another way.
// It never goes back, nor beyond what the log has.
func (r *Reader[T]) Skip(sequence uint64) {
	r.cursor = max(r.cursor, min(sequence, r.log.last.Load()))
}

// Ready arms the reader and returns a channel on which one element arrives as soon as something follows the cursor or the log is
// closed. It is for a select:
//
//	for {
//		select {
//		case <-r.Ready():
//			n, gap := r.TryNext(buf) // n is 0 only at the end of a closed log
//			…
//		case <-other:
//			…
//		}
//	}
//
// It is cheap to call it again and again. The channel is the same each time, is never closed, and stays empty once the reader is. An
// element tells the state at the time of the call: after a read, call Ready again.
func (r *Reader[T]) Ready() <-chan struct{} {
	if !r.closed {
		r.log.parked.enter(&r.seat, r.cursor)
	}
	return r.seat.wake
}

// Close ends the reader: the log does not know it any more, there is nothing to read, and Next returns ErrClosed. Further calls do
// nothing. An idle reader may just as well be dropped.
func (r *Reader[T]) Close() {
	r.closed = true
	r.log.parked.leave(&r.seat)
}
