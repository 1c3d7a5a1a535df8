package client

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// View is a copy of the live tasks that Follow keeps. It is safe for concurrent use, by the loop and by others while the loop goes on. The
// tasks in it are never changed, a change puts another message in their place, so they may be kept; nobody else may change them.
type View struct {
	mu     sync.RWMutex // guards what is below
	tasks  index
	synced bool
}

// index has the live tasks by uid and by name.
type index struct {
	byUID  map[string]*tracked
	byName map[string]*tracked
}

func newIndex() index { return index{byUID: map[string]*tracked{}, byName: map[string]*tracked{}} }

// Len returns how many tasks there are.
func (v *View) Len() int {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return len(v.tasks.byUID)
}

// Task returns the live task that ref refers to, nil if there is none.
func (v *View) Task(ref Ref) *pb.Task {
	v.mu.RLock()
	defer v.mu.RUnlock()
	t := v.tasks.byName[ref.name]
	if ref.uid != "" {
		t = v.tasks.byUID[ref.uid]
	}
	if t == nil {
		return nil
	}
	return t.task
}

// Tasks returns all of them, sorted by name, as ListTasks does.
func (v *View) Tasks() []*pb.Task {
	v.mu.RLock()
	defer v.mu.RUnlock()
	list := make([]*pb.Task, 0, len(v.tasks.byUID))
	for _, t := range v.tasks.byUID {
		list = append(list, t.task)
	}
	slices.SortFunc(list, compareTasks)
	return list
}

func compareTasks(a, b *pb.Task) int {
	return cmp.Or(cmp.Compare(a.GetName(), b.GetName()), cmp.Compare(a.GetUid(), b.GetUid()))
}

// Synced reports whether the view is complete: from the end of the first snapshot on, but for the time between a loss and the next snapshot, in
// which it shows what it showed before.
func (v *View) Synced() bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.synced
}

// replace puts the tasks of a snapshot in the place of all others.
func (v *View) replace(tasks index) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tasks, v.synced = tasks, true
}

// lose notes that events were lost.
func (v *View) lose() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.synced = false
}

// apply folds an event about a task into the view, and returns the task before and after; nil where it was or is not known. fetched is what
// a list said about a task that begins, nil if it did not say.
func (v *View) apply(e *pb.Event, fetched *pb.Task) (before, after *pb.Task) {
	v.mu.Lock()
	defer v.mu.Unlock()
	t := v.tasks.byUID[e.GetUid()]
	if t == nil {
		if !begins(e) {
			return nil, nil
		}
		t = &tracked{life: life{task: beginning(fetched)}, fetched: fetched}
		v.tasks.byUID[e.GetUid()], v.tasks.byName[e.GetTask()] = t, t
	} else {
		before = t.task
	}
	t.fold(e)
	t.catchUp()
	if t.task.GetState() == pb.TaskState_TASK_STATE_FINISHED {
		v.tasks.remove(t)
	}
	return before, t.task
}

// shutDown folds the beginning of a shutdown into all tasks.
func (v *View) shutDown(e *pb.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, t := range v.tasks.byUID {
		t.fold(e)
	}
}

// unsure returns the uids of tasks about which a list knows more: those that events have changed, and those that may wait for a permit since
// their backoff is over, which no event tells.
func (v *View) unsure(now time.Time) (uids []string) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	for uid, t := range v.tasks.byUID {
		due := t.task.GetNextAttemptTime()
		if t.stale || due != nil && due.AsTime().Before(now) {
			uids = append(uids, uid)
		}
	}
	slices.Sort(uids)
	return uids
}

// refine takes the word of a list on a task. It returns the task as it was and as it is, if the list knew better.
func (v *View) refine(listed *pb.Task) (before, after *pb.Task, changed bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	t := v.tasks.byUID[listed.GetUid()]
	if t == nil {
		return nil, nil, false
	}
	before = t.task
	t.fetched = listed
	if t.task.GetSpec() == nil {
		t.task = withBeginning(t.task, listed)
	}
	t.catchUp()
	return before, t.task, !proto.Equal(before, t.task)
}

// knows reports whether a life is in the view.
func (v *View) knows(uid string) bool { return v.Task(ByUID(uid)) != nil }

func (x *index) put(task *pb.Task) {
	t := &tracked{life: life{task: task}}
	x.byUID[task.GetUid()], x.byName[task.GetName()] = t, t
}

func (x *index) remove(t *tracked) {
	delete(x.byUID, t.task.GetUid())
	delete(x.byName, t.task.GetName()) // the next life of that name begins after this one's end
}

// tracked is a live task of the view.
type tracked struct {
	life
	// fetched is a list's word on the task that is ahead of the events: it takes the place of the task once they have come as far.
	fetched *pb.Task
	// stale says that events have changed the task since a list showed it as it was.
	stale bool
}

func (t *tracked) fold(e *pb.Event) {
	t.life = t.apply(e)
	t.stale = true
}

// catchUp takes the word of a list, which is exact, when it is of the same event.
func (t *tracked) catchUp() {
	switch {
	case t.fetched == nil || t.fetched.GetSequence() > t.task.GetSequence():
		return
	case t.fetched.GetSequence() == t.task.GetSequence():
		t.task, t.stale = t.fetched, false
	}
	t.fetched = nil
}

// beginning is what never changes in a life.
func beginning(task *pb.Task) *pb.Task {
	return &pb.Task{Spec: task.GetSpec(), CreateTime: task.GetCreateTime(), Generation: task.GetGeneration(), PluginVersion: task.GetPluginVersion()}
}

func withBeginning(task, listed *pb.Task) *pb.Task {
	out := shallowCopy(task)
	out.Spec, out.CreateTime, out.Generation, out.PluginVersion = listed.GetSpec(), listed.GetCreateTime(), listed.GetGeneration(), listed.GetPluginVersion()
	return out
}
