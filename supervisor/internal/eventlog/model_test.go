package eventlog

import (
	"context"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// model is a log as one would write it without a thought for cost: all values there ever were, and a number for each reader.
type model struct {
	log      *Log[entry]
	capacity int
	ids      []int // of the value with sequence i+1
	closed   bool

	readers []*Reader[entry]
	cursors []int
	gone    []bool
}

func (m *model) oldest() int { return max(1, len(m.ids)-m.capacity+1) }

func (m *model) append(t *rapid.T) {
	n := rapid.IntRange(0, 5).Draw(t, "n")
	vs, want := make([]entry, n), uint64(0)
	for i := range vs {
		vs[i] = entry{id: rapid.Int().Draw(t, "id")}
		if !m.closed {
			m.ids = append(m.ids, vs[i].id)
			want = uint64(len(m.ids))
		}
	}
	var got uint64
	if n == 1 {
		got = m.log.Append(&vs[0])
	} else {
		got = m.log.AppendAll(vs...)
	}
	if got != want {
		t.Fatalf("append returned %d, want %d", got, want)
	}
}

func (m *model) appendMany(t *rapid.T) {
	for range rapid.IntRange(1, 200).Draw(t, "n") {
		m.append(t)
	}
}

func (m *model) newReader(t *rapid.T) {
	after := rapid.IntRange(0, len(m.ids)+3).Draw(t, "after")
	m.readers = append(m.readers, m.log.NewReader(uint64(after)))
	m.cursors = append(m.cursors, min(after, len(m.ids)))
	m.gone = append(m.gone, false)
}

func (m *model) pick(t *rapid.T) int {
	if len(m.readers) == 0 {
		t.Skip("no reader")
	}
	return rapid.IntRange(0, len(m.readers)-1).Draw(t, "reader")
}

func (m *model) read(t *rapid.T) {
	i := m.pick(t)
	size := rapid.IntRange(1, 150).Draw(t, "size")
	want, wantGap := m.expect(i, size)
	buf := make([]entry, size)
	var n int
	var gap Gap
	if len(want) > 0 && rapid.Bool().Draw(t, "Next") {
		var err error
		if n, gap, err = m.readers[i].Next(context.Background(), buf); err != nil {
			t.Fatal(err)
		}
	} else {
		n, gap = m.readers[i].TryNext(buf)
	}
	got := slices.Collect(func(yield func(int) bool) {
		for _, e := range buf[:n] {
			if !yield(e.id) {
				return
			}
		}
	})
	if gap != wantGap || !slices.Equal(got, want) {
		t.Fatalf("reader %d at %d: got %v after %v, want %v after %v", i, m.cursors[i], got, gap, want, wantGap)
	}
	m.cursors[i] += int(gap.Count()) + n
}

// expect returns what reader i has to get.
func (m *model) expect(i, size int) (ids []int, gap Gap) {
	if m.gone[i] || m.cursors[i] == len(m.ids) {
		return nil, Gap{}
	}
	from := m.cursors[i] + 1
	if oldest := m.oldest(); from < oldest {
		gap, from = Gap{uint64(from), uint64(oldest - 1)}, oldest
	}
	return m.ids[from-1 : min(len(m.ids), from-1+size)], gap
}

func (m *model) ready(t *rapid.T) {
	i := m.pick(t)
	ch := m.readers[i].Ready()
	if got, want := len(ch) == 1, !m.gone[i] && (m.closed || m.cursors[i] < len(m.ids)); got != want {
		t.Fatalf("reader %d: ready %v, want %v", i, got, want)
	}
}

func (m *model) end(t *rapid.T) {
	i := m.pick(t)
	if values, _ := m.expect(i, 1); len(values) > 0 || !m.closed && !m.gone[i] {
		t.Skip("not at the end")
	}
	if _, _, err := m.readers[i].Next(context.Background(), make([]entry, 1)); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
}

func (m *model) closeReader(t *rapid.T) {
	i := m.pick(t)
	m.readers[i].Close()
	m.gone[i] = true
}

func (m *model) closeLog(t *rapid.T) {
	if rapid.IntRange(0, 9).Draw(t, "really") == 0 { // most of what there is to see is before
		m.log.Close()
		m.closed = true
	}
}

func (m *model) check(t *rapid.T) {
	if m.log.Last() != uint64(len(m.ids)) || m.log.Oldest() != uint64(m.oldest()) {
		t.Fatalf("%d to %d, want %d to %d", m.log.Oldest(), m.log.Last(), m.oldest(), len(m.ids))
	}
	for i, r := range m.readers {
		if r.Cursor() != uint64(m.cursors[i]) {
			t.Fatalf("reader %d: cursor %d, want %d", i, r.Cursor(), m.cursors[i])
		}
	}
}

func TestLogDoesAsTheModelDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		capacity := 1 << rapid.IntRange(0, 9).Draw(t, "capacity")
		m := &model{log: newTestLog(capacity), capacity: capacity}
		defer m.log.Close()
		t.Repeat(map[string]func(*rapid.T){
			"append": m.append, "appendMany": m.appendMany, "newReader": m.newReader, "read": m.read, "readMore": m.read,
			"ready": m.ready, "end": m.end, "closeReader": m.closeReader, "closeLog": m.closeLog, "": m.check,
		})
	})
}
