package supervisor

import "time"

// retained keeps finished tasks up to a number and an age. It is guarded by Supervisor.mu. Age is enforced when somebody looks and when
// another task ends, not by a timer: the number alone bounds the memory.
type retained struct {
	limit int
	age   time.Duration
	tasks []*task // the oldest first
}

// keep adds a task that has just finished.
func (r *retained) keep(t *task, byUID lives) {
	r.tasks = append(r.tasks, t)
	if len(r.tasks) > r.limit {
		r.dropOldest(byUID)
	}
	r.expire(t.due, byUID)
}

// expire drops the tasks that have been kept for too long. A task's time of finishing is set under Supervisor.mu too.
func (r *retained) expire(now time.Time, byUID lives) {
	for len(r.tasks) > 0 && now.Sub(r.tasks[0].due) > r.age {
		r.dropOldest(byUID)
	}
}

func (r *retained) dropOldest(byUID lives) {
	byUID.remove(r.tasks[0])
	r.tasks[0] = nil
	r.tasks = r.tasks[1:]
}
