package top

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/charmbracelet/x/ansi"
)

// maxMarks is how many marks a character may wear: a name of a thousand accents is no name, but one column wide.
const maxMarks = 3

// clean returns text of others as it may be drawn: in one line, without what moves the cursor or turns the direction of writing around, and made of
// characters on whose width terminals agree. It reads no more of the text than a screen can show.
func clean(text string) string {
	if isPlain(text) && len(text) <= maxText {
		return text
	}
	var b strings.Builder
	marks := 0
	for _, r := range text {
		switch {
		case b.Len() > maxText:
			return b.String()
		case unicode.Is(unicode.Mn, r) && !isSelector(r):
			if marks++; marks > maxMarks || b.Len() == 0 {
				continue
			}
		case unicode.IsControl(r), r == '\u2028', r == '\u2029':
			r, marks = ' ', 0
		case isJoiner(r):
			continue
		default:
			marks = 0
		}
		b.WriteRune(r)
	}
	return b.String()
}

// maxText is how many bytes of a text are looked at: more than the widest screen has columns for.
const maxText = 8 << 10

func isPlain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// isJoiner reports what has no width of its own, but changes what stands beside it: format characters, among which those are that write
// backwards, selectors of variants, colours of skin, and what each font has a meaning of its own for. Terminals differ in what they make of them.
func isJoiner(r rune) bool {
	return unicode.Is(unicode.Cf, r) || isSelector(r) || r >= 0x1f3fb && r <= 0x1f3ff || unicode.Is(unicode.Co, r)
}

func isSelector(r rune) bool { return r >= 0xfe00 && r <= 0xfe0f || r >= 0xe0100 && r <= 0xe01ef }

// width returns how many columns a clean text takes.
func width(text string) int {
	if isPlain(text) {
		return len(text)
	}
	return ansi.StringWidth(text)
}

// fit returns a text in exactly n columns: cut at its end, or filled up with blanks, on the left if it is a number.
func fit(text string, n int, right bool) string {
	text = clean(text)
	if width(text) > n {
		text = ansi.Truncate(text, n, "…")
	}
	blanks := strings.Repeat(" ", max(n-width(text), 0))
	if right {
		return blanks + text
	}
	return text + blanks
}

// fitName is fit for names: they are cut in their middle, since long ones differ at their ends.
func fitName(name string, n int) string {
	name = clean(name)
	if over := width(name) - n; over > 0 && n > 4 {
		head := (n - 1) / 2
		name = ansi.Truncate(name, head, "") + "…" + ansi.TruncateLeft(name, width(name)-(n-1-head), "")
	}
	return fit(name, n, false)
}

// wrap breaks a text into lines of at most n columns: between words, and inside those that are longer than a line.
func wrap(text string, n int) (lines []string) {
	n = max(n, 2) // a character may take two
	var b strings.Builder
	used := 0
	end := func() {
		lines = append(lines, b.String())
		b.Reset()
		used = 0
	}
	for _, word := range strings.Fields(clean(text)) {
		if used > 0 && used+1+width(word) > n {
			end()
		}
		if used > 0 {
			b.WriteByte(' ')
			used++
		}
		for width(word) > n-used {
			head := ansi.Truncate(word, n-used, "")
			b.WriteString(head)
			word = word[len(head):]
			end()
		}
		b.WriteString(word)
		used += width(word)
	}
	end()
	return lines
}

// countdown returns how long it is until a time, in whole seconds, and when that will read differently; "now" once it is over.
func countdown(left time.Duration) (text string, next time.Duration) {
	if left <= 0 {
		return "now", 0
	}
	whole := (left + time.Second - 1).Truncate(time.Second)
	step := time.Second
	switch {
	case whole >= 48*time.Hour:
		step = time.Hour
	case whole >= time.Hour:
		step = time.Minute
	}
	whole = (left + step - 1).Truncate(step)
	return span(whole), left - (whole - step)
}

// age returns how long ago something was, in its largest unit, and when that will read differently.
func age(d time.Duration) (text string, next time.Duration) {
	d = max(d, 0)
	unit, name := time.Second, "s"
	switch {
	case d >= 48*time.Hour:
		unit, name = 24*time.Hour, "d"
	case d >= time.Hour:
		unit, name = time.Hour, "h"
	case d >= time.Minute:
		unit, name = time.Minute, "m"
	}
	return fmt.Sprintf("%d%s", d/unit, name), unit - d%unit
}

// span returns a duration of whole seconds in at most two units: 12s, 5m30s, 3h12m, 9d4h.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

// number returns a count in at most seven columns.
func number(n uint64) string {
	switch {
	case n < 10_000_000:
		return fmt.Sprint(n)
	case n < 10_000_000_000:
		return fmt.Sprintf("%dM", n/1_000_000)
	case n < 10_000_000_000_000:
		return fmt.Sprintf("%dG", n/1_000_000_000)
	}
	return fmt.Sprintf("%dT", min(n/1_000_000_000_000, 999_999))
}

// plural returns a count with its noun.
func plural(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(n) + " " + noun + "s"
}

// thousands returns a count with commas.
func thousands(n uint64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
