package server

import (
	"sort"

	"github.com/taskvisor/taskvisor/supervisor"
)

// batch is the events of a message while a stream collects them.
type batch struct {
	pieces [][]byte // their encodings; each piece is consecutive events of one segment of the feed
	events int
	size   int            // of the pieces
	gap    supervisor.Gap // before the events
}

// reset empties the batch. It holds no bytes of the feed after that.
func (b *batch) reset() {
	clear(b.pieces)
	*b = batch{pieces: b.pieces[:0]}
}

// take takes those events of the run that the stream selects, as long as there is room in the message. It returns how many events of the run
// are dealt with: taken, or not selected.
func (b *batch) take(r *run, w *watch) int {
	if w.selectsAll() {
		n := b.fit(r)
		b.add(r, 0, n)
		return n
	}
	first := w.cursor() + 1
	begin := 0 // of the piece that grows: the events from begin to before i are selected
	for i := range r.len() {
		if !w.selects(&r.keys[i], first+uint64(i)) {
			b.add(r, begin, i)
			begin = i + 1
		} else if size := b.size + len(r.slice(begin, i+1)); size > maxMessageSize && b.events+i-begin > 0 {
			b.add(r, begin, i)
			return i
		}
	}
	b.add(r, begin, r.len())
	return r.len()
}

// fit returns how many events of the run there is room for. The first event of a message always fits, or it could never be sent.
func (b *batch) fit(r *run) int {
	room := maxMessageSize - b.size
	n := sort.Search(r.len(), func(i int) bool { return int(r.ends[i]-r.begin) > room })
	if n == 0 && b.events == 0 {
		return 1
	}
	return n
}

// add adds the events of the run from i to before j.
func (b *batch) add(r *run, i, j int) {
	if i >= j {
		return
	}
	piece := r.slice(i, j)
	b.pieces = append(b.pieces, piece)
	b.events += j - i
	b.size += len(piece)
}

// frame returns the message, which says that the stream has come to the cursor; nil if there is nothing to tell.
func (b *batch) frame(c supervisor.Cursor) *frame {
	if b.events == 0 && b.gap.IsZero() {
		return nil
	}
	return newFrame(b.pieces, b.events, b.size, c, b.gap)
}
