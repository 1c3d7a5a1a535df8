//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// elide makes dots that stand in JSON part of the JSON: a key in an object, an element in an array, a document between documents. Commas beside
// them may be there or not.
func elide(text string) string {
	var e elider
	for rest := text; rest != ""; {
		if !e.quoted && strings.HasPrefix(rest, dots) {
			e.dots()
			rest = rest[len(dots):]
			continue
		}
		e.char(rest[0])
		rest = rest[1:]
	}
	return string(e.out)
}

type elider struct {
	out     []byte
	last    byte   // that is not a blank; 0 for none
	open    []byte // brackets
	quoted  bool   // inside of a string
	escaped bool   // behind a backslash
	after   bool   // behind dots, where a comma may be missing
}

func (e *elider) dots() {
	if len(e.open) > 0 && !strings.ContainsRune("{[,", rune(e.last)) {
		e.out = append(e.out, ',')
	}
	if len(e.open) > 0 && e.open[len(e.open)-1] == '{' {
		e.out = append(e.out, `"...":`...)
	}
	e.out = append(e.out, `"..."`...)
	e.last, e.after = '"', true
}

func (e *elider) char(c byte) {
	blank := strings.IndexByte(" \t\r\n", c) >= 0
	if e.after && !blank {
		e.after = false
		if len(e.open) > 0 && strings.IndexByte("}],", c) < 0 {
			e.out = append(e.out, ',')
		}
	}
	e.out = append(e.out, c)
	if !blank {
		e.last = c
	}
	if e.quoted {
		e.inString(c)
		return
	}
	switch c {
	case '"':
		e.quoted = true
	case '{', '[':
		e.open = append(e.open, c)
	case '}', ']':
		e.open = e.open[:max(len(e.open)-1, 0)]
	}
}

func (e *elider) inString(c byte) {
	switch {
	case e.escaped:
		e.escaped = false
	case c == '\\':
		e.escaped = true
	case c == '"':
		e.quoted = false
	}
}

func TestElide(t *testing.T) {
	for text, want := range map[string]string{
		`{"a": 1}`:                        `{"a": 1}`,
		`{...}`:                           `{"...":"..."}`,
		`[ ... ]`:                         `[ "..." ]`,
		"{\n  \"a\": 1\n  ...\n}":         "{\n  \"a\": 1\n  ,\"...\":\"...\"\n}",
		"{\n  \"a\": 1,\n  ...\n}":        "{\n  \"a\": 1,\n  \"...\":\"...\"\n}",
		"{\n  ...\n  \"a\": 1\n}":         "{\n  \"...\":\"...\"\n  ,\"a\": 1\n}",
		"{\n  ...,\n  \"a\": 1\n}":        "{\n  \"...\":\"...\",\n  \"a\": 1\n}",
		`{"a": {...}, "b": [1, ...]}`:     `{"a": {"...":"..."}, "b": [1, "..."]}`,
		`{"a": "...", "b": "\"...", ...}`: `{"a": "...", "b": "\"...", "...":"..."}`,
		"{}\n...\n{}":                     "{}\n\"...\"\n{}",
		`[[] ... {}]`:                     `[[] ,"..." ,{}]`,
	} {
		got := elide(text)
		if got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
		if _, err := decode(got); err != nil {
			t.Errorf("%s: got %s: %v", text, got, err)
		}
	}
}
