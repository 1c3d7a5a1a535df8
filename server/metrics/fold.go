package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/taskvisor/taskvisor/supervisor"
)

// Values of labels that are not enums of the engine.
const (
	stopped  = "stopped"
	failed   = "failed"
	timedOut = "timed_out"

	afterSuccess = "success"
	afterFailure = "failure"
	afterTimeout = "timeout"
	onSchedule   = "schedule"
)

// fold counts what only the events tell. It is the subscriber that has them one by one, and the collector of what it has counted.
type fold struct {
	counters

	// hit has the attempts that have reached their timeout, and neither ended nor gone: one for each live task at most. It belongs to OnEvent.
	hit map[supervisor.UID]struct{}

	time stateTime
}

func newFold(sup *supervisor.Supervisor) *fold {
	return &fold{counters: newCounters(), hit: map[supervisor.UID]struct{}{}, time: newStateTime(sup)}
}

// Name is part of supervisor.Subscriber.
func (*fold) Name() string { return subscriberName }

// OnEvent is part of supervisor.Subscriber.
func (f *fold) OnEvent(e supervisor.Event) {
	f.time.advance()
	switch e.Kind { //nolint:exhaustive // the others change no figure
	case supervisor.TaskAdded:
		f.added.Inc()
	case supervisor.TaskStarting:
		f.started.Inc()
	case supervisor.TaskStopped:
		f.durations.WithLabelValues(stopped).Observe(e.Duration.Seconds())
	case supervisor.TimeoutHit:
		f.timeouts.Inc()
		f.hit[e.UID] = struct{}{}
	case supervisor.TaskFailed:
		f.durations.WithLabelValues(f.either(e.UID, timedOut, failed)).Observe(e.Duration.Seconds())
	case supervisor.BackoffScheduled:
		f.restart(&e)
	case supervisor.TaskRemoved:
		f.ended.WithLabelValues(e.Outcome.String()).Inc()
		delete(f.hit, e.UID)
	case supervisor.GraceExceeded:
		f.graceExceeded.Inc()
	case supervisor.ControllerRejected:
		f.rejections.WithLabelValues(e.Rejection.String()).Inc()
	case supervisor.TaskOutput:
		f.output(&e)
	case supervisor.SubscriberOverflow:
		f.overflow(&e)
	case supervisor.SubscriberPanicked:
		f.panics.add(e.Subscriber, 1)
	}
}

// either returns yes if the attempt of this life has reached its timeout.
func (f *fold) either(uid supervisor.UID, yes, no string) string {
	if _, hit := f.hit[uid]; hit {
		return yes
	}
	return no
}

func (f *fold) restart(e *supervisor.Event) {
	cause := afterSuccess
	switch e.Source {
	case supervisor.BackoffAfterFailure:
		cause = f.either(e.UID, afterTimeout, afterFailure)
	case supervisor.BackoffUntilSchedule:
		cause = onSchedule
	case supervisor.BackoffAfterSuccess:
	}
	delete(f.hit, e.UID)
	f.restarts.WithLabelValues(cause).Inc()
	f.delays.WithLabelValues(cause).Add(e.Delay.Seconds())
}

func (f *fold) output(e *supervisor.Event) {
	f.linesLost.Add(float64(e.Lost))
	if e.Line != "" || e.Lost == 0 { // one that only tells what was lost has no line
		f.lines.Inc()
	}
}

// overflow counts what a subscriber has lost. When that is this one, it does not know any more which lives are over.
func (f *fold) overflow(e *supervisor.Event) {
	f.lost.add(e.Subscriber, float64(e.Lost))
	if e.Subscriber == subscriberName {
		clear(f.hit)
	}
}

// Describe is part of prometheus.Collector.
func (f *fold) Describe(out chan<- *prometheus.Desc) {
	f.counters.Describe(out)
	out <- f.time.desc
}

// Collect is part of prometheus.Collector.
func (f *fold) Collect(out chan<- prometheus.Metric) {
	f.counters.Collect(out)
	f.time.Collect(out)
}

// stateTime adds up how long tasks are in which state. The number of tasks in a state changes with an event, with few exceptions, so it is looked at
// with each event and counts as constant in between.
type stateTime struct {
	sup  *supervisor.Supervisor
	desc *prometheus.Desc

	mu      sync.Mutex // guards what is below
	last    time.Time
	tasks   supervisor.StateCounts // at that time
	seconds [len(supervisor.StateCounts{})]float64
}

func newStateTime(sup *supervisor.Supervisor) stateTime {
	return stateTime{
		sup: sup, last: time.Now(), tasks: sup.Stats().Tasks,
		desc: prometheus.NewDesc("taskvisor_task_state_seconds_total",
			"Time that tasks spent in a state, all tasks together. The rate is the average number of tasks in that state.", []string{"state"}, nil),
	}
}

func (t *stateTime) advance() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.advanceLocked()
}

func (t *stateTime) advanceLocked() {
	now := time.Now()
	passed := now.Sub(t.last).Seconds()
	for state, n := range t.tasks {
		t.seconds[state] += float64(n) * passed
	}
	t.last, t.tasks = now, t.sup.Stats().Tasks
}

// Collect is part of prometheus.Collector.
func (t *stateTime) Collect(out chan<- prometheus.Metric) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.advanceLocked()
	for state, seconds := range t.seconds {
		if state != 0 {
			out <- prometheus.MustNewConstMetric(t.desc, prometheus.CounterValue, seconds, supervisor.State(state).String())
		}
	}
}
