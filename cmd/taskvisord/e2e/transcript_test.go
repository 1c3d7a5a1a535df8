//go:build e2e

package e2e

import (
	"bytes"
	"sync"
)

// transcript is what a process printed so far. It is an io.Writer for the process and lets the test wait for lines.
type transcript struct {
	keep func(line string) bool // which lines to keep, of a process that would fill the memory; nil: all, at once. Set before the first Write

	mu      sync.Mutex // guards what is below
	partial []byte     // with keep: a line that has no end yet
	text    []byte
	closed  bool
	changed chan struct{} // closed and replaced when there is more, or no more to come
}

func newTranscript() *transcript { return &transcript{changed: make(chan struct{})} }

// Write implements io.Writer.
func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.keep == nil {
		t.text = append(t.text, p...)
	} else {
		t.sift(p)
	}
	t.announce()
	return len(p), nil
}

// sift adds the lines that are to be kept. t.mu is held.
func (t *transcript) sift(p []byte) {
	t.partial = append(t.partial, p...)
	for {
		end := bytes.IndexByte(t.partial, '\n') + 1
		if end == 0 {
			return
		}
		if t.keep(string(t.partial[:end])) {
			t.text = append(t.text, t.partial[:end]...)
		}
		t.partial = t.partial[end:]
	}
}

// close says that nothing more will come.
func (t *transcript) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	t.announce()
}

// announce wakes those who wait. t.mu is held.
func (t *transcript) announce() {
	close(t.changed)
	t.changed = make(chan struct{})
}

// String returns all that was printed so far.
func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}

// line waits for the line that begins at the offset, and returns it without its end, and the offset of the next one. It returns false when
// there will be none. The process has a deadline, so this does, too.
func (t *transcript) line(offset int) (line string, next int, ok bool) {
	for {
		t.mu.Lock()
		text, closed, changed := t.text[offset:], t.closed, t.changed
		t.mu.Unlock()
		if end := bytes.IndexByte(text, '\n'); end >= 0 {
			return string(text[:end]), offset + end + 1, true
		}
		if closed {
			return string(text), offset + len(text), len(text) > 0
		}
		<-changed
	}
}

// find waits for the first line after the offset that the test wants, and returns it and the offset behind it.
func (t *transcript) find(offset int, wanted func(line string) bool) (line string, next int, ok bool) {
	for {
		if line, offset, ok = t.line(offset); !ok || wanted(line) {
			return line, offset, ok
		}
	}
}
