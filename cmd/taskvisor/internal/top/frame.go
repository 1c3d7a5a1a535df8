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
	m.rows.visible(l.rows) // the head says which those are
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
	if n := len(m.rows.shown); m.rows.seen < n && m.screen == screenList {
		parts = append(parts, part{faint, fmt.Sprintf("  rows %s to %s", thousands(uint64(m.rows.top+1)), thousands(uint64(m.rows.top+m.rows.seen)))}) //nolint:gosec // none is negative
	}
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
