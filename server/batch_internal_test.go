package server

import (
	"testing"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// runOf returns a run of events of these sizes.
func runOf(sizes ...int) *run {
	var r run
	for _, size := range sizes {
		r.bytes = append(r.bytes, make([]byte, size)...)
		r.ends = append(r.ends, uint32(len(r.bytes)))
		r.keys = append(r.keys, eventKey{})
	}
	return &r
}

// A message is as full as it may be, to the byte, whether or not there is a filter. An event that is larger than a message may be is one all the same.
func TestBatchesAreFull(t *testing.T) {
	fountain := newFountain(t, 16)
	defer fountain.stop(t)
	const full, large = maxMessageSize, 2 * maxMessageSize
	for name, filter := range map[string]*pb.EventFilter{"all": nil, "filtered": {Kinds: []pb.EventKind{pb.EventKind_EVENT_KIND_UNSPECIFIED + 1}}} {
		for _, test := range []struct {
			sizes []int
			want  int
		}{
			{[]int{full}, 1}, {[]int{full, 1}, 1}, {[]int{full - 1, 1}, 2}, {[]int{full - 1, 2}, 1}, {[]int{full / 2, full / 4, full}, 2},
			{[]int{large}, 1}, {[]int{large, 1}, 1}, {[]int{1, large}, 1},
		} {
			w := newTestWatch(t, fountain, filter)
			r := runOf(test.sizes...)
			for i := range r.keys {
				r.keys[i].kind = 1
			}
			if !w.filter.match(&r.keys[0]) {
				t.Fatal("the filter selects nothing")
			}
			var b batch
			if got := b.take(r, w); got != test.want || b.events != test.want {
				t.Errorf("%s: of events of %d bytes %d are taken, want %d", name, test.sizes, got, test.want)
			}
			b.reset()
			if b.events != 0 || b.size != 0 || len(b.pieces) != 0 || b.pieces[:1][0] != nil {
				t.Errorf("%s: after its reset a batch is %+v", name, b)
			}
		}
	}
}
