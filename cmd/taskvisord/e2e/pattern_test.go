//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// How what is documented compares with what was printed: three dots, inside an object, inside an array, between documents or on a line of
// their own in text that is not JSON, stand for anything that is left out. Values that differ from run to run need only be of the same
// kind; those that identify something have to be the same wherever the document has the same.

const dots = "..."

// identities has the real value of each uid and epoch of the document.
type identities map[string]string

var (
	uuid     = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	duration = regexp.MustCompile(`^\d+(\.\d+)?s$`)
	number   = regexp.MustCompile(`^\d+$`)
)

// volatile says by which form a value of a key is known that differs from run to run.
var volatile = map[string]*regexp.Regexp{
	"attempt": number, "sequence": number,
	"delay": duration, "duration": duration,
}

// isIdentity recognises the values that have to agree with themselves.
func isIdentity(key, value string) bool { return key == "epoch" || uuid.MatchString(value) }

// isAlike reports whether two values of a key differ only in what differs from run to run.
func isAlike(key, a, b string) bool {
	if form := volatile[key]; form != nil && form.MatchString(a) && form.MatchString(b) {
		return true
	}
	return isTime(a) && isTime(b)
}

func isTime(s string) bool {
	_, err := time.Parse(time.RFC3339Nano, s)
	return err == nil
}

// match compares a documented value with a real one. at says where they are.
func (ids identities) match(at string, want, got any) error {
	switch want := want.(type) {
	case map[string]any:
		if got, ok := got.(map[string]any); ok {
			return ids.matchObject(at, want, got)
		}
	case []any:
		if got, ok := got.([]any); ok {
			return ids.matchList(at, want, got)
		}
	case string:
		if got, ok := got.(string); ok {
			return ids.matchText(at, want, got)
		}
	}
	if !reflect.DeepEqual(want, got) {
		return fmt.Errorf("%s: documented %v, printed %v", at, want, got)
	}
	return nil
}

func (ids identities) matchObject(at string, want, got map[string]any) error {
	_, open := want[dots]
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if _, ok := got[key]; !ok && key != dots {
			return fmt.Errorf("%s.%s: documented, but not printed", at, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[key]; !ok {
			if !open {
				return fmt.Errorf("%s.%s: printed, but not documented", at, key)
			}
			continue
		}
		if err := ids.match(at+"."+key, want[key], got[key]); err != nil {
			return err
		}
	}
	return nil
}

// matchList compares element by element; dots stand for as few elements as possible.
func (ids identities) matchList(at string, want, got []any) error {
	return ids.matchTail(at, 0, want, got)
}

// matchTail is matchList for what follows the first n elements.
func (ids identities) matchTail(at string, n int, want, got []any) error {
	switch {
	case len(want) == 0 && len(got) == 0:
		return nil
	case len(want) == 0:
		return fmt.Errorf("%s[%d]: printed, but not documented: %v", at, n, got[0])
	case want[0] == dots:
		return ids.matchAnywhere(at, n, want[1:], got)
	case len(got) == 0:
		return fmt.Errorf("%s[%d]: documented, but not printed: %v", at, n, want[0])
	}
	if err := ids.match(fmt.Sprintf("%s[%d]", at, n), want[0], got[0]); err != nil {
		return err
	}
	return ids.matchTail(at, n+1, want[1:], got[1:])
}

// matchAnywhere compares with what is left of a list after any number of elements.
func (ids identities) matchAnywhere(at string, n int, want, got []any) (err error) {
	if len(want) == 0 {
		return nil
	}
	for i := range len(got) + 1 {
		if err = ids.try(func(ids identities) error { return ids.matchTail(at, n+i, want, got[i:]) }); err == nil {
			return nil
		}
	}
	return fmt.Errorf("after dots: %w", err)
}

// try does a comparison that may fail without consequences: what it learned in vain is forgotten.
func (ids identities) try(compare func(ids identities) error) error {
	attempt := maps.Clone(ids)
	err := compare(attempt)
	if err == nil {
		maps.Copy(ids, attempt)
	}
	return err
}

func (ids identities) matchText(at, want, got string) error {
	key := strings.TrimRight(at[strings.LastIndexByte(at, '.')+1:], "[]0123456789") // of a list: the key of the list
	if isIdentity(key, want) && isIdentity(key, got) {
		return ids.bind(at, want, got)
	}
	if want != got && !isAlike(key, want, got) {
		return fmt.Errorf("%s: documented %q, printed %q", at, want, got)
	}
	return nil
}

// bind makes a documented value stand for a real one from now on.
func (ids identities) bind(at, want, got string) error {
	if known, ok := ids[want]; ok && known != got {
		return fmt.Errorf("%s: documented %s, which stands for %s by now, printed %s", at, want, known, got)
	}
	ids[want] = got
	return nil
}

// apply puts the real values into a command.
func (ids identities) apply(command string) string {
	for documented, actual := range ids {
		command = strings.ReplaceAll(command, documented, actual)
	}
	return command
}

// matchLines compares text line by line. Here everything that looks like a uid, a time or a duration is taken for one.
func (ids identities) matchLines(want, got string) error {
	return ids.matchList("line", lines(want), lines(got))
}

// The last ones are times of day, numbers that stand in a table, long durations, and numbers that count attempts.
var volatileText = regexp.MustCompile(uuid.String() + `|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z|\b\d+(\.\d+)?(s|ms|µs)\b` +
	`|\b\d\d:\d\d:\d\d(\.\d+)?\b|  \d+(\.\d+)?(s|ms|µs)?\b|\b\d+h(\d+m)?\b|\b\d+m(\d+s)?\b|\battempt \d+\b|\b\d+ attempts?\b`)

// blanks align columns, whose widths follow from what is in them.
var blanks = regexp.MustCompile(` {2,}`)

func lines(text string) (all []any) {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\r\n")
		if strings.TrimSpace(line) == dots {
			line = dots
		}
		line = volatileText.ReplaceAllString(line, "  <volatile>")
		all = append(all, blanks.ReplaceAllString(line, " "))
	}
	return all
}

// isJSON reports whether a text is JSON documents, dots between them included.
func isJSON(text string) bool {
	text = strings.TrimSpace(strings.ReplaceAll(text, dots, ""))
	return text != "" && strings.IndexByte("{[", text[0]) >= 0
}

// decode returns the JSON documents of a text. It stops without an error before a document that has not ended yet.
func decode(text string) (documents []any, err error) {
	for dec := json.NewDecoder(strings.NewReader(text)); ; {
		var document any
		switch err := dec.Decode(&document); {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return documents, nil
		case err != nil:
			return nil, err
		}
		documents = append(documents, document)
	}
}
