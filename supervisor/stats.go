package supervisor

import "sync/atomic"

// StateCounts has, for each State of a live task, how many tasks are in it: counts[StateRunning]. There is no element for StateFinished.
type StateCounts [StateFinished]int

// Live returns how many tasks are live.
func (c *StateCounts) Live() (n int) {
	for _, count := range c {
		n += count
	}
	return n
}

// Stats are figures about a supervisor.
type Stats struct {
	Tasks         StateCounts // live tasks by their state
	MaxTasks      int         // how many may be live; 0 for no limit
	Permits       int         // held by attempts, also such as are stuck; 0 without a limit
	MaxConcurrent int         // how many permits there are; 0 for no limit
	Published     uint64      // events, since the supervisor was made: the sequence of the latest
	EventBuffer   int         // how many events are kept
}

// Stats returns figures about the supervisor. It takes no lock and a constant time, whatever the number of tasks; so each figure is exact, but of
// a moment of its own.
func (s *Supervisor) Stats() Stats {
	return Stats{
		Tasks:         s.counts.load(),
		MaxTasks:      max(s.config.MaxTasks, 0),
		Permits:       int(s.counts.permits.Load()),
		MaxConcurrent: s.config.MaxConcurrent,
		Published:     s.log.Last(),
		EventBuffer:   s.log.Capacity(),
	}
}

// counts are figures that are kept while things happen, as nothing else could tell them without a walk over all tasks.
type counts struct {
	_       [64]byte // all actors write here: what is in front is not to suffer from that
	states  [StateFinished]atomic.Int64
	permits atomic.Int64
}

// move counts a task that goes from one state to another. The first state of a life is entered from 0.
func (c *counts) move(from, to State) {
	if from != 0 {
		c.states[from].Add(-1)
	}
	if to != StateFinished {
		c.states[to].Add(1)
	}
}

// load returns the counts. A task that moves meanwhile may be seen in none of its two states or in both.
func (c *counts) load() (loaded StateCounts) {
	for state := range loaded {
		loaded[state] = int(max(c.states[state].Load(), 0)) // the next state may be counted before the last
	}
	return loaded
}
