package exec

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/taskvisor/taskvisor/supervisor"
)

// stream is one of the two that a child writes.
type stream uint8

const (
	stdout stream = iota
	stderr
)

func (s stream) String() string { return [...]string{stdout: "stdout", stderr: "stderr"}[s] }

// lineSink takes the lines that a child writes, without their ends. The lines of one stream come one after the other, those of two streams at the
// same time. text is valid during the call only and at most maxLine bytes; cut says that the line goes on. A sink that takes its time
// makes the child wait in write(2), and the attempt for its last lines, as any body waits that writes to a log.
type lineSink interface {
	line(from stream, text []byte, cut bool)
}

// maxLine is how many bytes of a line are kept: as many as an event has room for.
const maxLine = supervisor.MaxLine

// cutMark follows a line that was cut, in the log.
const cutMark = "… [cut at 4 KiB]"

// readLines passes the lines of r to sink until r ends. Memory is that of one line, whatever is written; the rest of a longer one is dropped.
func readLines(r io.Reader, from stream, sink lineSink) error {
	b := bufio.NewReaderSize(r, maxLine+len("\r\n"))
	for {
		text, err := b.ReadSlice('\n')
		if len(text) > 0 {
			text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
			sink.line(from, text[:min(len(text), maxLine)], len(text) > maxLine)
		}
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = b.ReadSlice('\n')
		}
		if err != nil {
			return err
		}
	}
}

// sinks passes each line to several.
type sinks []lineSink

func (all sinks) line(from stream, text []byte, cut bool) {
	for _, s := range all {
		s.line(from, text, cut)
	}
}

// logSink logs lines at level debug.
type logSink struct {
	ctx context.Context //nolint:containedctx // that of the attempt, which a handler may look into
	log *slog.Logger
}

func (s logSink) line(from stream, text []byte, cut bool) {
	if !s.log.Enabled(s.ctx, slog.LevelDebug) {
		return // so that a flood costs no more than reading it
	}
	line := string(text)
	if cut {
		line += cutMark
	}
	s.log.LogAttrs(s.ctx, slog.LevelDebug, "output", slog.String("stream", from.String()), slog.String("line", line))
}

// pulseSink takes each line for a sign of life.
type pulseSink struct {
	ctx context.Context //nolint:containedctx // that of the attempt, which may have to give signs of life
}

func (s pulseSink) line(stream, []byte, bool) { supervisor.Heartbeat(s.ctx) }

// captureSink publishes lines as events, for a task that asks for them.
type captureSink struct {
	ctx context.Context //nolint:containedctx // that of the attempt, which knows where lines go
}

func (s captureSink) line(from stream, text []byte, cut bool) {
	line := string(text)
	if cut {
		line += "…" // too long now, and so cut and marked by the supervisor
	}
	to := supervisor.Stdout
	if from == stderr {
		to = supervisor.Stderr
	}
	supervisor.OutputLine(s.ctx, to, line)
}

// Bounds of a tail.
const (
	tailLines = 5
	tailBytes = 1 << 10
)

// tail keeps the last lines of stderr, which say why a command failed.
type tail struct {
	mu    sync.Mutex
	lines [tailLines][]byte // a ring whose buffers are used again
	next  int               // index of the oldest line, which is overwritten next
}

func (t *tail) line(from stream, text []byte, _ bool) {
	if from != stderr || len(bytes.TrimSpace(text)) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines[t.next] = append(t.lines[t.next][:0], text[:min(len(text), tailBytes)]...)
	t.next = (t.next + 1) % tailLines
}

// String returns the last lines that fit into tailBytes, oldest first, at least the beginning of the very last one.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	const separator = " | "
	text := ""
	for i := range tailLines {
		line := printable(t.lines[(t.next-1-i+tailLines)%tailLines])
		switch {
		case text == "":
			text = line[:min(len(line), tailBytes)]
		case line == "" || len(line)+len(separator)+len(text) > tailBytes:
			return text
		default:
			text = line + separator + text
		}
	}
	return text
}

// printable removes what could play tricks on a terminal: the text ends up in errors that people read on one.
func printable(text []byte) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return -1
		default:
			return r
		}
	}, string(text)))
}

// output carries what a child writes to a sink.
type output struct {
	sink    lineSink
	readers sync.WaitGroup
	held    atomic.Bool // somebody who left the group goes on holding a pipe open
	read    [2]*os.File // by stream; the ends to read from
	write   [2]*os.File // the ends for the child
}

// newOutput opens the pipes.
func newOutput(sink lineSink) (*output, error) {
	o := &output{sink: sink}
	for s := range o.read {
		r, w, err := os.Pipe()
		if err != nil {
			o.closeAll()
			return nil, err
		}
		o.read[s], o.write[s] = r, w
	}
	return o, nil
}

// inodes returns the numbers by which the system knows the pipes.
func (o *output) inodes() (numbers []uint64) {
	for _, w := range o.write {
		if number, ok := inodeOf(w); ok {
			numbers = append(numbers, number)
		}
	}
	return numbers
}

// start begins to read. The child has its ends of the pipes by now, and they must not stay open here.
func (o *output) start() {
	for s, r := range o.read {
		o.write[s].Close()
		o.readers.Go(func() {
			if err := readLines(&pipeEnd{file: r}, stream(s), o.sink); errors.Is(err, errHeldOpen) {
				o.held.Store(true)
			} // else it is the end of the pipe
		})
	}
}

// finish returns when all that was written has been passed on. It is called when the group is gone, and waits no longer than patience for others to let
// go of the pipes: a process that left the group may keep them open for good. It reports whether nobody does.
func (o *output) finish(patience time.Duration) bool {
	defer o.closeAll()
	deadline := time.Now().Add(patience)
	for _, r := range o.read {
		_ = r.SetReadDeadline(deadline) // pipes have deadlines
	}
	o.readers.Wait()
	return !o.held.Load()
}

func (o *output) closeAll() {
	for s := range o.read {
		o.read[s].Close() // of a nil file too: that is an error, no panic
		o.write[s].Close()
	}
}
