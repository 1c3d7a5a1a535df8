package daemon

import (
	"context"
	"log/slog"

	"github.com/taskvisor/taskvisor/supervisor"
)

// logBatch is how many events are fetched at once: enough to keep pace, few enough to stay in the cache.
const logBatch = 128

// logEvents writes a log record for each event that the reader delivers, and one for each gap, until the log of events is closed or ctx is
// done. A slow writer costs events, and says so, but never holds up a task.
func logEvents(ctx context.Context, reader *supervisor.Reader, handler slog.Handler) {
	defer reader.Close()
	events := make([]supervisor.Event, logBatch)
	for {
		n, gap, err := reader.Next(ctx, events)
		if gap != (supervisor.Gap{}) {
			slog.New(handler).Warn("events were lost to this log, which is written too slowly; see --event-buffer",
				"first", gap.First, "last", gap.Last, "count", gap.Last-gap.First+1)
		}
		for i := range events[:n] {
			logEvent(ctx, handler, &events[i])
		}
		if err != nil {
			return // closed after the last event, or ctx is done: either way there is nothing more to write
		}
	}
}

// logEvent writes one event: its kind is the message, its fields are the attributes, named as on the wire.
func logEvent(ctx context.Context, handler slog.Handler, e *supervisor.Event) {
	level := eventLevel(e)
	if !handler.Enabled(ctx, level) {
		return
	}
	record := slog.NewRecord(e.Time, level, e.Kind.String(), 0)
	record.AddAttrs(slog.Uint64("sequence", e.Sequence))
	always, sometimes := supervisor.KindFields(e.Kind)
	for _, f := range eventFields {
		if always.Has(f.field) || sometimes.Has(f.field) && f.set(e) {
			record.AddAttrs(f.attrs(e)...)
		}
	}
	_ = handler.Handle(ctx, record) // where would one report that the log cannot be written?
}

// eventLevel: what went wrong for an attempt is a warning, for a life an error.
func eventLevel(e *supervisor.Event) slog.Level {
	switch e.Kind { //nolint:exhaustive // a new kind is information until someone decides otherwise
	case supervisor.TaskFailed, supervisor.TimeoutHit:
		return slog.LevelWarn
	case supervisor.ActorDead, supervisor.GraceExceeded:
		return slog.LevelError
	case supervisor.ActorExhausted:
		if e.Outcome != supervisor.OutcomeCompleted {
			return slog.LevelError
		}
	}
	return slog.LevelInfo
}

// eventField says how a field of events is logged. set counts where a kind sets the field only sometimes.
type eventField struct {
	field supervisor.Fields
	set   func(*supervisor.Event) bool
	attrs func(*supervisor.Event) []slog.Attr
}

// eventFields are all fields, in the order in which they are written. To add one, add it here; a test walks the fields of the engine.
var eventFields = []eventField{
	{supervisor.FieldTask, isSet, func(e *supervisor.Event) []slog.Attr {
		return []slog.Attr{slog.String("task", e.Task), slog.String("uid", e.UID.String())}
	}},
	{supervisor.FieldAttempt, isSet, func(e *supervisor.Event) []slog.Attr {
		return []slog.Attr{slog.Uint64("attempt", e.Attempt)}
	}},
	{supervisor.FieldDuration, isSet, func(e *supervisor.Event) []slog.Attr {
		return []slog.Attr{slog.Duration("duration", e.Duration)}
	}},
	{supervisor.FieldTimeout, isSet, func(e *supervisor.Event) []slog.Attr {
		return []slog.Attr{slog.Duration("timeout", e.Timeout)}
	}},
	{supervisor.FieldOutcome, isSet, func(e *supervisor.Event) []slog.Attr {
		return []slog.Attr{slog.String("outcome", e.Outcome.String())}
	}},
	{supervisor.FieldDelay, isSet, func(e *supervisor.Event) []slog.Attr {
		return []slog.Attr{slog.Duration("delay", e.Delay)}
	}},
	{supervisor.FieldSource, isSet, func(e *supervisor.Event) []slog.Attr {
		return []slog.Attr{slog.String("backoff_source", e.Source.String())}
	}},
	{supervisor.FieldReason, func(e *supervisor.Event) bool { return e.Reason != "" }, func(e *supervisor.Event) []slog.Attr {
		return []slog.Attr{slog.String("reason", e.Reason)}
	}},
	{supervisor.FieldExitCode, func(e *supervisor.Event) bool { return e.HasExitCode }, func(e *supervisor.Event) []slog.Attr {
		return []slog.Attr{slog.Int64("exit_code", int64(e.ExitCode))}
	}},
}

func isSet(*supervisor.Event) bool { return true }
