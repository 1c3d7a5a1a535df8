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
	// UIDs and Names: only these lives, and only of tasks with these names; none: all. Lives by uid and live tasks by name are looked up, whatever the
	// number of others.
	UIDs  []UID
	Names []string
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
	if len(opts.UIDs)+len(opts.Names) == 0 {
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
	isNamed := func(t *task) bool {
		return len(opts.Names) == 0 || slices.Contains(opts.Names, t.spec.Name)
	}
	if len(opts.UIDs) > 0 {
		for i, uid := range opts.UIDs {
			if t := s.byUID.get(uid); t != nil && isNamed(t) && !slices.Contains(opts.UIDs[:i], uid) {
				each(t)
			}
		}
		return
	}
	s.liveCandidates(opts, each)
	if opts.Finished {
		for _, t := range s.retained.tasks {
			if isNamed(t) {
				each(t)
			}
		}
	}
}

// liveCandidates is candidates for the live tasks. s.mu is held.
func (s *Supervisor) liveCandidates(opts *ListOptions, each func(*task)) {
	if len(opts.Names) == 0 {
		for _, t := range s.byName {
			each(t)
		}
		return
	}
	for i, name := range opts.Names {
		if t := s.byName[name]; t != nil && !slices.Contains(opts.Names[:i], name) {
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
