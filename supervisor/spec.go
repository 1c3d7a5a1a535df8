package supervisor

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"time"
)

// None is a duration of a Spec that asks for nothing where the zero value asks for the default.
const None time.Duration = math.MinInt64

// MaxRestartCount is the largest RestartLimit.Count.
const MaxRestartCount = 10_000

// Spec is what is to be supervised: a body and its rules. The zero value of each rule stands for the default of Config, and None, where
// it is allowed, for nothing at all.
type Spec struct {
	// Name, unique among the live tasks. Required. At most 128 characters out of a-z A-Z 0-9 . _ - and /, beginning and ending
	// with a letter or digit.
	Name string
	// Task is the body. Required.
	Task Task
	// Restart says whether a new attempt follows one that ended.
	Restart RestartPolicy
	// Backoff says how long to wait after a failure.
	Backoff BackoffPolicy
	// Timeout of each attempt, from the moment that it starts to run. Default: Config.Timeout. None: no timeout.
	Timeout time.Duration
	// HeartbeatTimeout is how long the body may go without a call of Heartbeat or Progress, from the moment that the attempt starts to run. An
	// attempt that does ends like one that reached its Timeout: TimeoutHit, cancellation, failure. Default and None: it need not call.
	HeartbeatTimeout time.Duration
	// Admission chooses the slot that the task must own to run. Default: a slot of its own.
	Admission Admission
	// CaptureOutput makes the lines that the body writes TaskOutput events. Default: they are discarded.
	CaptureOutput bool
	// Labels travel with the task and its events; the engine only copies them. Must not be changed while Add runs.
	Labels map[string]string
}

// RestartPolicy says whether a new attempt follows one that ended.
type RestartPolicy struct {
	// Mode. Default: Config.Restart.Mode.
	Mode RestartMode
	// Interval between the end of a successful attempt and the start of the next; RestartAlways only. Default and None: none; starts are
	// then at least 1 ms apart. Not with a Schedule.
	Interval time.Duration
	// Schedule makes a series of runs of the life. Each of its times begins one that goes by Mode as a life without a schedule would; what would
	// complete or fail that ends the run, and the task waits for the next time, also for the first. So there are retries within a run unless the
	// mode is RestartNever, MaxRetries are for each run, and RestartAlways is the same as RestartOnFailure. Only what Fatal marks, the Limit
	// and a cancellation end the life, or that no time is left. A time that comes before the run is over is missed: nothing is started for it, then or
	// later. Nor is anything for a time that came while the task waited for its slot, or before it was added. Of times that come while the machine
	// sleeps, the first is made up for within a minute after it wakes up. While the task waits it owns its slot. Default: no schedule.
	Schedule Schedule
	// MaxRetries after the first failure of a streak, or of a run where there is a Schedule; 0: without a limit. Not with RestartNever.
	MaxRetries uint32
	// Limit ends a task that restarts too often. Not with RestartNever.
	Limit RestartLimit
}

// RestartLimit ends a task with OutcomeFailed when it would be restarted more than Count times inside a sliding Window, whatever the cause of the
// restarts, so also by a Schedule. The zero value stands for no limit.
type RestartLimit struct {
	Count  uint32        // 1 to MaxRestartCount
	Window time.Duration // more than 0
}

// Once returns the spec of a task that runs one attempt.
func Once(name string, body Task) Spec {
	return Spec{Name: name, Task: body, Restart: RestartPolicy{Mode: RestartNever}}
}

// Restartable returns the spec of a task that is restarted after each failure and done with its first success.
func Restartable(name string, body Task) Spec {
	return Spec{Name: name, Task: body, Restart: RestartPolicy{Mode: RestartOnFailure}}
}

// Periodic returns the spec of a task that runs again when interval has passed since its last success, and after a backoff when it failed.
func Periodic(name string, interval time.Duration, body Task) Spec {
	return Spec{Name: name, Task: body, Restart: RestartPolicy{Mode: RestartAlways, Interval: interval}}
}

// Scheduled returns the spec of a task that runs at the times of a schedule; a run that fails is retried after a backoff.
func Scheduled(name string, schedule Schedule, body Task) Spec {
	return Spec{Name: name, Task: body, Restart: RestartPolicy{Mode: RestartOnFailure, Schedule: schedule}}
}

// SpecError lists all that is wrong with a Spec or a Config.
type SpecError struct{ Violations []Violation }

// Violation is one rule that a field breaks.
type Violation struct {
	Field   string // path of the field, in the words of the wire: "backoff.factor"
	Problem string // the value and what to do about it
}

// Error lists the violations.
func (e *SpecError) Error() string {
	var b strings.Builder
	b.WriteString(ErrInvalidSpec.Error())
	for i, v := range e.Violations {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		fmt.Fprintf(&b, "%s%s: %s", sep, v.Field, v.Problem)
	}
	return b.String()
}

// Is makes every SpecError match ErrInvalidSpec.
func (e *SpecError) Is(target error) bool { return target == ErrInvalidSpec }

// Validate reports all that is wrong with the spec as a *SpecError; nil when nothing is. Whether the name is taken is not its concern.
func (s *Spec) Validate() error {
	var v violations
	v.name("name", s.Name)
	f, isFunc := s.Task.(TaskFunc)
	v.check(s.Task != nil && (!isFunc || f != nil), "task", "no body is given; set Task")
	v.duration("timeout", s.Timeout)
	v.duration("heartbeat_timeout", s.HeartbeatTimeout)
	s.Restart.validate(&v)
	s.Backoff.validate(&v)
	s.Admission.validate(&v)
	return v.err()
}

func (p *RestartPolicy) validate(v *violations) {
	v.check(p.Mode <= RestartAlways, "restart.mode", "%s is no restart mode; use NEVER, ON_FAILURE or ALWAYS", p.Mode)
	v.duration("restart.interval", p.Interval)
	v.check(p.Interval == 0 || p.Interval == None || p.Mode == RestartAlways,
		"restart.interval", "%s is set, but only mode ALWAYS has an interval; set the mode or leave the interval out", p.Interval)
	v.check(p.Interval == 0 || p.Interval == None || p.Schedule == nil,
		"restart.interval", "%s is set beside a schedule, which says when the task runs; leave one of them out", p.Interval)
	v.check(p.MaxRetries == 0 || p.Mode != RestartNever,
		"restart.max_retries", "%d is set, but mode NEVER has no retries; change the mode or leave max_retries out", p.MaxRetries)
	p.Limit.validate(v)
	v.check(p.Limit.Count == 0 || p.Mode != RestartNever,
		"restart.limit", "a limit is set, but mode NEVER has no restarts; change the mode or leave the limit out")
}

func (l *RestartLimit) validate(v *violations) {
	if *l == (RestartLimit{}) {
		return
	}
	v.check(l.Count >= 1 && l.Count <= MaxRestartCount,
		"restart.limit.count", "%d is out of range; give 1 to %d", l.Count, MaxRestartCount)
	v.check(l.Window > 0, "restart.limit.window", "%s is not a window; give more than 0s", l.Window)
}

// MaxNameLength is the largest number of bytes in the name of a task.
const MaxNameLength = 128

// violations collects what is wrong, so that a caller learns all of it at once.
type violations []Violation

func (v *violations) add(field, format string, args ...any) {
	*v = append(*v, Violation{field, fmt.Sprintf(format, args...)})
}

func (v *violations) check(ok bool, field, format string, args ...any) {
	if !ok {
		v.add(field, format, args...)
	}
}

func (v *violations) duration(field string, d time.Duration) {
	v.check(d >= 0 || d == None, field, "%s is negative; give 0s or more", d)
}

func (v *violations) name(field, name string) {
	switch {
	case name == "":
		v.add(field, "no name is given; give 1 to %d characters", MaxNameLength)
	case len(name) > MaxNameLength:
		v.add(field, "%.32q… has %d bytes; give at most %d", name, len(name), MaxNameLength)
	case !ValidName(name):
		v.add(field, "%q is not a name; use a-z A-Z 0-9 . _ - and /, beginning and ending with a letter or digit", name)
	}
}

func (v violations) err() error {
	if len(v) == 0 {
		return nil
	}
	return &SpecError{v}
}

// ValidName reports whether name can name a task: 1 to MaxNameLength characters out of a-z A-Z 0-9 . _ - and /, beginning and ending with a
// letter or digit.
func ValidName(name string) bool {
	if name == "" || len(name) > MaxNameLength || !alphanumeric(name[0]) || !alphanumeric(name[len(name)-1]) {
		return false
	}
	for i := range len(name) {
		if c := name[i]; !alphanumeric(c) && c != '.' && c != '_' && c != '-' && c != '/' {
			return false
		}
	}
	return true
}

func alphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// rules returns the policies as rules, each zero one replaced by the default of the config, and each None by zero.
func (p *policies) rules(c *Config) rules {
	restart := p.Restart
	restart.Mode = cmp.Or(restart.Mode, c.RestartMode, RestartOnFailure)
	restart.Interval = resolve(restart.Interval, 0)
	if restart.Schedule != nil && restart.Mode == RestartAlways {
		restart.Mode = RestartOnFailure // for each run: when the next one begins, the schedule says
	}
	return rules{restart: restart, backoff: p.Backoff.withDefaults(&c.Backoff), timeout: resolve(p.Timeout, c.Timeout)}
}

// resolve returns what d asks for: the default for zero, zero for None.
func resolve(d, byDefault time.Duration) time.Duration {
	switch d {
	case 0:
		return max(byDefault, 0) // a default of None is zero too
	case None:
		return 0
	default:
		return d
	}
}
