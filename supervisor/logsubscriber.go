package supervisor

import (
	"context"
	"log/slog"
)

// LogSubscriber is a Subscriber that writes a log record for each event: the kind is the message, the fields are attributes, named as on the
// wire. A failed attempt is a warning; a life that failed, a body that is stuck, and events that were lost are errors.
type LogSubscriber struct{ handler slog.Handler }

// NewLogSubscriber returns a subscriber that writes to the handler.
func NewLogSubscriber(handler slog.Handler) *LogSubscriber { return &LogSubscriber{handler} }

// Name returns "log".
func (*LogSubscriber) Name() string { return "log" }

// OnEvent writes one event. What the handler returns is ignored: where would one report that the log cannot be written?
func (l *LogSubscriber) OnEvent(e Event) {
	ctx, level := context.Background(), levelOf(&e)
	if !l.handler.Enabled(ctx, level) {
		return
	}
	record := slog.NewRecord(e.Time, level, e.Kind.String(), 0)
	record.AddAttrs(slog.Uint64("sequence", e.Sequence))
	always, sometimes := KindFields(e.Kind)
	for i := range logFields {
		f := &logFields[i]
		if always.Has(f.field) || sometimes.Has(f.field) && f.set(&e) {
			record.AddAttrs(f.attrs(&e)...)
		}
	}
	_ = l.handler.Handle(ctx, record)
}

func levelOf(e *Event) slog.Level {
	switch e.Kind { //nolint:exhaustive // a new kind is information until someone decides otherwise
	case TaskFailed, TimeoutHit, ControllerRejected:
		return slog.LevelWarn
	case ActorDead, GraceExceeded, SubscriberOverflow, SubscriberPanicked:
		return slog.LevelError
	case ActorExhausted:
		if e.Outcome != OutcomeCompleted {
			return slog.LevelError
		}
	}
	return slog.LevelInfo
}

// logField says how a field of events is logged. set counts where a kind sets the field only sometimes.
type logField struct {
	field Fields
	set   func(*Event) bool
	attrs func(*Event) []slog.Attr
}

// logFields are all fields, in the order in which they are written. To add one, add it here; a test walks the fields.
var logFields = [...]logField{
	{FieldTask, isSet, func(e *Event) []slog.Attr {
		return []slog.Attr{slog.String("task", e.Task), slog.String("uid", e.UID.String())}
	}},
	{FieldAttempt, func(e *Event) bool { return e.Attempt != 0 }, func(e *Event) []slog.Attr {
		return []slog.Attr{slog.Uint64("attempt", e.Attempt)}
	}},
	{FieldSlot, isSet, func(e *Event) []slog.Attr { return []slog.Attr{slog.String("slot", e.Slot)} }},
	{FieldTransition, isSet, func(e *Event) []slog.Attr {
		return []slog.Attr{
			slog.String("previous_slot_state", e.PreviousSlotState.String()), slog.String("slot_state", e.SlotState.String()),
		}
	}},
	{FieldDepth, isSet, func(e *Event) []slog.Attr { return []slog.Attr{slog.Int("queue_depth", e.Depth)} }},
	{FieldRejection, isSet, func(e *Event) []slog.Attr { return []slog.Attr{slog.String("rejection", e.Rejection.String())} }},
	{FieldSubscriber, isSet, func(e *Event) []slog.Attr { return []slog.Attr{slog.String("subscriber", e.Subscriber)} }},
	{FieldLost, func(e *Event) bool { return e.Lost != 0 }, func(e *Event) []slog.Attr {
		return []slog.Attr{slog.Uint64("lost_count", e.Lost)}
	}},
	{FieldDuration, isSet, func(e *Event) []slog.Attr { return []slog.Attr{slog.Duration("duration", e.Duration)} }},
	{FieldTimeout, isSet, func(e *Event) []slog.Attr { return []slog.Attr{slog.Duration("timeout", e.Timeout)} }},
	{FieldOutcome, isSet, func(e *Event) []slog.Attr { return []slog.Attr{slog.String("outcome", e.Outcome.String())} }},
	{FieldDelay, isSet, func(e *Event) []slog.Attr { return []slog.Attr{slog.Duration("delay", e.Delay)} }},
	{FieldSource, isSet, func(e *Event) []slog.Attr { return []slog.Attr{slog.String("backoff_source", e.Source.String())} }},
	{FieldReason, func(e *Event) bool { return e.Reason != "" }, func(e *Event) []slog.Attr {
		return []slog.Attr{slog.String("reason", e.Reason)}
	}},
	{FieldExitCode, func(e *Event) bool { return e.HasExitCode }, func(e *Event) []slog.Attr {
		return []slog.Attr{slog.Int64("exit_code", int64(e.ExitCode))}
	}},
	{FieldPrincipal, func(e *Event) bool { return e.Principal != "" }, func(e *Event) []slog.Attr {
		return []slog.Attr{slog.String("principal", e.Principal)}
	}},
	{FieldLine, isSet, func(e *Event) []slog.Attr {
		return []slog.Attr{slog.String("stream", e.Stream.String()), slog.String("line", e.Line)}
	}},
}

func isSet(*Event) bool { return true }
