package cli

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// field is one line of a description.
type field struct{ title, text string }

// describe prints all that a person wants to know about a task.
func (a *app) describe(ctx context.Context, c *client.Client, t *pb.Task) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s: %s\n\n", a.style.paint(bold, t.GetName()), a.style.paint(tintOf(t), stateWord(t)))
	for _, sentence := range why(t, a.asked(ctx, c, t)) {
		b.WriteString(wrapped(sentence, a.textWidth(), "  "))
	}
	b.WriteByte('\n')
	a.writeFields(&b, a.fields(t))
	if len(t.GetSpec().GetConfig().GetFields()) > 0 {
		fmt.Fprintln(&b, "Config:")
		var config bytes.Buffer
		if err := printMessage(&config, formatYAML, t.GetSpec().GetConfig()); err != nil {
			return err
		}
		for line := range strings.Lines(config.String()) {
			b.WriteString("  " + line)
		}
	}
	_, err := b.WriteTo(a.stdout)
	return err
}

// readable is how wide text is where nothing says how wide it may be.
const readable = 100

func (a *app) textWidth() int {
	if a.style.width == 0 {
		return readable
	}
	return min(a.style.width, readable)
}

// titleWidth is as wide as the titles are.
const titleWidth = 14

func (a *app) writeFields(b *bytes.Buffer, fields []field) {
	for _, f := range fields {
		if f.text != "" {
			title := fmt.Sprintf("%-*s", titleWidth, f.title+":")
			b.WriteString(a.style.paint(dim, title) + a.fieldText(f.text))
		}
	}
}

// fieldText wraps the text of a field to the terminal. Where nothing says how wide that is, a field is a line.
func (a *app) fieldText(text string) string {
	if a.style.width == 0 {
		return oneLine(text) + "\n"
	}
	indent := strings.Repeat(" ", titleWidth)
	return strings.TrimPrefix(hanging(text, a.textWidth(), indent, indent), indent)
}

func (a *app) fields(t *pb.Task) []field {
	spec := t.GetSpec()
	return []field{
		{"UID", t.GetUid()},
		{"Plugin", strings.TrimSpace(spec.GetPlugin() + " " + t.GetPluginVersion())},
		{"Labels", labelText(t)},
		{"Attempt", attemptText(t)},
		{"Progress", t.GetProgress()},
		{"Added", a.moment(t.GetCreateTime())},
		{"Started", a.moment(t.GetStartTime())},
		{"Next attempt", a.moment(t.GetNextAttemptTime())},
		{"Ended", a.moment(t.GetFinishTime())},
		{"Last error", a.errorText(t.GetLastError())},
		{"Schedule", scheduleText(spec.GetRestart())},
		{"Restart", restartText(spec.GetRestart())},
		{"Backoff", backoffText(spec.GetBackoff())},
		{"Timeout", spanOf(spec.GetTimeout())},
		{"Heartbeat", pick(spec.GetHeartbeatTimeout() != nil, "within "+spanOf(spec.GetHeartbeatTimeout()), "")},
		{"Slot", slotText(t)},
		{"Output", pick(spec.GetCaptureOutput(), "captured: taskvisor logs "+t.GetName(), "")},
		{"Generation", pick(t.GetGeneration() > 1, fmt.Sprint(t.GetGeneration()), "")},
		{"Server", a.chosenServer()},
	}
}

// chosenServer names the server, if somebody has chosen it: who has two of them may be looking at the wrong one.
func (a *app) chosenServer() string {
	if a.settings.origins["server"] == "" {
		return ""
	}
	return fmt.Sprintf("%s (%s)", a.settings.server, a.origin())
}

func attemptText(t *pb.Task) string {
	text := fmt.Sprint(t.GetAttempt())
	if n := t.GetFailureStreak(); n > 0 {
		text += fmt.Sprintf(", %s in a row", count(uint64(n), "failure"))
	}
	return text
}

// moment returns a time, and how far away it is.
func (a *app) moment(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	at := a.here(t.AsTime()).Format("2006-01-02 15:04:05 MST")
	if d := time.Until(t.AsTime()); d > 0 {
		return fmt.Sprintf("%s (in %s)", at, span(d))
	}
	return fmt.Sprintf("%s (%s ago)", at, since(t))
}

func (a *app) errorText(e *pb.TaskError) string {
	if e == nil {
		return ""
	}
	text := e.GetReason()
	if e.ExitCode != nil && !strings.Contains(text, fmt.Sprint(e.GetExitCode())) {
		text += fmt.Sprintf(" (exit code %d)", e.GetExitCode())
	}
	return fmt.Sprintf("%s; at %s", text, a.moment(e.GetTime()))
}

// scheduleText says when a task runs, and in which time zone.
func scheduleText(r *pb.RestartPolicy) string {
	switch {
	case r.GetSchedule() == "":
		return ""
	case r.GetTimeZone() == "":
		return r.GetSchedule() + " (UTC)"
	}
	return fmt.Sprintf("%s (%s)", r.GetSchedule(), r.GetTimeZone())
}

func restartText(r *pb.RestartPolicy) string {
	text := "on failure"
	switch r.GetMode() {
	case pb.RestartMode_RESTART_MODE_NEVER:
		return pick(r.GetSchedule() == "", "never", "at the next time of the schedule only")
	case pb.RestartMode_RESTART_MODE_ALWAYS:
		if r.GetSchedule() != "" {
			break // the same as on failure
		}
		text = "always"
		if r.GetInterval() != nil {
			text += fmt.Sprintf(", %s after a success", spanOf(r.GetInterval()))
		}
	case pb.RestartMode_RESTART_MODE_UNSPECIFIED, pb.RestartMode_RESTART_MODE_ON_FAILURE:
	}
	if n := r.GetMaxRetries(); n > 0 {
		text += fmt.Sprintf(", at most %d times %s", n, pick(r.GetSchedule() == "", "in a row", "for each time of the schedule"))
	}
	if l := r.GetLimit(); l != nil {
		text += fmt.Sprintf(", at most %d times within %s", l.GetCount(), spanOf(l.GetWindow()))
	}
	return text
}

// backoffText says what the spec says; what it leaves open is up to the server.
func backoffText(b *pb.BackoffPolicy) string {
	var texts []string
	say := func(is bool, format string, args ...any) {
		if is {
			texts = append(texts, fmt.Sprintf(format, args...))
		}
	}
	say(b.GetFirst() != nil, "first %s", spanOf(b.GetFirst()))
	say(b.GetFactor() != 0, "× %g", b.GetFactor())
	say(b.GetMax() != nil, "up to %s", spanOf(b.GetMax()))
	say(b.GetJitter() != pb.Jitter_JITTER_UNSPECIFIED, "jitter: %s", word(b.GetJitter()))
	say(b.GetResetAfter() != nil, "reset after %s", spanOf(b.GetResetAfter()))
	return strings.Join(texts, ", ")
}

func slotText(t *pb.Task) string {
	text := t.GetSlot()
	if p := t.GetSpec().GetAdmission().GetPolicy(); p != pb.AdmissionPolicy_ADMISSION_POLICY_UNSPECIFIED {
		text += ", " + word(p)
	}
	return text
}

// spanOf returns a duration, "" for none.
func spanOf(d *durationpb.Duration) string {
	if d == nil {
		return ""
	}
	return span(d.AsDuration())
}

// wrapped breaks text into lines of at most width characters, all with the indent in front of them.
func wrapped(text string, width int, indent string) string {
	return hanging(text, width, indent, indent)
}

// hanging is wrapped with another indent in front of the first line.
func hanging(text string, width int, first, rest string) string {
	var b strings.Builder
	indent, length := first, 0
	for _, word := range strings.Fields(oneLine(text)) {
		n := utf8.RuneCountInString(word)
		switch {
		case length == 0 || length+1+n > width:
			if length > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(indent)
			indent, length = rest, utf8.RuneCountInString(indent)
		default:
			b.WriteByte(' ')
			length++
		}
		b.WriteString(word)
		length += n
	}
	return b.String() + "\n"
}
