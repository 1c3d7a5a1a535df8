package top

import (
	"time"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// tailSize is how many entries are kept.
const tailSize = 1000

// entry is a line of the tail: an event, or a mark, which tells what has happened to the events.
type entry struct {
	event *pb.Event // nil: a mark
	mark  string
	mood  Mood
	at    time.Time // of a mark
}

// tail has the newest entries, oldest first. The zero value is empty.
type tail struct {
	entries []entry
	frozen  []entry // what is shown while it is paused; nil: it is not
	missed  uint64  // entries since it was paused
}

// add adds entries that are newer than all others. skipped is how many there were in front of them that nobody could have read.
func (t *tail) add(entries []entry, skipped uint64) {
	t.entries = lastOf(append(t.entries, entries...))
	if t.frozen != nil {
		t.missed += uint64(len(entries)) + skipped
	}
}

// prepend adds entries that are older than all others.
func (t *tail) prepend(entries []entry) {
	room := max(tailSize-len(t.entries), 0)
	older := entries[max(len(entries)-room, 0):]
	t.entries = append(append(make([]entry, 0, len(older)+len(t.entries)), older...), t.entries...)
}

// lastOf returns the entries that are kept, in an array of their own from time to time, so that what was dropped is freed.
func lastOf(entries []entry) []entry {
	if len(entries) <= 2*tailSize {
		return entries
	}
	return append(make([]entry, 0, 2*tailSize), entries[len(entries)-tailSize:]...)
}

// pause holds what is shown, or goes on.
func (t *tail) pause() {
	if t.frozen != nil {
		t.frozen, t.missed = nil, 0
		return
	}
	t.frozen = append(make([]entry, 0, len(t.entries)), t.entries...)
}

func (t *tail) isPaused() bool { return t.frozen != nil }

// last returns the newest n entries that are wanted, oldest first.
func (t *tail) last(n int, wanted func(entry) bool) []entry {
	from := t.entries
	if t.frozen != nil {
		from = t.frozen
	}
	picked := make([]entry, 0, n)
	for i := len(from) - 1; i >= 0 && len(picked) < n; i-- {
		if wanted(from[i]) {
			picked = append(picked, from[i])
		}
	}
	for i, j := 0, len(picked)-1; i < j; i, j = i+1, j-1 {
		picked[i], picked[j] = picked[j], picked[i]
	}
	return picked
}
