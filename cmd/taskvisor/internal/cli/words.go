package cli

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// enum is what the enums of the contract have in common.
type enum interface {
	protoreflect.Enum
	String() string
}

// prefixOf returns what the names of all members begin with: that of the one for "not set", without its last word.
func prefixOf(e protoreflect.EnumDescriptor) string {
	return strings.TrimSuffix(string(e.Values().ByNumber(0).Name()), "UNSPECIFIED")
}

// bare returns the name of a member without its prefix: TASK_STARTING.
func bare(e enum) string { return strings.TrimPrefix(e.String(), prefixOf(e.Descriptor())) }

// word returns the name of a member as people write it: on-failure.
func word(e enum) string { return strings.ToLower(strings.ReplaceAll(bare(e), "_", "-")) }

// words returns all members but the one for "not set".
func words(e protoreflect.EnumDescriptor) (all []string) {
	for i := range e.Values().Len() {
		if v := e.Values().Get(i); v.Number() != 0 {
			name := strings.TrimPrefix(string(v.Name()), prefixOf(e))
			all = append(all, strings.ToLower(strings.ReplaceAll(name, "_", "-")))
		}
	}
	return all
}

// parseEnum reads a member in any of its spellings: on-failure, ON_FAILURE, RESTART_MODE_ON_FAILURE.
func parseEnum(e protoreflect.EnumDescriptor, text string) (protoreflect.EnumNumber, error) {
	name := strings.ToUpper(strings.ReplaceAll(text, "-", "_"))
	for _, full := range []string{prefixOf(e) + name, name} {
		if v := e.Values().ByName(protoreflect.Name(full)); v != nil && v.Number() != 0 {
			return v.Number(), nil
		}
	}
	return 0, fmt.Errorf("wants one of %s, not %q", strings.Join(words(e), ", "), text)
}

// stateWord returns the state of a task, or its outcome if it has ended.
func stateWord(t *pb.Task) string {
	if t.GetState() == pb.TaskState_TASK_STATE_FINISHED {
		return word(t.GetOutcome())
	}
	return word(t.GetState())
}

// span returns a duration with as much precision as a person wants: 250ms, 1.5s, 12s, 5m30s, 3h12m, 9d.
func span(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + span(-d)
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d < time.Minute:
		return d.Round(time.Second).String()
	case d < time.Hour:
		return parts(d/time.Minute, "m", d%time.Minute/time.Second, "s")
	case d < 48*time.Hour:
		return parts(d/time.Hour, "h", d%time.Hour/time.Minute, "m")
	}
	return parts(d/(24*time.Hour), "d", d%(24*time.Hour)/time.Hour, "h")
}

func parts(large time.Duration, largeUnit string, small time.Duration, smallUnit string) string {
	if small == 0 {
		return fmt.Sprintf("%d%s", large, largeUnit)
	}
	return fmt.Sprintf("%d%s%d%s", large, largeUnit, small, smallUnit)
}

// since returns how long ago a time was, "" for none.
func since(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return span(max(time.Since(t.AsTime()), 0))
}

// count returns a number with its noun.
func count(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// ordinal returns 1st, 2nd, 3rd, 4th.
func ordinal(n uint64) string {
	suffix := "th"
	switch {
	case n%100/10 == 1:
	case n%10 == 1:
		suffix = "st"
	case n%10 == 2:
		suffix = "nd"
	case n%10 == 3:
		suffix = "rd"
	}
	return fmt.Sprintf("%d%s", n, suffix)
}

// oneLine returns text of others as it may be put into a line of ours: control characters would move the cursor, or worse.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.TrimRight(text, "\r\n"))
}

// cut shortens text to n characters.
func cut(text string, n int) string {
	runes := []rune(text)
	if n <= 0 || len(runes) <= n {
		return text
	}
	return strings.TrimRight(string(runes[:n-1]), " ") + "…"
}

// pick returns yes if the condition holds, and no if not.
func pick[T any](condition bool, yes, no T) T {
	if condition {
		return yes
	}
	return no
}
