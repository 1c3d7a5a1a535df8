package supervisor

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// newTextLog returns a handler that writes to b, and the beginning of virtual time as durations since began.
func newTextLog(b *strings.Builder, level slog.Level) slog.Handler {
	return slog.NewTextHandler(b, &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case slog.TimeKey, "uid":
			return slog.Attr{}
		}
		return a
	}})
}

func TestLogSubscriberWritesARecordForEachEvent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		var out strings.Builder
		r.subscribe(NewLogSubscriber(newTextLog(&out, slog.LevelInfo)), SubscribeOptions{})
		r.addBody("a", ends(time.Second, returns(ExitCode(problem("boom"), 3))), succeeds(0))
		r.sleepUntil(time.Minute)
		if err := r.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		want := unindent(`
			level=INFO msg=TASK_ADD_REQUESTED sequence=1 task=a
			level=INFO msg=TASK_ADDED sequence=2 task=a slot=a
			level=INFO msg=TASK_STARTING sequence=3 task=a attempt=1
			level=WARN msg=TASK_FAILED sequence=4 task=a attempt=1 duration=1s reason=boom exit_code=3
			level=INFO msg=BACKOFF_SCHEDULED sequence=5 task=a attempt=1 delay=1s backoff_source=FAILURE reason=boom
			level=INFO msg=TASK_STARTING sequence=6 task=a attempt=2
			level=INFO msg=TASK_STOPPED sequence=7 task=a attempt=2 duration=0s
			level=INFO msg=ACTOR_EXHAUSTED sequence=8 task=a attempt=2 outcome=COMPLETED
			level=INFO msg=TASK_REMOVED sequence=9 task=a outcome=COMPLETED
			level=INFO msg=SHUTDOWN_REQUESTED sequence=10 reason="the supervisor shuts down"
			level=INFO msg=ALL_STOPPED_WITHIN_GRACE sequence=11`)
		if got := strings.TrimSpace(out.String()); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}

// Every field of every kind is written, and every kind has the level that its comment promises.
func TestLogSubscriberWritesEveryField(t *testing.T) {
	all := Event{
		Sequence: 1, Task: "t", Attempt: 1, Duration: 1, Timeout: 1, Delay: 1, Reason: "r", ExitCode: 1, HasExitCode: true,
		Source: BackoffAfterFailure, Outcome: OutcomeFailed, Slot: "s", Rejection: RejectedSlotBusy, PreviousSlotState: SlotIdle,
		SlotState: SlotOwned, Depth: 1, Subscriber: "x", Lost: 1, Stream: Stdout, Line: "l", Principal: "p",
	}
	levels := map[Kind]slog.Level{
		TaskFailed: slog.LevelWarn, TimeoutHit: slog.LevelWarn, ControllerRejected: slog.LevelWarn,
		ActorDead: slog.LevelError, GraceExceeded: slog.LevelError, ActorExhausted: slog.LevelError,
		SubscriberOverflow: slog.LevelError, SubscriberPanicked: slog.LevelError,
	}
	keys := map[Fields][]string{
		FieldTask: {"task"}, FieldAttempt: {"attempt"}, FieldDuration: {"duration"}, FieldTimeout: {"timeout"}, FieldDelay: {"delay"},
		FieldReason: {"reason"}, FieldExitCode: {"exit_code"}, FieldSource: {"backoff_source"}, FieldOutcome: {"outcome"}, FieldSlot: {"slot"},
		FieldRejection: {"rejection"}, FieldTransition: {"previous_slot_state", "slot_state"}, FieldDepth: {"queue_depth"},
		FieldSubscriber: {"subscriber"}, FieldLost: {"lost_count"}, FieldLine: {"stream", "line"},
		FieldPrincipal: {"principal"},
	}
	for k := range namedKinds(t) {
		e := all
		e.Kind = k
		var out strings.Builder
		NewLogSubscriber(newTextLog(&out, slog.LevelInfo)).OnEvent(e)
		if want := "level=" + levels[k].String() + " msg=" + k.String() + " "; !strings.HasPrefix(out.String(), want) {
			t.Errorf("%q does not begin with %q", out.String(), want)
		}
		always, sometimes := KindFields(k)
		for f := Fields(1); f <= FieldPrincipal; f <<= 1 {
			if len(keys[f]) == 0 {
				t.Fatalf("field %b has no key here", f)
			}
			for _, key := range keys[f] {
				if got, want := strings.Contains(out.String(), " "+key+"="), (always | sometimes).Has(f); got != want {
					t.Errorf("%s: %s is written: %v, want %v", k, key, got, want)
				}
			}
		}
	}
}

func TestLogSubscriberKeepsToTheLevelOfItsHandler(t *testing.T) {
	var out strings.Builder
	l := NewLogSubscriber(newTextLog(&out, slog.LevelWarn))
	l.OnEvent(Event{Kind: TaskAdded})
	l.OnEvent(Event{Kind: ActorExhausted, Outcome: OutcomeCompleted})
	if out.Len() != 0 {
		t.Errorf("got %q", out.String())
	}
	l.OnEvent(Event{Kind: ActorExhausted, Outcome: OutcomeFailed})
	if out.Len() == 0 {
		t.Error("an error was not written")
	}
}
