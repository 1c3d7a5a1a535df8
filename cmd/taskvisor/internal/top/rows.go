package top

import (
	"cmp"
	"math"
	"slices"
	"time"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// order is what the rows are sorted by; those that are equal, by their names.
type order uint8

const (
	byTrouble order = iota
	byName
	byRestarts
	byNext
	byAge
	orders // how many there are
)

func (o order) String() string {
	return [orders]string{"trouble", "name", "restarts", "next", "age"}[o]
}

// rows are the tasks on the screen and beyond it. It belongs to the model.
type rows struct {
	all      []*pb.Task // those of the server, sorted by name
	shown    []*pb.Task // those that pass the filter, in order
	order    order
	restarts restartsByID // by uid

	selected *pb.Task // nil: there is no row
	moved    bool     // somebody has selected it; otherwise it is the first one, whichever that is
	index    int      // of it
	top      int      // index of the first row on the screen
	seen     int      // rows on the screen

	names int // columns that the longest name takes
	sum   summary
}

// summary counts the tasks that are shown, by what a person wants to know.
type summary struct {
	states  [pb.TaskState_TASK_STATE_FINISHED + 1]int
	failing int // in a failure streak, in whatever state
}

// arrange sorts anew, and keeps the selection where it is.
func (r *rows) arrange(f *filter, now time.Time) {
	keys := make([]keyed, 0, len(r.all))
	r.sum, r.names = summary{}, 0
	for _, t := range r.all {
		if !f.passes(t.GetName()) {
			continue
		}
		keys = append(keys, keyed{r.key(t, now), t})
		r.names = max(r.names, len(t.GetName()))
		r.sum.count(t)
	}
	slices.SortStableFunc(keys, func(a, b keyed) int { return cmp.Compare(a.key, b.key) })
	r.shown = make([]*pb.Task, len(keys))
	for i, k := range keys {
		r.shown[i] = k.task
	}
	r.reselect()
}

// keyed is a task with the number that it is sorted by.
type keyed struct {
	key  int64
	task *pb.Task
}

func (r *rows) key(t *pb.Task, now time.Time) int64 {
	switch r.order {
	case byTrouble:
		return trouble(t)
	case byRestarts:
		return -int64(r.restarts[t.GetUid()].total(now)) //nolint:gosec // 24 counters of 16 bits
	case byNext:
		if t.GetNextAttemptTime() == nil {
			return math.MaxInt64
		}
		return t.GetNextAttemptTime().AsTime().UnixNano()
	case byAge:
		return -t.GetCreateTime().AsTime().UnixNano()
	case byName, orders:
	}
	return 0
}

// trouble is lower the more a task needs somebody to look. A task that fails again and again is in trouble in whatever state it is at the
// moment, or rows would jump.
func trouble(t *pb.Task) int64 {
	switch t.GetState() { //nolint:exhaustive // the others are well, unless they fail
	case pb.TaskState_TASK_STATE_STUCK:
		return 0
	case pb.TaskState_TASK_STATE_STOPPING:
		return 2
	}
	if t.GetFailureStreak() > 0 {
		return 1
	}
	switch t.GetState() { //nolint:exhaustive // see above
	case pb.TaskState_TASK_STATE_QUEUED, pb.TaskState_TASK_STATE_WAITING:
		return 3
	}
	return 4
}

func (s *summary) count(t *pb.Task) {
	if n := int(t.GetState()); n < len(s.states) {
		s.states[n]++
	}
	if t.GetFailureStreak() > 0 {
		s.failing++
	}
}

// replace takes the tasks of the server.
func (r *rows) replace(tasks []*pb.Task) {
	r.all = tasks
	if len(r.restarts) == 0 {
		return
	}
	live := make(map[string]bool, len(tasks))
	for _, t := range tasks {
		live[t.GetUid()] = true
	}
	for uid := range r.restarts {
		if !live[uid] {
			delete(r.restarts, uid)
		}
	}
}

// reselect finds the selected task in the rows: the life, or else the one that has its name now, or else the row that is in its place.
func (r *rows) reselect() {
	if r.selected != nil && r.moved {
		if i := slices.IndexFunc(r.shown, func(t *pb.Task) bool { return t.GetUid() == r.selected.GetUid() }); i >= 0 {
			r.index = i
		} else if i := slices.IndexFunc(r.shown, func(t *pb.Task) bool { return t.GetName() == r.selected.GetName() }); i >= 0 {
			r.index = i
		}
	}
	r.move(0)
}

// choose selects the row that is so many below.
func (r *rows) choose(by int) {
	r.move(by)
	r.moved = r.index > 0
}

func (r *rows) move(by int) {
	r.index = min(max(r.index+by, 0), max(len(r.shown)-1, 0))
	r.selected = nil
	if len(r.shown) > 0 {
		r.selected = r.shown[r.index]
	}
}

// visible returns the n rows that are on the screen, the selected one among them.
func (r *rows) visible(n int) []*pb.Task {
	r.top = min(max(r.top, r.index-n+1), r.index)
	r.top = max(min(r.top, len(r.shown)-n), 0)
	r.seen = min(n, len(r.shown)-r.top)
	return r.shown[r.top : r.top+r.seen]
}
