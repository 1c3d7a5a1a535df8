package top

import (
	"math"
	"math/bits"
	"time"
)

const (
	bucket  = 10 * time.Second // of a cell
	buckets = 24               // cells that are kept
)

// history counts how often a task was started again, in the last four minutes. The zero value has none.
type history struct {
	newest int64 // number of the bucket of the last cell, counted from 1970
	cells  [buckets]cell
}

// cell is what happened in one bucket.
type cell struct {
	restarts uint16 // attempts that were not the first
	failures uint16 // those of them that followed a failure
}

func bucketOf(t time.Time) int64 { return t.UnixNano() / int64(bucket) }

// restarted counts an attempt that began at a time.
func (h *history) restarted(at time.Time, failed bool) {
	c := cell{restarts: 1}
	if failed {
		c.failures = 1
	}
	h.add(bucketOf(at), c)
}

// add counts into a bucket, unless that is too old.
func (h *history) add(number int64, c cell) {
	h.advance(number)
	i := buckets - 1 - (h.newest - number)
	if i < 0 {
		return
	}
	h.cells[i].restarts = saturate(h.cells[i].restarts, c.restarts)
	h.cells[i].failures = saturate(h.cells[i].failures, c.failures)
}

func saturate(a, b uint16) uint16 { return uint16(min(uint32(a)+uint32(b), math.MaxUint16)) }

// advance makes room for a bucket.
func (h *history) advance(number int64) {
	by := number - h.newest
	switch {
	case by <= 0:
		return
	case by >= buckets:
		h.cells = [buckets]cell{}
	default:
		copy(h.cells[:], h.cells[by:])
		clear(h.cells[buckets-by:])
	}
	h.newest = number
}

// merge counts what another one has.
func (h *history) merge(other *history) {
	for i, c := range other.cells {
		if c.restarts > 0 {
			h.add(other.newest-int64(buckets-1-i), c)
		}
	}
}

// at returns the last n cells as of now, and whether anything is in them. A server whose clock is ahead has its last ones last.
func (h *history) at(now time.Time, n int) (cells []cell, some bool) {
	if h == nil {
		return nil, false
	}
	shown := *h
	shown.advance(bucketOf(now))
	cells = append(cells, shown.cells[max(buckets-n, 0):]...)
	for _, c := range cells {
		some = some || c.restarts > 0
	}
	return cells, some
}

// total returns how many restarts there were in all of the time.
func (h *history) total(now time.Time) (n uint64) {
	cells, _ := h.at(now, buckets)
	for _, c := range cells {
		n += uint64(c.restarts)
	}
	return n
}

// bar returns a bar that is one step higher with each doubling: 1, 2, 4 … 128 and more in ten seconds. The scale is the same for all tasks.
func bar(n uint16) rune {
	if n == 0 {
		return ' '
	}
	bars := []rune("▁▂▃▄▅▆▇█")
	return bars[min(bits.Len16(n), len(bars))-1]
}
