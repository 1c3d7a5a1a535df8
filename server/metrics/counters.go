package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/taskvisor/taskvisor/supervisor"
)

// counters are what the events are counted by.
type counters struct {
	all []prometheus.Collector

	added, started, timeouts, graceExceeded, lines, linesLost prometheus.Counter

	ended, restarts, delays, rejections *prometheus.CounterVec
	durations                           *prometheus.HistogramVec
	lost, panics                        bySubscriber
}

// durationBuckets are the bounds, in seconds, of the histogram of attempts: some last milliseconds, others for days.
var durationBuckets = []float64{.001, .01, .1, 1, 10, 60, 600, 3600, 86400}

// newCounters returns counters at 0. The values of labels that are known are there from the beginning, so that no first event is missed by a rate.
func newCounters() counters {
	var c counters
	c.added = c.counter("taskvisor_tasks_added_total", "Tasks that were added.")
	c.started = c.counter("taskvisor_attempts_started_total", "Attempts that began.")
	c.timeouts = c.counter("taskvisor_attempt_timeouts_total", "Attempts that reached their timeout.")
	c.graceExceeded = c.counter("taskvisor_grace_exceeded_total", "Times that a body ignored its cancellation for the whole grace period.")
	c.lines = c.counter("taskvisor_output_lines_total", "Lines that bodies wrote and that became events.")
	c.linesLost = c.counter("taskvisor_output_lines_lost_total", "Lines that bodies wrote faster than the limit.")
	c.ended = c.vector("taskvisor_tasks_ended_total", "Lives of tasks that ended, by outcome.", "outcome",
		names(supervisor.OutcomeCompleted, supervisor.OutcomeAbandoned)...)
	c.restarts = c.vector("taskvisor_restarts_total", "Attempts that were scheduled after a wait, by what that is for: how the attempt before ended, or the next time of a schedule.", "cause",
		afterSuccess, afterFailure, afterTimeout, onSchedule)
	c.delays = c.vector("taskvisor_restart_delay_seconds_total", "Delays of these: intervals after a success, backoff, or until the next time of a schedule.", "cause",
		afterSuccess, afterFailure, afterTimeout, onSchedule)
	c.rejections = c.vector("taskvisor_slot_rejections_total", "Tasks that a slot refused, by reason.", "reason",
		names(supervisor.RejectedSlotBusy, supervisor.RejectedPurged)...)
	c.lost = bySubscriber{vector: c.vector("taskvisor_subscriber_lost_events_total",
		"Events that subscribers inside the process lost.", "subscriber", subscriberName)}
	c.panics = bySubscriber{vector: c.vector("taskvisor_subscriber_panics_total", "Panics of subscribers inside the process.", "subscriber",
		subscriberName)}
	c.durations = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "taskvisor_attempt_duration_seconds", Buckets: durationBuckets,
		Help: "Duration of attempts that ended. Those that succeeded or were canceled have stopped.",
	}, []string{"result"})
	for _, result := range []string{stopped, failed, timedOut} {
		c.durations.WithLabelValues(result)
	}
	c.all = append(c.all, c.durations)
	return c
}

func (c *counters) counter(name, help string) prometheus.Counter {
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	c.all = append(c.all, counter)
	return counter
}

// vector returns a counter with one label, which has these values at least.
func (c *counters) vector(name, help, label string, values ...string) *prometheus.CounterVec {
	vector := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	for _, value := range values {
		vector.WithLabelValues(value)
	}
	c.all = append(c.all, vector)
	return vector
}

// names returns those of the members of an enum.
func names[E interface {
	~uint8
	String() string
}](first, last E) (list []string) {
	for e := first; e <= last; e++ {
		list = append(list, e.String())
	}
	return list
}

// Describe is part of prometheus.Collector.
func (c *counters) Describe(out chan<- *prometheus.Desc) {
	for _, one := range c.all {
		one.Describe(out)
	}
}

// Collect is part of prometheus.Collector.
func (c *counters) Collect(out chan<- prometheus.Metric) {
	for _, one := range c.all {
		one.Collect(out)
	}
}

const (
	maxSubscribers   = 50
	otherSubscribers = "other"
)

// bySubscriber is a counter for each subscriber. A program may have any number of them, one after the other, so only the first 50 names have a series
// of their own.
type bySubscriber struct {
	vector *prometheus.CounterVec
	known  map[string]bool // belongs to fold.OnEvent
}

func (b *bySubscriber) add(name string, n float64) {
	if !b.known[name] {
		if len(b.known) >= maxSubscribers {
			name = otherSubscribers
		} else {
			if b.known == nil {
				b.known = map[string]bool{}
			}
			b.known[name] = true
		}
	}
	b.vector.WithLabelValues(name).Add(n)
}
