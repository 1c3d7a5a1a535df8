package cli

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// Widths of the columns of events. That of the task grows with the names that come, so that what is aligned stays so as far as it can.
const (
	leastNames = 8
	mostNames  = 32
	mostKind   = len("CONTROLLER_SLOT_TRANSITION")

	narrow      = 100 // columns of a terminal below which it is narrow:
	narrowNames = 16
	narrowKind  = len("TASK_REMOVE_REQUESTED")
)

// eventLines writes events as lines. It belongs to one goroutine.
type eventLines struct {
	app   *app
	names int // width of the column of tasks so far
}

// line returns the line for an event.
func (l *eventLines) line(e *pb.Event) string {
	style, isNarrow := l.app.style, l.app.style.width > 0 && l.app.style.width < narrow
	l.names = min(max(l.names, utf8.RuneCountInString(e.GetTask()), leastNames), pick(isNarrow, narrowNames, mostNames))
	at := l.app.clock(e.GetTime().AsTime(), isNarrow)
	kind := padded(bare(e.GetKind()), pick(isNarrow, narrowKind, mostKind))
	task := padded(e.GetTask(), l.names)
	detail := oneLine(detailOf(e))
	if style.width > 0 {
		detail = cut(detail, max(style.width-len(at+gap+kind+gap+gap)-l.names, 1))
	}
	return strings.TrimRight(style.paint(dim, at)+gap+style.paint(tintOfEvent(e), kind)+gap+task+gap+detail, " ")
}

// padded returns a name that takes n characters: cut in the middle if it is longer, since long names differ at their ends.
func padded(name string, n int) string {
	length := utf8.RuneCountInString(name)
	if length <= n {
		return name + strings.Repeat(" ", n-length)
	}
	runes := []rune(name)
	head := (n - 1) / 2
	return string(runes[:head]) + "…" + string(runes[length-(n-1-head):])
}

// clock returns the time of day, to the second if it has to be short, and the day if it is not today.
func (a *app) clock(t time.Time, short bool) string {
	of := pick(short, "15:04:05", "15:04:05.000")
	t, now := a.here(t), a.here(time.Now())
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format(of)
	}
	return t.Format("2006-01-02 " + of)
}

// detailOf says in words what an event has beside its kind and its task. It goes by the fields that are set, so that it has something to say about
// kinds that are newer than this program.
func detailOf(e *pb.Event) string {
	var texts []string
	say := func(is bool, format string, args ...any) {
		if is {
			texts = append(texts, fmt.Sprintf(format, args...))
		}
	}
	say(e.GetAttempt() > 0, "attempt %d", e.GetAttempt())
	say(e.GetDuration() != nil, "after %s", spanOf(e.GetDuration()))
	say(e.GetTimeout() != nil, "exceeds its timeout of %s", spanOf(e.GetTimeout()))
	say(e.GetDelay() != nil, "%s in %s", nextOf(e), spanOf(e.GetDelay()))
	say(e.GetSlot() != "" && (e.GetSlot() != e.GetTask() || e.GetSlotState() != 0), "slot %s", e.GetSlot())
	say(e.GetPreviousSlotState() != 0, "%s → %s", word(e.GetPreviousSlotState()), word(e.GetSlotState()))
	say(e.GetQueueDepth() > 0, "%d queued", e.GetQueueDepth())
	say(e.GetRejection() != 0, "%s", word(e.GetRejection()))
	say(e.GetOutcome() != 0, "%s", word(e.GetOutcome()))
	say(e.GetSubscriber() != "", "subscriber %s", e.GetSubscriber())
	say(e.GetLostCount() > 0, "lost %d", e.GetLostCount())
	say(e.GetPrincipal() != "", "by %s", e.GetPrincipal())
	text := strings.Join(texts, " ")
	switch {
	case e.GetStream() == pb.OutputStream_OUTPUT_STREAM_STDERR:
		return text + " stderr: " + e.GetLine()
	case e.GetStream() != 0:
		return text + ": " + e.GetLine()
	case e.GetReason() != "" && text != "":
		text += ": " + e.GetReason()
	case e.GetReason() != "":
		text = e.GetReason()
	}
	if e.ExitCode != nil && !strings.Contains(e.GetReason(), fmt.Sprint(e.GetExitCode())) {
		text += fmt.Sprintf(" (exit code %d)", e.GetExitCode())
	}
	return text
}

// nextOf says how the attempt ended that a delay follows, as far as that is told, and what comes then.
func nextOf(e *pb.Event) string {
	switch {
	case e.GetAttempt() == 0:
		return "first run"
	case e.GetBackoffSource() == pb.BackoffSource_BACKOFF_SOURCE_FAILURE:
		return "failed, next"
	case e.GetBackoffSource() == pb.BackoffSource_BACKOFF_SOURCE_SCHEDULE && e.GetReason() != "":
		return "failed, next run"
	case e.GetBackoffSource() == pb.BackoffSource_BACKOFF_SOURCE_SCHEDULE:
		return "done, next run"
	}
	return "succeeded, next"
}

// tintOfEvent returns the colour of what went wrong, and of what went well.
func tintOfEvent(e *pb.Event) tint {
	switch e.GetKind() { //nolint:exhaustive // the others are neither good nor bad
	case pb.EventKind_EVENT_KIND_TASK_FAILED, pb.EventKind_EVENT_KIND_ACTOR_DEAD, pb.EventKind_EVENT_KIND_GRACE_EXCEEDED,
		pb.EventKind_EVENT_KIND_CONTROLLER_REJECTED, pb.EventKind_EVENT_KIND_SUBSCRIBER_PANICKED:
		return red
	case pb.EventKind_EVENT_KIND_TIMEOUT_HIT, pb.EventKind_EVENT_KIND_SUBSCRIBER_OVERFLOW, pb.EventKind_EVENT_KIND_SHUTDOWN_REQUESTED:
		return yellow
	case pb.EventKind_EVENT_KIND_BACKOFF_SCHEDULED:
		return pick(strings.HasPrefix(nextOf(e), "failed"), yellow, plain)
	case pb.EventKind_EVENT_KIND_TASK_STARTING, pb.EventKind_EVENT_KIND_TASK_STOPPED, pb.EventKind_EVENT_KIND_ALL_STOPPED_WITHIN_GRACE:
		return green
	case pb.EventKind_EVENT_KIND_ACTOR_EXHAUSTED, pb.EventKind_EVENT_KIND_TASK_REMOVED:
		return tintOfOutcome(e.GetOutcome())
	}
	return plain
}
