package cli

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestTablesFit draws a table in every width, down to one that has no room for it.
func TestTablesFit(t *testing.T) {
	for width := 1; width <= 120; width++ {
		table := &columns{style: style{width: width}, columns: []column{{title: "NAME", least: 8}, {title: "N", right: true}, {title: "NOTE", least: 4}}}
		table.add(cell{strings.Repeat("näme", 10), plain}, cell{"12", plain}, cell{strings.Repeat("word ", 10) + "\x1b[2Jend", red})
		var b strings.Builder
		if err := table.writeTo(&b); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			line = strings.TrimSuffix(line, "\n")
			if n := utf8.RuneCountInString(line); n > max(width, len("NAME")) { // a column is not cut to less than its title
				t.Errorf("width %d: %d characters: %s", width, n, line)
			}
			if strings.ContainsRune(line, 0x1b) {
				t.Errorf("width %d: a control character of somebody else: %q", width, line)
			}
		}
	}
}

func TestPaddedCutsInTheMiddle(t *testing.T) {
	for name, want := range map[string]string{"a": "a       ", "abcdefgh": "abcdefgh", "abcdefghi": "abc…fghi", "ääääääääää": "äää…ääää"} {
		if got := padded(name, 8); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func TestWrapped(t *testing.T) {
	if got, want := wrapped("one two  three\nfour", 9, "  "), "  one two\n  three\n  four\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
