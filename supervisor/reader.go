package supervisor

import (
	"context"
	"errors"
	"fmt"

	"github.com/taskvisor/taskvisor/supervisor/internal/eventlog"
)

// ErrCursorExpired says that a cursor is of another event log, or that events after it are gone; the error is a *CursorError.
var ErrCursorExpired = errors.New("the cursor has expired")

// ErrClosed says that a reader has delivered the last event of a supervisor that has shut down.
var ErrClosed = eventlog.ErrClosed

// Cursor is a position in the event log: everything up to Sequence has been seen.
type Cursor struct {
	Epoch    string // identity of the log
	Sequence uint64 // 0: nothing has been seen
}

// CursorError says why a cursor cannot be resumed from. It matches ErrCursorExpired.
type CursorError struct {
	Cursor         Cursor
	Epoch          string // of the log
	Oldest, Latest uint64 // sequences that the log has; Oldest is Latest+1 when it has none
}

// Error names the cursor and what can be resumed from.
func (e *CursorError) Error() string {
	switch {
	case e.Cursor.Epoch != e.Epoch:
		return fmt.Sprintf("epoch %q is not that of this event log, %q: the server was started anew; begin with a snapshot", e.Cursor.Epoch, e.Epoch)
	case e.Cursor.Sequence > e.Latest:
		return fmt.Sprintf("sequence %d has not happened yet, the latest is %d; resume from a cursor that this server sent", e.Cursor.Sequence, e.Latest)
	default:
		return fmt.Sprintf("events after sequence %d are gone, the oldest kept is %d; begin with a snapshot", e.Cursor.Sequence, e.Oldest)
	}
}

// Is makes every CursorError match ErrCursorExpired.
func (e *CursorError) Is(target error) bool { return target == ErrCursorExpired }

// Gap is a run of sequences that a reader lost, both ends included, because the log had dropped them before they were read.
type Gap = eventlog.Gap

// Cursor returns the position behind the latest event.
func (s *Supervisor) Cursor() Cursor { return Cursor{s.epoch, s.log.Last()} }

// EventBuffer returns how many events the log keeps: Config.EventBuffer, rounded up.
func (s *Supervisor) EventBuffer() int { return s.log.Capacity() }

// OldestCursor returns the position before the oldest event that the log keeps.
func (s *Supervisor) OldestCursor() Cursor { return Cursor{s.epoch, s.log.Oldest() - 1} }

// Reader reads the event log from one position on. It costs the supervisor nothing: a reader that is too slow for the log loses
// events and is told which. A Reader belongs to one goroutine at a time.
type Reader struct {
	log   *eventlog.Reader[Event]
	epoch string
}

// Read returns a reader of the events strictly after c. Error: *CursorError when c is of another log, events after it are gone, or it has
// not happened yet.
func (s *Supervisor) Read(c Cursor) (*Reader, error) {
	oldest, latest := s.log.Oldest(), s.log.Last()
	if c.Epoch != s.epoch || c.Sequence+1 < oldest || c.Sequence > latest {
		return nil, &CursorError{Cursor: c, Epoch: s.epoch, Oldest: oldest, Latest: latest}
	}
	return s.reader(c.Sequence), nil
}

func (s *Supervisor) reader(after uint64) *Reader { return &Reader{s.log.NewReader(after), s.epoch} }

// Next waits for an event after the cursor and copies as many as there are into buf, at most len(buf). A gap that is not zero tells
// of events that were lost before those of buf. Errors: ErrClosed after the last event of a supervisor that has shut down; the error of ctx.
func (r *Reader) Next(ctx context.Context, buf []Event) (n int, gap Gap, err error) {
	return r.log.Next(ctx, buf)
}

// TryNext does as Next, without waiting: n is 0 if nothing follows the cursor.
func (r *Reader) TryNext(buf []Event) (n int, gap Gap) { return r.log.TryNext(buf) }

// Ready returns a channel on which one element arrives as soon as something follows the cursor, or the supervisor has shut down: TryNext
// after it finds nothing only at the end. It is for a select, and to be called anew for each.
func (r *Reader) Ready() <-chan struct{} { return r.log.Ready() }

// Skip moves the cursor on to sequence, as if everything up to there had been read. It never goes back, nor beyond the latest event.
func (r *Reader) Skip(sequence uint64) { r.log.Skip(sequence) }

// Cursor returns the position behind everything that Next has returned.
func (r *Reader) Cursor() Cursor { return Cursor{r.epoch, r.log.Cursor()} }

// Close gives back what the reader holds. It may be called at any time and more than once.
func (r *Reader) Close() { r.log.Close() }
