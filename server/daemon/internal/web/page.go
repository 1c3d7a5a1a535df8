package web

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"
)

// page is a page as both of its forms have it. It is written by hand: html/template looks methods up by name, and the linker would have to keep all
// that are exported, 2.7 MB of them.
type page struct {
	title  string
	lines  []string
	tables []table
}

type table struct {
	title string
	head  []string
	rows  [][]string
	more  string // path of the next page; empty if this is all
}

const style = `body{font:14px monospace;margin:1em;background:#fff;color:#222}table{border-collapse:collapse}
td,th{text-align:left;padding:2px 12px 2px 0;vertical-align:top}tr:nth-child(even){background:#f4f4f4}h2{font-size:16px}`

// writeHTML escapes all that comes from elsewhere.
func (p *page) writeHTML(w *bytes.Buffer) {
	fmt.Fprintf(w, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>%s</title><style>%s</style></head><body>\n", html.EscapeString(p.title), style)
	for _, line := range p.lines {
		fmt.Fprintf(w, "<div>%s</div>\n", html.EscapeString(line))
	}
	for i := range p.tables {
		p.tables[i].writeHTML(w)
	}
	w.WriteString("<p><a href=\"/metrics\">metrics</a> <a href=\"/debug/pprof/\">profiles</a></p>\n</body></html>\n")
}

func (t *table) writeHTML(w *bytes.Buffer) {
	fmt.Fprintf(w, "<h2>%s</h2>\n<table><tr>", html.EscapeString(t.title))
	for _, cell := range t.head {
		fmt.Fprintf(w, "<th>%s</th>", html.EscapeString(cell))
	}
	w.WriteString("</tr>\n")
	for _, row := range t.rows {
		w.WriteString("<tr>")
		for _, cell := range row {
			fmt.Fprintf(w, "<td>%s</td>", html.EscapeString(clean(cell)))
		}
		w.WriteString("</tr>\n")
	}
	w.WriteString("</table>\n")
	if t.more != "" {
		fmt.Fprintf(w, "<p><a href=\"%s\">more</a></p>\n", html.EscapeString(t.more))
	}
}

// writeText is for terminals: no cell can begin a line or steer one.
func (p *page) writeText(w *bytes.Buffer) {
	fmt.Fprintln(w, strings.Join(p.lines, "\n"))
	for i := range p.tables {
		p.tables[i].writeText(w)
	}
}

func (t *table) writeText(w io.Writer) {
	fmt.Fprintf(w, "\n%s\n", t.title)
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(columns, strings.Join(t.head, "\t"))
	for _, row := range t.rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = clean(cell)
		}
		fmt.Fprintln(columns, strings.Join(cells, "\t"))
	}
	_ = columns.Flush() // to memory
	if t.more != "" {
		fmt.Fprintf(w, "more: %s\n", t.more)
	}
}

// clean returns text on one line, without what steers terminals, and not too long.
func clean(text string) string {
	if len(text) > maxText {
		end := maxText
		for end > 0 && !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end] + "…"
	}
	if !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }) {
		return text
	}
	quoted := strconv.Quote(text)
	return quoted[1 : len(quoted)-1]
}
