package cli

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// column of a table.
type column struct {
	title string
	right bool // aligned at the right, as numbers are
	least int  // characters that it is cut to when the line is too long, and further if that is not enough; 0: never cut
}

// cell of a table.
type cell struct {
	text string
	tint tint
}

// columns is a table that fits the width of a line. What does not fit is cut, from the last column that may be cut to the first.
type columns struct {
	style   style
	columns []column
	rows    [][]cell
}

// gap is what stands between two columns.
const gap = "  "

func (t *columns) add(cells ...cell) {
	for i := range cells {
		cells[i].text = oneLine(cells[i].text)
	}
	t.rows = append(t.rows, cells)
}

func (t *columns) writeTo(w io.Writer) error {
	widths := t.widths()
	titles := make([]cell, len(t.columns))
	for i, c := range t.columns {
		titles[i] = cell{c.title, bold}
	}
	for _, row := range append([][]cell{titles}, t.rows...) {
		if _, err := fmt.Fprintln(w, t.line(row, widths)); err != nil {
			return err
		}
	}
	return nil
}

// widths returns how wide each column is.
func (t *columns) widths() []int {
	widths := make([]int, len(t.columns))
	total := len(gap) * (len(t.columns) - 1)
	for i, c := range t.columns {
		widths[i] = utf8.RuneCountInString(c.title)
		for _, row := range t.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i].text))
		}
		total += widths[i]
	}
	if t.style.width > 0 {
		total -= t.shorten(widths, total-t.style.width, func(c column) int { return c.least })
		t.shorten(widths, total-t.style.width, func(c column) int { return utf8.RuneCountInString(c.title) })
	}
	return widths
}

// shorten takes so many characters from the columns that may be cut, the last one first, down to what least says. It returns how many it took.
func (t *columns) shorten(widths []int, excess int, least func(column) int) (taken int) {
	for i := len(widths) - 1; i >= 0 && taken < excess; i-- {
		if t.columns[i].least > 0 {
			less := min(excess-taken, max(widths[i]-least(t.columns[i]), 0))
			widths[i] -= less
			taken += less
		}
	}
	return taken
}

// line returns a row. Columns for which a very narrow line has no room are left out.
func (t *columns) line(row []cell, widths []int) string {
	var b strings.Builder
	used := 0
	for i, c := range row {
		if used += widths[i]; i > 0 && t.style.width > 0 && used > t.style.width {
			break
		}
		used += len(gap)
		text := cut(c.text, widths[i])
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
		if t.columns[i].right {
			b.WriteString(pad + t.style.paint(c.tint, text))
		} else {
			b.WriteString(t.style.paint(c.tint, text) + pad)
		}
		if i < len(row)-1 {
			b.WriteString(gap)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// wrapLast writes the table with an indent, and breaks the last column into lines.
func (t *columns) wrapLast(w io.Writer, width int) error {
	const indent = "  "
	t.style.width = 0
	widths := t.widths()
	last := len(widths) - 1
	before := len(indent)
	for _, n := range widths[:last] {
		before += n + len(gap)
	}
	widths[last] = max(width-before, len(t.columns[last].title), leastWrapped)
	titles := make([]cell, len(t.columns))
	for i, c := range t.columns {
		titles[i] = cell{c.title, bold}
	}
	for _, row := range append([][]cell{titles}, t.rows...) {
		for i, line := range strings.Split(strings.TrimSuffix(wrapped(row[last].text, widths[last], ""), "\n"), "\n") {
			cells := make([]cell, len(row)) // below the first line, the other columns are empty
			if i == 0 {
				copy(cells, row)
			}
			cells[last] = cell{line, row[last].tint}
			if _, err := fmt.Fprintln(w, indent+t.line(cells, widths)); err != nil {
				return err
			}
		}
	}
	return nil
}

// leastWrapped is how narrow a column of text may be.
const leastWrapped = 20
