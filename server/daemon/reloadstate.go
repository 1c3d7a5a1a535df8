package daemon

import (
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// reloadState is what anybody may see of a reloader.
type reloadState struct {
	mu        sync.Mutex // guards what is below
	failures  int
	failed    time.Time // when what was read last was bad; zero if it was good
	succeeded time.Time // when what is in force was read
	expires   time.Time // of what is in force; zero for never
}

// success notes that what was read is in force now.
func (s *reloadState) success(expires time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.succeeded, s.failed, s.expires = time.Now(), time.Time{}, expires
}

// failure notes that what was read is bad, and returns how often that was so.
func (s *reloadState) failure() (failures int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures++
	s.failed = time.Now()
	return s.failures
}

// note is the line of the page about tasks and watchers. The reason is in the log only, as it names files.
func (s *reloadState) note(what string, now time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := fmt.Sprintf("the %s in force was read %s", what, ago(now, s.succeeded))
	if !s.expires.IsZero() {
		text += ", and expires on " + s.expires.UTC().Format(time.DateTime)
	}
	if !s.failed.IsZero() {
		text += fmt.Sprintf("; what was read %s is bad, and the log says why", ago(now, s.failed))
	}
	return text
}

func ago(now, then time.Time) string { return now.Sub(then).Round(time.Second).String() + " ago" }

// collectors are what Prometheus learns of a reloader.
func (s *reloadState) collectors(what string) []prometheus.Collector {
	labels := prometheus.Labels{"what": what}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, s.locked(value))
	}
	list := []prometheus.Collector{
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "taskvisor_reload_failures_total", Help: "Times that files had changed and what they had was bad, so that the former stayed in force.",
			ConstLabels: labels,
		}, s.locked(func() float64 { return float64(s.failures) })),
		gauge("taskvisor_reload_last_successful", "Whether what was read last is in force: 1, or 0 if it is bad.", func() float64 {
			if s.failed.IsZero() {
				return 1
			}
			return 0
		}),
		gauge("taskvisor_reload_last_success_timestamp_seconds", "When what is in force was read.", func() float64 { return epoch(s.succeeded) }),
	}
	if s.expires.IsZero() { // they never do, or always
		return list
	}
	return append(list, gauge("taskvisor_expiry_timestamp_seconds", "When what is in force expires.", func() float64 { return epoch(s.expires) }))
}

// locked returns read, to be called by anybody.
func (s *reloadState) locked(read func() float64) func() float64 {
	return func() float64 {
		s.mu.Lock()
		defer s.mu.Unlock()
		return read()
	}
}

// epoch is a time as Prometheus has it.
func epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
