package supervisor

import (
	"bytes"
	"cmp"
	"container/heap"
	"slices"
	"time"
)

// ListOptions says which tasks List returns.
type ListOptions struct {
	// AfterName and AfterUID: only tasks that sort after these; the zero values: from the beginning.
	AfterName string
	AfterUID  UID
	// Limit is how many tasks to return at most. 0: no limit.
	Limit int
	// Finished includes the finished tasks that are kept.
	Finished bool
	// UIDs: only these lives, which are looked up, whatever the number of others; none: all.
	UIDs []UID
	// Match selects tasks; nil selects all. It must not call the supervisor.
	Match func(*Snapshot) bool
}

// List returns tasks sorted by name, then by uid. Each snapshot is of its own moment: together with the Cursor taken before List is called, and
// the Sequence of each, a reader can follow from there without missing or doubling an event.
func (s *Supervisor) List(opts ListOptions) []Snapshot {
	var out []Snapshot
	h := s.listed(&opts)
	heap.Init(&h)
	for len(h) > 0 && (opts.Limit <= 0 || len(out) < opts.Limit) {
		t := heap.Pop(&h).(*task)
		snap := t.snapshot()
		if snap.State == StateFinished && !opts.Finished || opts.Match != nil && !opts.Match(&snap) {
			continue // it may have finished since it was collected
		}
		out = append(out, snap)
	}
	return out
}

// listed returns the tasks that can be part of the list. A heap of them costs O(n) for a page, where sorting would cost O(n·log n).
func (s *Supervisor) listed(opts *ListOptions) (h taskHeap) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retained.expire(time.Now(), s.byUID)
	if len(opts.UIDs) == 0 {
		h = make(taskHeap, 0, len(s.byName))
	}
	s.candidates(opts, func(t *task) {
		if cmp.Or(cmp.Compare(t.spec.Name, opts.AfterName), bytes.Compare(t.uid[:], opts.AfterUID[:])) > 0 {
			h = append(h, t)
		}
	})
	return h
}

// candidates calls each once for each task that opts may select. s.mu is held.
func (s *Supervisor) candidates(opts *ListOptions, each func(*task)) {
	if len(opts.UIDs) > 0 {
		for i, uid := range opts.UIDs {
			if t := s.byUID.get(uid); t != nil && !slices.Contains(opts.UIDs[:i], uid) {
				each(t)
			}
		}
		return
	}
	for _, t := range s.byName {
		each(t)
	}
	if opts.Finished {
		for _, t := range s.retained.tasks {
			each(t)
		}
	}
}

// taskHeap is a heap of tasks by name, then by uid.
type taskHeap []*task

func (h taskHeap) Len() int { return len(h) }
func (h taskHeap) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(h[i].spec.Name, h[j].spec.Name), bytes.Compare(h[i].uid[:], h[j].uid[:])) < 0
}
func (h taskHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *taskHeap) Push(x any)   { *h = append(*h, x.(*task)) }
func (h *taskHeap) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	*h = (*h)[:last]
	return t
}
