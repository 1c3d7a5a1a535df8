package top

import (
	"fmt"
	"strings"
)

// mostNotice is how many lines what is told may take.
const mostNotice = 5

// foot returns what to tell, and what is asked for or which keys there are.
func (m *model) foot() []string {
	var lines []string
	if !m.notice.isOver(m.now) {
		for text := range strings.Lines(m.notice.text) {
			for _, wrapped := range wrap(strings.TrimRight(text, "\n"), m.width-2) {
				l := line{palette: &m.palette, left: m.width}
				l.skip(1)
				l.say(inkOf(m.notice.mood), wrapped)
				lines = append(lines, l.end())
			}
		}
		lines = lines[:min(len(lines), mostNotice, max(m.height-3, 0))]
	}
	if len(lines) == 1 && m.prompt == promptNone {
		return lines
	}
	return append(lines, m.lastLine())
}

func (m *model) lastLine() string {
	l := line{palette: &m.palette, left: m.width}
	switch m.prompt {
	case promptFilter:
		l.say(accent, " filter: ")
		room := max(l.left-2, 0)
		text := clean(m.input)
		for width(text) > room {
			text = text[1:]
		}
		l.say(strong, text)
		l.say(accent, "▏")
		l.skip(1)
		l.say(faint, "word, glob, or app=web · ⏎ applies · esc leaves")
	case promptRemove:
		const question, answers = " Stop  and remove it?", "  y yes, other keys no"
		name := m.doomed.GetName()
		if room := max(m.width-len(question+answers), leastName); width(name) > room {
			name = fitName(name, room)
		}
		l.say(bad, " Stop "+name+" and remove it?")
		l.say(strong, "  y")
		l.say(plain, " yes, other keys no")
	case promptNone:
		m.keys(&l)
	}
	return l.end()
}

// keys names the keys for which there is room, the ones to know first.
func (m *model) keys(l *line) {
	list := [][2]string{
		{"q", "quit"}, {"?", "help"}, {"⏎", "inspect"}, {"/", "filter"}, {"d", "remove"}, {"s", "sort: " + m.rows.order.String()}, {"p", "pause"},
		{"↑↓", "select"},
	}
	switch m.screen {
	case screenTask:
		list = [][2]string{{"esc", "back"}, {"↑↓", m.scrollText()}, {"d", "remove"}, {"p", "pause"}, {"?", "help"}}
	case screenHelp:
		list = [][2]string{{"esc", "back"}, {"↑↓", m.scrollText()}}
	case screenList:
	}
	for _, k := range list {
		if l.left < width(k[0])+width(k[1])+3 {
			return
		}
		l.skip(1)
		l.say(strong, k[0])
		l.skip(1)
		l.say(faint, k[1])
		l.skip(1)
	}
}

// scrollText says how much there is below.
func (m *model) scrollText() string {
	below := m.task.lines - m.task.offset - m.task.seen
	if below <= 0 {
		return "scroll"
	}
	return fmt.Sprintf("scroll: %s below", plural(uint64(below), "line")) //nolint:gosec // it is not negative
}
