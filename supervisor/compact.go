package supervisor

import (
	"sync/atomic"
	"time"
)

// taskSpec is a Spec as a task keeps it. Most tasks of a supervisor have the same policies, and share them: that is 120 of the bytes that a
// live task costs besides its goroutine. Those of a task with a schedule are its own.
type taskSpec struct {
	Name   string
	Task   Task
	Labels map[string]string
	*policies
}

// policies are the fields of a Spec that tasks can share unless they have a schedule. They are immutable.
type policies struct {
	Restart          RestartPolicy
	Backoff          BackoffPolicy
	Timeout          time.Duration
	HeartbeatTimeout time.Duration
	Admission        Admission
	CaptureOutput    bool
}

func policiesOf(s *Spec) policies {
	return policies{
		Restart: s.Restart, Backoff: s.Backoff, Timeout: s.Timeout, HeartbeatTimeout: s.HeartbeatTimeout,
		Admission: s.Admission, CaptureOutput: s.CaptureOutput,
	}
}

// full returns the spec as it was given to specs.compact.
func (s *taskSpec) full() Spec {
	return Spec{
		Name: s.Name, Task: s.Task, Labels: s.Labels, Restart: s.Restart, Backoff: s.Backoff, Timeout: s.Timeout,
		HeartbeatTimeout: s.HeartbeatTimeout, Admission: s.Admission, CaptureOutput: s.CaptureOutput,
	}
}

// specs makes Specs compact. It remembers the policies of the last one alone: who adds tasks by the thousand adds them alike.
type specs struct{ last atomic.Pointer[policies] }

func (c *specs) compact(s *Spec) taskSpec {
	p := policiesOf(s)
	if p.Restart.Schedule != nil { // which may be of a type that cannot be compared
		own := p
		return taskSpec{Name: s.Name, Task: s.Task, Labels: s.Labels, policies: &own}
	}
	shared := c.last.Load()
	if shared == nil || *shared != p {
		fresh := p // p itself stays off the heap
		shared = &fresh
		c.last.Store(shared)
	}
	return taskSpec{Name: s.Name, Task: s.Task, Labels: s.Labels, policies: shared}
}
