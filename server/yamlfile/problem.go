package yamlfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one mistake in a file.
type Problem struct {
	File string // name as given to Parse
	Line int    // from 1; 0 when the problem is about the file as a whole
	Path string // field in the file, "tasks[2].restart.mode"; empty when it is about a document
	Text string // the value and what to do about it
}

// Error names the place and the mistake: "tasks.yaml:7: tasks[2].restart.mode: wants …".
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	if p.Path != "" {
		fmt.Fprintf(&b, ": %s", p.Path)
	}
	fmt.Fprintf(&b, ": %s", p.Text)
	return b.String()
}

// Problems is all that is wrong with one or more files, in the order of files and lines.
type Problems []Problem

// Error has a line for each problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

// Sort puts the problems in the order of files and lines; problems of one line stay in the order in which they were found.
func (p Problems) Sort() {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
}
