package supervisor

import "fmt"

// The life of a task. Nothing but task.enterLocked changes a state, and only along these lines:
//
//	Add ──► QUEUED ──► FINISHED    (removed, or rejected by the slot)
//	 │         │
//	 │         │ owns the slot
//	 ▼         ▼
//	    WAITING ──► RUNNING ──► BACKOFF ──► WAITING or RUNNING …
//	           │           │ │         │
//	           │     told  │ │ rules   │ told to stop
//	           │   to stop │ │ end it  │
//	           ▼           ▼ │         ▼
//	        STOPPING ◄───────┼──── STOPPING ──► STUCK     (the body did not return within the grace period)
//	           │             │         │          │
//	           └──────► FINISHED ◄─────┴──────────┘       terminal
//
// An attempt that timed out is told to stop too: it is STOPPING, then perhaps STUCK, and from there goes on to BACKOFF when the body
// returns, unless the task was to be removed meanwhile.
//
// A task with a schedule goes from WAITING to BACKOFF at once when it is registered, or to FINISHED when no time of the schedule is left.
var transitions = [...][]State{
	0:             {StateWaiting, StateQueued, StateFinished},
	StateQueued:   {StateWaiting, StateFinished},
	StateWaiting:  {StateRunning, StateBackoff, StateStopping, StateFinished},
	StateRunning:  {StateBackoff, StateStopping, StateFinished},
	StateBackoff:  {StateWaiting, StateRunning, StateStopping},
	StateStopping: {StateBackoff, StateStuck, StateFinished},
	StateStuck:    {StateBackoff, StateFinished},
	StateFinished: nil,
}

// enterLocked moves the task to another state. A move that is not in the table is a fault of the engine, and going on would
// break what it guarantees.
func (t *task) enterLocked(to State) {
	for _, s := range transitions[t.state] {
		if s == to {
			t.sup.counts.move(t.state, to)
			t.state = to
			return
		}
	}
	panic(fmt.Sprintf("supervisor: task %q cannot go from %s to %s", t.spec.Name, t.state, to))
}
