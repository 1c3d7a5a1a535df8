package sleep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// New returns the plugin.
func New() plugin.Plugin {
	return plugin.Definition[Config]{
		Name:        "sleep",
		Description: "Waits, then succeeds, fails or panics as told: for rehearsing restart policies, timeouts and alerts.",
		Example:     Config{Duration: plugin.Duration(200 * time.Millisecond), Failures: 2, ExitCode: 3, Reason: "not ready yet"},
		Build:       func(c Config) (supervisor.Task, error) { return &task{c}, nil },
	}
}

// Config says how an attempt goes.
type Config struct {
	Duration     plugin.Duration `json:"duration,omitzero" jsonschema:"how long an attempt takes"`
	Then         Ending          `json:"then,omitempty" jsonschema:"how an attempt ends"`
	Failures     uint32          `json:"failures,omitempty" jsonschema:"how many attempts of a life fail before the others end as then says"`
	ExitCode     int             `json:"exit_code,omitempty" jsonschema:"exit code that a failure reports; none by default"`
	Reason       string          `json:"reason,omitempty" jsonschema:"text of a failure or panic; says which attempt it was by default"`
	IgnoreCancel plugin.Duration `json:"ignore_cancel,omitzero" jsonschema:"how long an attempt goes on after it was canceled"`
	Heartbeat    plugin.Duration `json:"heartbeat,omitzero" jsonschema:"how often an attempt gives a sign of life, for a task with a heartbeat_timeout; never by default"`
}

// SetDefaults implements plugin.Defaulter.
func (c *Config) SetDefaults() {
	c.Duration = plugin.Duration(time.Second)
	c.Then = Success
}

// ExtendSchema implements plugin.SchemaExtender.
func (*Config) ExtendSchema(s *jsonschema.Schema) {
	code := s.Properties["exit_code"]
	code.Minimum, code.Maximum = jsonschema.Ptr(1.0), jsonschema.Ptr(255.0)
}

// Validate implements plugin.Validator: it refuses keys that would have no effect.
func (c *Config) Validate() error {
	var v plugin.Violations
	fails := c.Failures > 0 || c.Then == Failure || c.Then == Fatal
	v.Check(c.ExitCode == 0 || fails, "exit_code",
		`%d is set, but no attempt fails; set then to "failure" or "fatal", set failures, or leave exit_code out`, c.ExitCode)
	v.Check(c.Reason == "" || fails || c.Then == Panic, "reason",
		"%.64q is set, but no attempt fails; set then or failures, or leave reason out", c.Reason)
	return v.Err()
}

// Ending is how an attempt ends that is not canceled.
type Ending string

// The endings.
const (
	Success Ending = "success" // return nil
	Failure Ending = "failure" // return an error
	Fatal   Ending = "fatal"   // return an error marked by supervisor.Fatal
	Panic   Ending = "panic"   // panic
)

// ExtendSchema implements plugin.SchemaExtender.
func (Ending) ExtendSchema(s *jsonschema.Schema) {
	s.Enum = []any{string(Success), string(Failure), string(Fatal), string(Panic)}
}

// task is the body.
type task struct{ config Config }

// Run implements supervisor.Task.
func (t *task) Run(ctx context.Context) error {
	var worked bool
	if t.config.Heartbeat > 0 {
		worked = t.waitBeating(ctx)
	} else {
		worked = wait(ctx.Done(), t.config.Duration) // the usual case, which needs least of the stack
	}
	if worked {
		return t.end(ctx)
	}
	if t.config.IgnoreCancel > 0 {
		wait(nil, t.config.IgnoreCancel)
	}
	return ctx.Err()
}

// waitBeating is wait with signs of life.
func (t *task) waitBeating(ctx context.Context) bool {
	end := time.NewTimer(t.config.Duration.Std())
	defer end.Stop()
	beat := time.NewTicker(t.config.Heartbeat.Std())
	defer beat.Stop()
	for {
		select {
		case <-end.C:
			return true
		case <-beat.C:
			supervisor.Heartbeat(ctx)
		case <-ctx.Done():
			return false
		}
	}
}

// wait reports whether it waited for the whole duration, which done cuts short.
func wait(done <-chan struct{}, d plugin.Duration) bool {
	timer := time.NewTimer(d.Std())
	select {
	case <-timer.C:
		return true
	case <-done:
		timer.Stop()
		return false
	}
}

// attempt returns the number of the attempt; 1 for a context that is not of a supervisor.
func attempt(ctx context.Context) uint64 {
	info, _ := supervisor.Attempt(ctx)
	return max(info.Attempt, 1)
}

// end ends an attempt that ran its time. It is not inlined: what it needs of the stack would be there while the task sleeps.
//
//go:noinline
func (t *task) end(ctx context.Context) error {
	attempt, ending := attempt(ctx), t.config.Then
	if attempt <= uint64(t.config.Failures) {
		ending = Failure
	}
	switch ending {
	case Failure:
		return t.failure(attempt)
	case Fatal:
		return supervisor.Fatal(t.failure(attempt))
	case Panic:
		panic(t.reason(attempt))
	case Success:
	}
	return nil
}

func (t *task) failure(attempt uint64) error {
	err := errors.New(t.reason(attempt))
	if t.config.ExitCode == 0 {
		return err
	}
	return supervisor.ExitCode(err, t.config.ExitCode)
}

func (t *task) reason(attempt uint64) string {
	return cmp.Or(t.config.Reason, fmt.Sprintf("attempt %d fails as configured", attempt))
}
