package supervisor

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"
)

// Defaults of Config.
const (
	DefaultGrace         = 10 * time.Second
	DefaultDrainTimeout  = 5 * time.Second
	DefaultEventBuffer   = 16_384
	DefaultMaxTasks      = 100_000
	DefaultRetainedTasks = 1_000
	DefaultRetainedAge   = time.Hour
)

// Config says how a Supervisor behaves. The zero value works: each zero field stands for its default.
type Config struct {
	// Grace is how long a body may take to return once it was canceled, by removal, timeout or shutdown, before it is reported as
	// stuck. One grace covers the whole shutdown. Default: 10 s.
	Grace time.Duration
	// EventBuffer is how many events the log keeps for readers, rounded up to a power of two; about 250 bytes each. Default: 16,384.
	EventBuffer int
	// DrainTimeout is how long the shutdown waits for subscribers to take the last events. Default: 5 s.
	DrainTimeout time.Duration
	// MaxTasks is how many tasks may be live at once. Default: 100,000. Negative: no limit.
	MaxTasks int
	// MaxConcurrent is how many attempts may run at once; more wait for a permit, first come first served. Default: 0, no limit.
	MaxConcurrent int
	// SlotQueue is how many tasks may wait for one slot. Default: 100.
	SlotQueue int
	// OutputRate is how many lines per second the output of one task may have; more are dropped, and counted. Only tasks with
	// CaptureOutput have any. Default: 100. Negative: no limit.
	OutputRate int
	// OutputBurst is how many lines may come at once before OutputRate applies. Default: 200.
	OutputBurst int
	// RetainedTasks is how many finished tasks are kept for Get, List and Wait. Default: 1,000. Negative: none.
	RetainedTasks int
	// RetainedAge is how long finished tasks are kept at most. Default: 1 h.
	RetainedAge time.Duration

	// Timeout of an attempt whose spec leaves it open. Default: none.
	Timeout time.Duration
	// RestartMode of a spec that leaves it open. Default: RestartOnFailure.
	RestartMode RestartMode
	// Backoff of a spec that leaves fields of it open.
	Backoff BackoffPolicy

	// Context whose values, but not whose cancellation, the contexts of all attempts inherit. Default: context.Background().
	Context context.Context //nolint:containedctx // a source of values; attempts outlive any one call
	// Logger for what a body logs through Logger(ctx). Default: slog.Default().
	Logger *slog.Logger
	// Random returns random bits for jitter. It must be safe for concurrent use. Default: rand.Uint64.
	Random func() uint64
}

// Validate reports all that is wrong with the config as a *SpecError; nil when nothing is.
func (c *Config) Validate() error {
	var v violations
	v.check(c.Grace >= 0, "grace", "%s is negative; give more than 0s", c.Grace)
	v.check(c.DrainTimeout >= 0, "drain_timeout", "%s is negative; give more than 0s", c.DrainTimeout)
	v.check(c.EventBuffer >= 0 && c.EventBuffer <= 1<<26, "event_buffer", "%d is out of range; give 1 to %d", c.EventBuffer, 1<<26)
	v.check(c.MaxConcurrent >= 0, "max_concurrent", "%d is negative; give 1 or more, or 0 for no limit", c.MaxConcurrent)
	v.check(c.SlotQueue >= 0, "slot_queue", "%d is negative; give 1 or more", c.SlotQueue)
	v.check(c.OutputBurst >= 0, "output_burst", "%d is negative; give 1 or more", c.OutputBurst)
	v.check(c.RetainedAge >= 0, "retained_age", "%s is negative; give more than 0s", c.RetainedAge)
	v.duration("timeout", c.Timeout)
	v.check(c.RestartMode <= RestartAlways, "restart.mode", "%s is no restart mode", c.RestartMode)
	c.Backoff.validate(&v)
	return v.err()
}

func (c Config) withDefaults() Config {
	setDefault(&c.Grace, DefaultGrace)
	setDefault(&c.EventBuffer, DefaultEventBuffer)
	setDefault(&c.DrainTimeout, DefaultDrainTimeout)
	setDefault(&c.MaxTasks, DefaultMaxTasks)
	setDefault(&c.SlotQueue, DefaultSlotQueue)
	setDefault(&c.OutputRate, DefaultOutputRate)
	setDefault(&c.OutputBurst, DefaultOutputBurst)
	setDefault(&c.RetainedTasks, DefaultRetainedTasks)
	setDefault(&c.RetainedAge, DefaultRetainedAge)
	if c.Context == nil {
		c.Context = context.Background()
	}
	c.Context = context.WithoutCancel(c.Context)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Random == nil {
		c.Random = rand.Uint64
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
