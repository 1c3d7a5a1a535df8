package top

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// View draws the frame.
func (m *model) View() tea.View {
	v := tea.NewView(strings.Join(m.frame(), "\n"))
	v.AltScreen = true
	return v
}

// layout says how many lines each part of the screen has, from the top to the bottom.
type layout struct {
	head  int // which server, how many tasks
	title int // of the table; 0 on screens without one
	rows  int // of the table, or lines of text
	tail  int // with its title; 0: there is no room
	foot  int // what to tell, and keys
}

// body returns how many lines of text fit on a screen without a table.
func (l layout) body() int { return l.title + l.rows }

const (
	heightForTail = 14 // lines of a terminal from which on there is a tail
	leastTail     = 4
	mostTail      = 13
)

func (m *model) layout() layout {
	l := layout{foot: len(m.foot())}
	if l.head = 2; m.height < 6 {
		l.head = min(max(m.height-l.foot-1, 0), 1)
	}
	room := max(m.height-l.head-l.foot, 0)
	if m.height >= heightForTail && m.screen != screenHelp {
		l.tail = min(max(m.height/3, leastTail), mostTail)
	}
	if m.screen == screenList {
		if l.title = 1; room < 2 {
			l.title = 0
		}
		// What few tasks leave free, the tail takes.
		if few := len(m.rows.shown) + 1; l.tail > 0 && m.synced && few < room-l.title-l.tail {
			l.tail = room - l.title - max(few, room/3)
		}
	}
	l.tail = min(l.tail, max(room-l.title-1, 0))
	l.rows = room - l.title - l.tail
	return l
}

// frame returns the lines of the screen: as many as it has.
func (m *model) frame() []string {
	l := m.layout()
	lines := m.head()[:l.head]
	switch m.screen {
	case screenList:
		lines = append(lines, m.list(l)...)
	case screenTask:
		lines = append(lines, m.part(m.describe(), l.rows)...)
	case screenHelp:
		lines = append(lines, m.part(m.help(), l.rows)...)
	}
	if l.tail > 0 {
		lines = append(lines, m.tailLines(l.tail)...)
	}
	return append(lines, m.foot()...)
}

// part returns the n lines of a text that are on the screen, wherever a person has scrolled to.
func (m *model) part(text []string, n int) []string {
	m.task.lines, m.task.seen = len(text), n
	m.task.offset = max(min(m.task.offset, len(text)-n), 0)
	text = text[m.task.offset:min(m.task.offset+n, len(text))]
	return append(text, make([]string, n-len(text))...)
}

func (m *model) head() []string {
	state, _ := m.link.text(m.now)
	left := []part{{strong, " taskvisor top  "}, {plain, m.title}}
	if m.filter.text != "" {
		left = append(left, part{faint, "  only "}, part{accent, m.filter.text})
	}
	return []string{
		spread(&m.palette, m.width, left, []part{state, {plain, " "}}),
		m.sums(),
	}
}

// sums says how many tasks there are in which state, and how those ended that did; the latter as far as there is room.
func (m *model) sums() string {
	counts := m.counts()
	for _, endings := range [][]part{m.endings(true), m.endings(false)} {
		if widthOf(counts)+widthOf(endings)+gap <= m.width {
			return spread(&m.palette, m.width, counts, endings)
		}
	}
	return spread(&m.palette, m.width, counts, nil)
}

// counts says how many tasks there are in which state.
func (m *model) counts() []part {
	if !m.synced {
		return nil
	}
	parts := []part{{strong, " " + plural(uint64(len(m.rows.shown)), "task")}}
	if hidden := len(m.rows.all) - len(m.rows.shown); hidden > 0 {
		parts = append(parts, part{faint, fmt.Sprintf(" of %s", thousands(uint64(len(m.rows.all))))})
	}
	say := func(k ink, n int, what string) {
		if n > 0 {
			parts = append(parts, part{plain, "  "}, part{k, thousands(uint64(n)) + " " + what})
		}
	}
	s := &m.rows.sum
	say(bad, s.states[pb.TaskState_TASK_STATE_STUCK], "stuck")
	say(warn, s.failing, "failing")
	say(good, s.states[pb.TaskState_TASK_STATE_RUNNING], "running")
	say(plain, s.states[pb.TaskState_TASK_STATE_BACKOFF], "in backoff")
	say(plain, s.states[pb.TaskState_TASK_STATE_STOPPING], "stopping")
	say(plain, s.states[pb.TaskState_TASK_STATE_QUEUED], "queued")
	say(plain, s.states[pb.TaskState_TASK_STATE_WAITING], "waiting")
	if m.link.state == linkWaiting {
		parts = append(parts, part{warn, "  as of " + m.words.Clock(m.since)})
	}
	return parts
}

// endings says how the tasks ended that did since the program runs; all, or those that ended badly.
func (m *model) endings(all bool) (parts []part) {
	badly := uint64(0)
	for outcome, n := range m.ended {
		if outcome != pb.Outcome_OUTCOME_COMPLETED && outcome != pb.Outcome_OUTCOME_CANCELED {
			badly += n
		}
	}
	say := func(k ink, n uint64, what string) {
		if n > 0 {
			parts = append(parts, part{k, "  " + number(n) + " " + what})
		}
	}
	if all {
		say(faint, m.ended[pb.Outcome_OUTCOME_COMPLETED], "completed")
		say(faint, m.ended[pb.Outcome_OUTCOME_CANCELED], "canceled")
	}
	say(bad, badly, "failed")
	if parts != nil {
		parts = append([]part{{faint, "ended:"}}, append(parts, part{plain, " "})...)
	}
	return parts
}

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

// due returns when the screen will read differently without any message; zero: never.
func (m *model) due() (next time.Time) {
	earlier := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	_, at := m.link.text(m.now)
	earlier(at)
	if !m.notice.isOver(m.now) {
		earlier(m.notice.until)
	}
	switch m.screen {
	case screenList:
		m.dueRows(earlier)
	case screenTask:
		earlier(m.now.Truncate(time.Second).Add(time.Second)) // its times are to the second
	case screenHelp:
	}
	return next
}
