package top

import (
	"strings"
)

// ink is what text is drawn with.
type ink uint8

const (
	plain ink = iota
	strong
	faint
	good
	warn
	bad
	accent
	inks // how many there are
)

func inkOf(m Mood) ink {
	switch m {
	case Good:
		return good
	case Warn:
		return warn
	case Bad:
		return bad
	case Faint:
		return faint
	case Neutral:
	}
	return plain
}

// palette has the codes of the inks, and of the background of what is selected. (ECMA-48, section 8.3.117.) Weight is not colour: without colours,
// text is still strong or faint.
type palette struct {
	ink [inks]string
	// chosen is the background of what is selected; empty: it is inverted, and has no other ink, for nobody knows how that would look.
	chosen string
}

// Palettes.
func named() palette { // colours by their names, which a person has chosen to be readable on theirs
	return palette{ink: [inks]string{strong: "1", faint: "2", good: "32", warn: "33", bad: "1;31", accent: "36"}}
}

func dark() palette {
	p := named()
	p.chosen = "48;5;237"
	return p
}

func light() palette { // on which yellow, green and cyan by their names are hard to read
	return palette{
		ink:    [inks]string{strong: "1", faint: "2", good: "38;5;28", warn: "38;5;130", bad: "1;38;5;160", accent: "38;5;25"},
		chosen: "48;5;254",
	}
}

func colourless() palette { return palette{ink: [inks]string{strong: "1", faint: "2", bad: "1"}} }

// paint returns text in an ink.
func (p *palette) paint(k ink, chosen bool, text string) string {
	code := p.ink[k]
	switch {
	case chosen && p.chosen == "":
		code = "7"
	case chosen && code == "":
		code = p.chosen
	case chosen:
		code += ";" + p.chosen
	}
	if code == "" || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[m"
}

// line is a line of the screen that is being drawn, from left to right. What has no room is left out.
type line struct {
	palette *palette
	left    int  // columns that are left
	chosen  bool // it is that of the selected task
	b       strings.Builder
}

// put adds a text in n columns, or what is left of them.
func (l *line) put(k ink, text string, n int, right bool) {
	l.add(k, fit(text, min(n, l.left), right))
}

// say adds a text in as many columns as it takes.
func (l *line) say(k ink, text string) {
	text = clean(text)
	l.put(k, text, width(text), false)
}

// skip adds n blanks.
func (l *line) skip(n int) { l.add(plain, strings.Repeat(" ", max(min(n, l.left), 0))) }

// add adds a text that fits.
func (l *line) add(k ink, text string) {
	l.left -= width(text)
	l.b.WriteString(l.palette.paint(k, l.chosen, text))
}

// end returns the line; of the selected task, up to the edge of the screen.
func (l *line) end() string {
	if l.chosen {
		l.skip(l.left)
	}
	return l.b.String()
}

// part is a piece of a line.
type part struct {
	ink  ink
	text string
}

// widthOf returns how many columns parts take.
func widthOf(parts []part) (n int) {
	for _, p := range parts {
		n += width(clean(p.text))
	}
	return n
}

// spread returns a line with parts on its left and on its right. Where there is no room for both, the left ones give way.
func spread(p *palette, n int, left, right []part) string {
	l := line{palette: p, left: n}
	room := max(n-widthOf(right)-2, 0)
	if len(right) == 0 {
		room = n
	}
	for _, x := range left {
		if room <= 0 {
			break
		}
		text := clean(x.text)
		w := min(width(text), room)
		l.put(x.ink, text, w, false)
		room -= w
	}
	l.skip(l.left - widthOf(right))
	for _, x := range right {
		l.say(x.ink, x.text)
	}
	return l.end()
}
