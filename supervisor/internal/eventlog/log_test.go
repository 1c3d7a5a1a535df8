package eventlog

import (
	"fmt"
	"slices"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// entry is the value of the tests: what the publisher put in and what the log did.
type entry struct {
	id       int
	sequence uint64
}

func newTestLog(capacity int) *Log[entry] {
	return New(capacity, func(e *entry, sequence uint64) { e.sequence = sequence })
}

// appendN appends n values whose id is the sequence that they must get.
func appendN(l *Log[entry], n int) {
	for range n {
		l.Append(&entry{id: int(l.Last()) + 1})
	}
}

// sequences returns those of the entries after a check that stamp and id agree.
func sequences(t *testing.T, entries []entry) []uint64 {
	t.Helper()
	out := make([]uint64, 0, len(entries))
	for _, e := range entries {
		if e.sequence != uint64(e.id) {
			t.Errorf("value %d has sequence %d", e.id, e.sequence)
		}
		out = append(out, e.sequence)
	}
	return out
}

func span(first, last uint64) []uint64 {
	out := []uint64{}
	for s := first; s <= last; s++ {
		out = append(out, s)
	}
	return out
}

func mustPanic(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	f()
}

func TestCapacityIsRoundedUpToAPowerOfTwo(t *testing.T) {
	for _, c := range []struct{ capacity, kept int }{
		{1, 1}, {2, 2}, {3, 4}, {4, 4}, {5, 8}, {63, 64}, {64, 64}, {65, 128}, {100, 128}, {128, 128}, {129, 256},
	} {
		l := newTestLog(c.capacity)
		appendN(l, 1000)
		if kept := l.Last() - l.Oldest() + 1; kept != uint64(c.kept) {
			t.Errorf("capacity %d keeps %d, want %d", c.capacity, kept, c.kept)
		}
		buf := make([]entry, 1000)
		n, gap := l.NewReader(0).TryNext(buf)
		if n != c.kept || gap != (Gap{1, uint64(1000 - c.kept)}) {
			t.Errorf("capacity %d: read %d after %v, want %d", c.capacity, n, gap, c.kept)
		}
	}
}

func TestCapacityBelowOnePanics(t *testing.T) {
	for _, capacity := range []int{0, -1} {
		mustPanic(t, func() { newTestLog(capacity) })
	}
}

func TestSequencesBeginAtOneAndHaveNoHoles(t *testing.T) {
	l := newTestLog(4)
	if l.Last() != 0 || l.Oldest() != 1 {
		t.Errorf("empty log: last %d, oldest %d", l.Last(), l.Oldest())
	}
	want := uint64(0)
	for i := range 300 {
		if i%3 == 0 {
			want += 3
			if got := l.AppendAll(entry{}, entry{}, entry{}); got != want {
				t.Fatalf("AppendAll returned %d, want %d", got, want)
			}
		} else {
			want++
			if got := l.Append(&entry{}); got != want {
				t.Fatalf("Append returned %d, want %d", got, want)
			}
		}
		if l.Last() != want {
			t.Fatalf("last %d, want %d", l.Last(), want)
		}
	}
	if got := l.AppendAll(); got != 0 || l.Last() != want {
		t.Errorf("AppendAll of nothing returned %d, last %d", got, l.Last())
	}
}

func TestAppendAllMayHaveMoreThanTheLogKeeps(t *testing.T) {
	for _, capacity := range []int{1, 2, 64, 128} {
		l := newTestLog(capacity)
		l.Append(&entry{id: 1})
		vs := make([]entry, 300)
		for i := range vs {
			vs[i] = entry{id: i + 2}
		}
		if last := l.AppendAll(vs...); last != 301 {
			t.Errorf("returned %d", last)
		}
		buf := make([]entry, 301)
		n, gap := l.NewReader(0).TryNext(buf)
		oldest := 301 - uint64(capacity) + 1
		if got := sequences(t, buf[:n]); !slices.Equal(got, span(oldest, 301)) || gap != (Gap{1, oldest - 1}) {
			t.Errorf("capacity %d: got %v after %v", capacity, got, gap)
		}
	}
}

func TestAppendCopiesTheValue(t *testing.T) {
	l := newTestLog(4)
	v := entry{id: 7}
	l.Append(&v)
	v.id = 8
	buf := make([]entry, 1)
	l.NewReader(0).TryNext(buf)
	if buf[0] != (entry{id: 7, sequence: 1}) {
		t.Errorf("got %v", buf[0])
	}
	if v.sequence != 0 {
		t.Error("the caller's value was stamped")
	}
}

func TestStampRunsUnderTheLockInTheOrderOfTheSequences(t *testing.T) {
	stamped := uint64(0) // without a lock of its own: the race detector watches
	l := New(8, func(e *entry, sequence uint64) {
		if stamped++; stamped != sequence {
			t.Errorf("stamp number %d is for sequence %d", stamped, sequence)
		}
		e.sequence = sequence
	})
	concurrently(4, func(int) {
		for range 200 {
			l.Append(&entry{})
		}
	})
	if stamped != 800 || l.Last() != 800 {
		t.Errorf("%d stamps, last %d", stamped, l.Last())
	}
}

func TestPanicInStampLeavesTheLogUsable(t *testing.T) {
	l := New(2, func(e *entry, sequence uint64) {
		if e.id < 0 {
			panic("stamp")
		}
		e.sequence = sequence
	})
	for range 10 {
		mustPanic(t, func() { l.Append(&entry{id: -1}) })
		appendN(l, 1)
	}
	buf := make([]entry, 10)
	n, gap := l.NewReader(0).TryNext(buf)
	if got := sequences(t, buf[:n]); !slices.Equal(got, span(9, 10)) || gap != (Gap{1, 8}) {
		t.Errorf("got %v after %v", got, gap)
	}
}

// Every cursor against the lengths of several laps: all of them, but of larger logs only those around the ends of the segments.
func TestReaderGetsEveryValueOrAnExactGap(t *testing.T) {
	for _, capacity := range []int{1, 2, 4, 64, 128} {
		for _, size := range []int{1, 3, capacity, capacity + 1} {
			t.Run(fmt.Sprintf("capacity=%d/buf=%d", capacity, size), func(t *testing.T) {
				l := newTestLog(capacity)
				for last := range 3*uint64(capacity) + 3 {
					if last < 20 || (last+2)%maxSegment < 4 {
						for after := range last + 1 {
							checkRead(t, l, after, last, make([]entry, size))
						}
					}
					appendN(l, 1)
				}
			})
		}
	}
}

// checkRead reads l, whose last sequence is last, to the end with a new reader after the given sequence.
func checkRead(t *testing.T, l *Log[entry], after, last uint64, buf []entry) {
	t.Helper()
	wantGap, first := Gap{}, after+1
	if kept := l.capacity; last > kept && after < last-kept {
		wantGap, first = Gap{after + 1, last - kept}, last-kept+1
	}
	r := l.NewReader(after)
	n, gap := r.TryNext(buf)
	if gap != wantGap {
		t.Fatalf("after %d of %d: gap %v, want %v", after, last, gap, wantGap)
	}
	var got []uint64
	for n > 0 {
		got = append(got, sequences(t, buf[:n])...)
		if r.Cursor() != got[len(got)-1] {
			t.Fatalf("cursor %d after %v", r.Cursor(), got)
		}
		if n < len(buf) && r.Cursor() != last {
			t.Fatalf("the buffer was not filled: %d of %d", n, len(buf))
		}
		if n, gap = r.TryNext(buf); !gap.IsZero() {
			t.Fatalf("second gap %v", gap)
		}
	}
	if !slices.Equal(got, span(first, last)) {
		t.Fatalf("after %d of %d: got %v", after, last, got)
	}
}

func TestGapsAreExactAtTheEdge(t *testing.T) {
	for _, c := range []struct {
		after uint64
		gap   Gap
	}{
		{0, Gap{1, 36}}, {34, Gap{35, 36}}, {35, Gap{36, 36}}, {36, Gap{}}, {37, Gap{}},
	} {
		l := newTestLog(64)
		appendN(l, 100)
		r := l.NewReader(c.after)
		buf := make([]entry, 1)
		n, gap := r.TryNext(buf)
		if want := max(c.gap.Last, c.after) + 1; n != 1 || gap != c.gap || buf[0].sequence != want || r.Cursor() != want {
			t.Errorf("after %d: gap %v, value %d, cursor %d; want %v, %d", c.after, gap, buf[0].sequence, r.Cursor(), c.gap, want)
		}
	}
}

func TestNoAppendWaitsForAReader(t *testing.T) {
	const capacity = 128
	l := newTestLog(capacity)
	appendN(l, capacity)
	held := l.place(1).Load()
	held.mu.RLock() // as a reader does that the scheduler stopped in the middle of a copy
	appendN(l, 5*capacity)

	if l.place(1).Load() == held {
		t.Error("the segment was reused")
	}
	if got := sequences(t, held.values); !slices.Equal(got, span(1, maxSegment)) {
		t.Errorf("the reader's values changed: %v", got)
	}
	held.mu.RUnlock()

	inUse := l.segments[0].Load()
	appendN(l, 3*capacity)
	if l.segments[0].Load() != inUse {
		t.Error("a segment that nobody reads was not reused")
	}
}

func TestCopyOutOfAReusedSegmentFindsNothing(t *testing.T) {
	l := newTestLog(64)
	appendN(l, 64)
	r, buf, last := l.NewReader(0), make([]entry, 64), l.Last()
	appendN(l, 128) // since the reader looked at last
	if n := r.fill(buf, 1, last); n != 0 {
		t.Errorf("%d values out of a segment of others", n)
	}
	if n, gap := r.TryNext(buf); n != 64 || gap != (Gap{1, 128}) {
		t.Errorf("second look: %d values after %v", n, gap)
	}
}
