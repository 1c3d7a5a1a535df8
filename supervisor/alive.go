package supervisor

import (
	"maps"
	"slices"
	"sync"
)

// AliveTracker knows from the events which tasks are alive and which of those run an attempt. It is a pure fold over the events: one that it has
// seen before changes nothing, so replays and duplicates are harmless. A gap is not: begin with a fresh tracker after one.
// The zero value has seen nothing and is ready for use, from any goroutine. It is a Subscriber.
type AliveTracker struct {
	mu       sync.Mutex
	sequence uint64 // of the last event that was seen
	alive    map[UID]aliveTask
}

type aliveTask struct {
	name    string
	running bool
}

// Name returns "alive".
func (a *AliveTracker) Name() string { return "alive" }

// OnEvent takes the next event; one with a sequence that was seen before is ignored.
func (a *AliveTracker) OnEvent(e Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e.Sequence <= a.sequence {
		return
	}
	a.sequence = e.Sequence
	if a.alive == nil {
		a.alive = map[UID]aliveTask{}
	}
	switch e.Kind { //nolint:exhaustive // the other kinds change neither who is alive nor who runs
	case TaskAdded, TaskStopped, TaskFailed:
		a.alive[e.UID] = aliveTask{name: e.Task}
	case TaskStarting:
		a.alive[e.UID] = aliveTask{name: e.Task, running: true}
	case TaskRemoved:
		delete(a.alive, e.UID)
	}
}

// Alive returns the sorted names of the tasks that were added and not yet removed.
func (a *AliveTracker) Alive() []string { return a.names(func(aliveTask) bool { return true }) }

// Running returns the sorted names of the tasks that run an attempt.
func (a *AliveTracker) Running() []string {
	return a.names(func(t aliveTask) bool { return t.running })
}

// Sequence returns that of the last event that was seen.
func (a *AliveTracker) Sequence() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sequence
}

func (a *AliveTracker) names(keep func(aliveTask) bool) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var names []string
	for t := range maps.Values(a.alive) {
		if keep(t) {
			names = append(names, t.name)
		}
	}
	slices.Sort(names)
	return names
}
