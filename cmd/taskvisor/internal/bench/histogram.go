package bench

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// histogram counts durations in buckets that are at most 1/64 of their value wide: exact enough for ratios, of a fixed size, and histograms
// of several processes can be added. Durations below zero count as zero. It may be used from any goroutine; the zero value is empty.
type histogram struct {
	buckets [64 * histogramParts]atomic.Uint64
}

// histogramParts is into how many buckets each doubling is divided.
const histogramParts = 64

func (h *histogram) add(d time.Duration) { h.buckets[bucketOf(d)].Add(1) }

// bucketOf returns d itself while it is small. Above that, the bucket has the position of the highest bit and the bits below it.
func bucketOf(d time.Duration) int {
	v := uint64(max(d, 0))
	shift := max(bits.Len64(v)-7, 0)
	return shift*histogramParts + int(v>>shift)
}

// middleOf returns the middle of a bucket.
func middleOf(bucket int) time.Duration {
	if bucket < 2*histogramParts {
		return time.Duration(bucket)
	}
	shift := bucket/histogramParts - 1
	low := uint64(bucket-shift*histogramParts) << shift
	return time.Duration(low + (uint64(1)<<shift)/2)
}

// distribution is a copy of a histogram: how often each bucket was met, without those that never were.
type distribution map[int]uint64

func (h *histogram) distribution() distribution {
	d := distribution{}
	for i := range h.buckets {
		if n := h.buckets[i].Load(); n > 0 {
			d[i] = n
		}
	}
	return d
}

// add adds what another one counted.
func (d distribution) add(other distribution) {
	for bucket, n := range other {
		d[bucket] += n
	}
}

// since returns what was counted after an earlier copy of the same histogram.
func (d distribution) since(earlier distribution) distribution {
	diff := distribution{}
	for bucket, n := range d {
		if n > earlier[bucket] {
			diff[bucket] = n - earlier[bucket]
		}
	}
	return diff
}

func (d distribution) total() (n uint64) {
	for _, of := range d {
		n += of
	}
	return n
}

// quantile returns the duration that the share q, from 0 to 1, does not exceed; 0 when nothing was counted.
func (d distribution) quantile(q float64) time.Duration {
	rank := uint64(q * float64(d.total()))
	for bucket := range 64 * histogramParts {
		n := d[bucket]
		if n > rank {
			return middleOf(bucket)
		}
		rank -= n
	}
	return 0
}
