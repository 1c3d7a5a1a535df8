package top

import (
	"fmt"
	"strings"
	"time"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// Widths of the columns.
const (
	gap          = 2
	markWidth    = 2
	stateWidth   = 8
	attemptWidth = 7
	nextWidth    = 6
	ageWidth     = 4
	failsWidth   = 5
	fewBars      = 12
	leastName    = 12
	leastNote    = 10
	fairNote     = 40  // with which there may be more bars
	wide         = 100 // columns of a terminal from which on it is wide
)

// columns has the widths of those that change with the terminal; 0: there is no room.
type columns struct{ name, attempt, fails, bars, next, age, note int }

// columns divides the width of the terminal: first come those without which the table says little.
func (m *model) columns() columns {
	c := columns{name: leastName}
	left := m.width - markWidth - leastName - gap - stateWidth
	take := func(n int) int {
		if left < n+gap {
			return 0
		}
		left -= n + gap
		return n
	}
	c.next = take(nextWidth)
	c.attempt = take(attemptWidth)
	c.bars = take(fewBars)
	if m.width >= wide {
		c.age, c.fails = take(ageWidth), take(failsWidth)
	}
	c.note = take(leastNote)
	grow := func(column *int, most int) {
		by := max(min(most-*column, left), 0)
		*column, left = *column+by, left-by
	}
	grow(&c.name, min(m.rows.names, max(m.width/4, leastName)))
	if c.note == 0 {
		return c
	}
	grow(&c.note, fairNote)
	grow(&c.bars, buckets)
	grow(&c.note, m.width)
	return c
}

// list returns the table, or what there is to say instead.
func (m *model) list(l layout) []string {
	c := m.columns()
	lines := make([]string, 0, l.body())
	if l.title > 0 {
		lines = append(lines, m.tableTitle(c))
	}
	for _, t := range m.rows.visible(l.rows) {
		lines = append(lines, m.row(t, c))
	}
	if len(m.rows.shown) == 0 {
		lines = append(lines, m.nothing(l.rows)...)
	}
	return append(lines, make([]string, l.body()-len(lines))...)
}

func (m *model) tableTitle(c columns) string {
	l := line{palette: &m.palette, left: m.width}
	put := func(text string, n int, right bool) {
		if n > 0 {
			l.put(faint, text, n, right)
			l.skip(gap)
		}
	}
	l.skip(markWidth)
	put("NAME", c.name, false)
	put("STATE", stateWidth, false)
	put("ATTEMPT", c.attempt, true)
	put("FAILS", c.fails, true)
	put("RESTARTS", c.bars, true) // over the newest bars
	put("NEXT", c.next, true)
	put("AGE", c.age, true)
	put("NOTE", c.note, false)
	return l.end()
}

func (m *model) row(t *pb.Task, c columns) string {
	l := line{palette: &m.palette, left: m.width, chosen: t == m.rows.selected}
	put := func(k ink, text string, n int, right bool) {
		if n > 0 {
			l.put(k, text, n, right)
			l.skip(gap)
		}
	}
	l.say(plain, pick(l.chosen, "▸ ", "  "))
	l.add(plain, fitName(t.GetName(), min(c.name, l.left)))
	l.skip(gap)
	state, mood := m.words.State(t)
	put(inkOf(mood), state, stateWidth, false)
	put(plain, number(t.GetAttempt()), c.attempt, true)
	fails := uint64(t.GetFailureStreak())
	put(warn, pick(fails > 0, number(fails), ""), c.fails, true)
	m.bars(&l, t, c.bars)
	next, _ := m.untilNext(t)
	put(plain, next, c.next, true)
	old, _ := age(m.now.Sub(t.GetCreateTime().AsTime()))
	put(faint, old, c.age, true)
	put(faint, m.words.Note(t), c.note, false)
	return l.end()
}

// bars draws the restarts: those that followed a failure in the ink of trouble.
func (m *model) bars(l *line, t *pb.Task, n int) {
	if n == 0 {
		return
	}
	cells, _ := m.rows.restarts[t.GetUid()].at(m.now, n)
	l.skip(n - len(cells))
	for from := 0; from < len(cells); {
		k, to := inkOfCell(cells[from]), from
		var b strings.Builder
		for ; to < len(cells) && inkOfCell(cells[to]) == k; to++ {
			b.WriteRune(bar(cells[to].restarts))
		}
		l.put(k, b.String(), to-from, false)
		from = to
	}
	l.skip(gap)
}

func inkOfCell(c cell) ink {
	switch {
	case c.restarts == 0:
		return plain
	case c.failures > 0:
		return warn
	}
	return good
}

// untilNext returns how long it is until the next attempt, and when that will read differently.
func (m *model) untilNext(t *pb.Task) (text string, next time.Time) {
	if t.GetNextAttemptTime() == nil {
		return "", time.Time{}
	}
	text, after := countdown(t.GetNextAttemptTime().AsTime().Sub(m.now))
	if after == 0 {
		return text, time.Time{}
	}
	return text, m.now.Add(after)
}

// dueRows tells when each row on the screen will read differently.
func (m *model) dueRows(earlier func(time.Time)) {
	c := m.columns()
	for _, t := range m.rows.visible(m.layout().rows) {
		_, at := m.untilNext(t)
		earlier(at)
		if c.age > 0 {
			_, after := age(m.now.Sub(t.GetCreateTime().AsTime()))
			earlier(m.now.Add(after))
		}
		if _, some := m.rows.restarts[t.GetUid()].at(m.now, c.bars); some {
			earlier(m.now.Truncate(bucket).Add(bucket))
		}
	}
}

// nothing says why there is no row.
func (m *model) nothing(n int) []string {
	text := "There is no live task. Add one with: taskvisor add NAME --interval 1s -- date"
	switch {
	case m.problem != "" && !m.synced:
		text = m.problem
	case !m.synced:
		text = ""
	case m.filter.text != "" || m.prompt == promptFilter:
		text = "No live task matches. esc shows all of them."
		if len(m.rows.all) > 0 {
			text = fmt.Sprintf("None of the %s matches. esc shows them all.", plural(uint64(len(m.rows.all)), "task"))
		}
	}
	lines := []string{""}
	for paragraph := range strings.Lines(text) {
		for _, wrapped := range wrap(strings.TrimRight(paragraph, "\n"), m.width-4) {
			l := line{palette: &m.palette, left: m.width}
			l.skip(2)
			l.say(pick(m.problem != "" && !m.synced, warn, faint), wrapped)
			lines = append(lines, l.end())
		}
	}
	return lines[:min(len(lines), n)]
}
