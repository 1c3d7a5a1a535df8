package top

import (
	"fmt"
	"strings"
)

// tailLines returns the newest events, under a title.
func (m *model) tailLines(n int) []string {
	lines := make([]string, 0, n)
	title := []part{{strong, " EVENTS"}}
	wanted := func(x entry) bool {
		return x.event == nil || m.shownFilter().passes(x.event.GetTask()) || x.event.GetTask() == ""
	}
	if m.screen == screenTask {
		uid := m.task.task.GetUid()
		wanted = func(x entry) bool { return x.event.GetUid() == uid }
		title = append(title, part{faint, " of this task"})
	}
	if m.tail.isPaused() {
		title = append(title, part{warn, "  paused"}, part{faint, fmt.Sprintf(" · %s since · p goes on", thousands(m.tail.missed))})
	}
	l := line{palette: &m.palette, left: m.width}
	for _, p := range title {
		l.say(p.ink, p.text)
	}
	l.skip(1)
	l.add(faint, strings.Repeat("─", max(l.left-1, 0)))
	lines = append(lines, l.end())
	entries := m.tail.last(n-1, wanted)
	names := 0
	if m.screen != screenTask {
		names = m.tailNames(entries)
	}
	for _, x := range entries {
		lines = append(lines, m.tailLine(x, names))
	}
	if len(entries) == 0 && len(lines) < n {
		lines = append(lines, m.palette.paint(faint, false, fit(" none yet", m.width, false)))
	}
	return append(lines, make([]string, n-len(lines))...)
}

// tailNames returns how wide the column of tasks is; 0 where all are of the same.
func (m *model) tailNames(entries []entry) (n int) {
	for _, x := range entries {
		n = max(n, len(x.event.GetTask()))
	}
	return min(max(n, 4), max(m.width/4, 10))
}

const (
	kindWidth      = len("task-remove-requested")
	wideForClock   = 60 // columns from which on there is room for it
	wideForDetails = 46
)

func (m *model) tailLine(x entry, names int) string {
	l := line{palette: &m.palette, left: m.width}
	l.skip(1)
	clock := x.at
	if x.event != nil {
		clock = x.event.GetTime().AsTime()
	}
	if m.width >= wideForClock {
		l.say(faint, m.words.Clock(clock))
		l.skip(2)
	}
	if x.event == nil {
		l.say(inkOf(x.mood), "── "+x.mark+" ──")
		return l.end()
	}
	kind, detail, mood := m.words.Event(x.event)
	if mood == Good {
		mood = Neutral // what goes well is not what the eye is to go to
	}
	l.put(inkOf(mood), kind, pick(m.width < wideForDetails, kindWidth-5, kindWidth), false)
	l.skip(2)
	if names > 0 {
		l.add(plain, fitName(x.event.GetTask(), min(names, l.left)))
		l.skip(2)
	}
	l.put(faint, detail, l.left, false)
	return strings.TrimRight(l.end(), " ")
}
