package supervisor

import (
	"bytes"
	"context"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/time/rate"
)

// MaxLine is the largest number of bytes of a line of output; the rest of a longer one is dropped, and its place marked with "…".
const MaxLine = 4096

// Defaults of Config.
const (
	DefaultOutputRate  = 100
	DefaultOutputBurst = 200
)

// OutputStream is where a body wrote a line.
type OutputStream uint8

// Streams.
const (
	Stdout OutputStream = iota + 1 // standard output of a process that the body runs, or output of the body itself
	Stderr                         // standard error of a process that the body runs
)

var outputStreamNames = [...]string{Stdout: "STDOUT", Stderr: "STDERR"}

// String returns the name of the stream in upper case, as the wire has it.
func (s OutputStream) String() string { return enumName(outputStreamNames[:], s, "OutputStream") }

// Output returns a writer for the output of a body, given its context or one derived from it: each line becomes a TaskOutput event of the
// stream Stdout. A line without its end waits for it until the attempt ends. All that is written is discarded unless the spec of the task has
// CaptureOutput, when the attempt is over, and for any other context.
//
// The writer never waits and returns no error. It may be used from any goroutine. Lines beyond Config.OutputRate are dropped, and counted in
// Event.Lost of the next one.
func Output(ctx context.Context) io.Writer {
	a, ok := ctx.Value(attemptKey{}).(*attempt)
	if !ok || a.task.capture == nil {
		return io.Discard
	}
	return outputWriter{a}
}

// OutputLine publishes one line of output, without a line end, as if a body had written it to the stream. What is said of Output holds for it.
func OutputLine(ctx context.Context, stream OutputStream, line string) {
	a, ok := ctx.Value(attemptKey{}).(*attempt)
	if !ok || a.task.capture == nil {
		return
	}
	a.task.mu.Lock()
	defer a.task.mu.Unlock()
	if a.task.current == a {
		a.task.publishLineLocked(stream, line)
	}
}

// Captures reports whether anything comes of Output and OutputLine for this context, for bodies to which output is a cost.
func Captures(ctx context.Context) bool {
	a, ok := ctx.Value(attemptKey{}).(*attempt)
	return ok && a.task.capture != nil
}

// capture is what a task with CaptureOutput has for its output. All of it is guarded by task.mu.
type capture struct {
	limiter *rate.Limiter // nil: no limit
	partial []byte        // the beginning of a line of the attempt, at most MaxLine+1 bytes: one more than fits tells that it is too long
	lost    uint64        // lines dropped since the last event
}

func newCapture(c *Config) *capture {
	if c.OutputRate < 0 {
		return &capture{}
	}
	return &capture{limiter: rate.NewLimiter(rate.Limit(c.OutputRate), c.OutputBurst)}
}

// outputWriter writes the output of an attempt.
type outputWriter struct{ attempt *attempt }

// Write takes all of p.
func (w outputWriter) Write(p []byte) (int, error) {
	t := w.attempt.task
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current != w.attempt {
		return len(p), nil // the attempt is over
	}
	c := t.capture
	for rest := p; len(rest) > 0; {
		text, after, ended := bytes.Cut(rest, []byte("\n"))
		c.partial = append(c.partial, text[:min(len(text), MaxLine+1-len(c.partial))]...)
		if ended {
			t.publishPartialLocked()
		}
		rest = after
	}
	return len(p), nil
}

// publishPartialLocked publishes the line that was begun.
func (t *task) publishPartialLocked() {
	line := strings.TrimSuffix(string(t.capture.partial), "\r")
	t.capture.partial = t.capture.partial[:0]
	t.publishLineLocked(Stdout, line)
}

func (t *task) publishLineLocked(stream OutputStream, line string) {
	c := t.capture
	if c.limiter != nil && !c.limiter.AllowN(time.Now(), 1) {
		c.lost++
		return
	}
	t.publishLocked(&Event{Kind: TaskOutput, Attempt: t.current.number, Stream: stream, Line: cutText(line, MaxLine), Lost: c.lost})
	c.lost = 0
}

// endOutputLocked publishes, at the end of an attempt, the line that it did not end; and that lines were dropped after the last one that was
// published, if so: nothing is dropped silently.
func (t *task) endOutputLocked() {
	c := t.capture
	if c == nil {
		return
	}
	if len(c.partial) > 0 {
		t.publishPartialLocked()
	}
	if c.lost > 0 {
		t.publishLocked(&Event{Kind: TaskOutput, Attempt: t.current.number, Stream: Stdout, Lost: c.lost})
		c.lost = 0
	}
}

// cutText makes text fit to be sent: valid UTF-8 of at most limit bytes.
func cutText(text string, limit int) string {
	const mark = "…"
	whole := len(text) <= limit
	if whole && utf8.ValidString(text) { // several times as fast as what follows
		return text
	}
	if !whole {
		text = text[:runeStart(text, limit)]
	}
	text = strings.ToValidUTF8(text, "\uFFFD") // which may make it longer
	if whole && len(text) <= limit {
		return text
	}
	if end := limit - len(mark); len(text) > end {
		text = text[:runeStart(text, end)]
	}
	return text + mark
}

// runeStart returns the largest index, at most i, at which a character of text begins.
func runeStart(text string, i int) int {
	for i > 0 && !utf8.RuneStart(text[i]) {
		i--
	}
	return i
}
