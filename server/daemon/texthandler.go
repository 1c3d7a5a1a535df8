package daemon

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/taskvisor/taskvisor/supervisor"
)

// textHandler writes log records as lines for people, in columns:
//
//	2026-11-23T15:04:05.000Z INFO  TASK_FAILED            crash  #3  duration=2ms reason="exit status 3" exit_code=3
//
// The attributes task and attempt have columns of their own, wherever they come from. What only programs want, uid and sequence, is left out:
// the uid is as long as the rest of the line, and name and time say which life it is. So is what the reader knows: the reason of a backoff,
// which is that of the failure before it, and a slot that has the name of the task. The JSON format has all of them.
type textHandler struct {
	level  slog.Level
	out    *lineWriter // shared by all handlers derived from one
	attrs  []slog.Attr // of WithAttrs, names prefixed by their groups
	prefix string      // of WithGroup
}

// lineWriter writes whole lines.
type lineWriter struct {
	mu    sync.Mutex // guards what is below
	w     io.Writer
	names int // width of the column of task names: as wide as the widest so far
}

// Widths of columns. That of messages holds the names of nearly all kinds of events, that of names grows with them, up to a point.
const (
	messageWidth = 21
	minNameWidth = 8
	maxNameWidth = 32
)

func newTextHandler(w io.Writer, level slog.Level) *textHandler {
	return &textHandler{level: level, out: &lineWriter{w: w, names: minNameWidth}}
}

// Enabled reports whether records of this level are written.
func (h *textHandler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level }

// WithAttrs returns a handler that adds the attributes to each record.
func (h *textHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	derived := *h
	derived.attrs = append([]slog.Attr{}, h.attrs...)
	for _, a := range attrs {
		derived.attrs = appendAttr(derived.attrs, h.prefix, a)
	}
	return &derived
}

// WithGroup returns a handler that puts name before the names of attributes to come.
func (h *textHandler) WithGroup(name string) slog.Handler {
	derived := *h
	if name != "" {
		derived.prefix += name + "."
	}
	return &derived
}

// appendAttr adds an attribute with its value resolved, or those of a group one by one.
func appendAttr(attrs []slog.Attr, prefix string, a slog.Attr) []slog.Attr {
	a.Value = a.Value.Resolve()
	if a.Value.Kind() != slog.KindGroup {
		if a.Key == "" {
			return attrs
		}
		return append(attrs, slog.Attr{Key: prefix + a.Key, Value: a.Value})
	}
	if a.Key != "" {
		prefix += a.Key + "."
	}
	for _, member := range a.Value.Group() {
		attrs = appendAttr(attrs, prefix, member)
	}
	return attrs
}

// Handle writes one record.
func (h *textHandler) Handle(_ context.Context, record slog.Record) error {
	attrs := append([]slog.Attr{}, h.attrs...)
	record.Attrs(func(a slog.Attr) bool {
		attrs = appendAttr(attrs, h.prefix, a)
		return true
	})
	var task, attempt string
	var rest bytes.Buffer
	for _, a := range attrs {
		switch {
		case a.Key == "task":
			task = plainName(a.Value.String())
		case a.Key == "attempt":
			attempt = "#" + a.Value.String()
		case a.Key == "slot" && plainName(a.Value.String()) == task:
		case !forPrograms(record.Message, a.Key):
			fmt.Fprintf(&rest, " %s=%s", a.Key, textValue(a.Value))
		}
	}
	return h.out.line(record, task, attempt, rest.String())
}

// forPrograms recognises the attributes that are left out.
func forPrograms(message, key string) bool {
	switch key {
	case "uid", "sequence":
		return true
	case "reason":
		return message == supervisor.BackoffScheduled.String()
	default:
		return false
	}
}

// line writes one line. Only lines about a task have its columns: a sentence followed by blanks would look torn.
func (l *lineWriter) line(record slog.Record, task, attempt, rest string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b bytes.Buffer
	if !record.Time.IsZero() {
		b.WriteString(record.Time.Format("2006-01-02T15:04:05.000Z07:00 "))
	}
	fmt.Fprintf(&b, "%-5s ", record.Level)
	message := strings.Map(printable, record.Message)
	if task == "" {
		b.WriteString(message)
	} else {
		l.names = max(l.names, min(utf8.RuneCountInString(task), maxNameWidth))
		fmt.Fprintf(&b, "%-*s %-*s %-4s", messageWidth, message, l.names, task, attempt)
	}
	b.WriteString(rest)
	_, err := l.w.Write(append(bytes.TrimRight(b.Bytes(), " "), '\n'))
	return err
}

// textValue formats a value for people: durations in three digits, text in quotes where it could be mistaken for something else.
func textValue(v slog.Value) string {
	switch v.Kind() { //nolint:exhaustive // the others as slog formats them
	case slog.KindDuration:
		return roundDuration(v.Duration()).String()
	case slog.KindTime:
		return v.Time().Format(time.RFC3339Nano)
	default:
		text := v.String()
		if text == "" || strings.ContainsFunc(text, needsQuotes) {
			return strconv.Quote(text)
		}
		return text
	}
}

// needsQuotes: characters that do not print could play tricks on a terminal.
func needsQuotes(r rune) bool {
	return r == ' ' || r == '"' || r == '=' || r == utf8.RuneError || !unicode.IsPrint(r)
}

func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return ' '
}

// roundDuration rounds to three digits: nobody reads more of 213.456789ms.
func roundDuration(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d.Abs()/1000 >= unit {
		unit *= 10
	}
	return d.Round(unit)
}

// plainName returns a name as it is, quoted unless it is one that a task can have: a refused one may hold line ends and escapes.
func plainName(name string) string {
	if supervisor.ValidName(name) {
		return name
	}
	return strconv.Quote(name)
}
