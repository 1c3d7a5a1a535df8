package yamlfile

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Limits of one file. They are far above what a person writes and far below what hurts a daemon.
const (
	MaxSize   = 16 << 20  // bytes
	MaxDepth  = 64        // values inside values
	MaxValues = 1_000_000 // values that are read, those behind an alias counted each time

	// maxProblems is how many problems are told. Who has more has one that brings the others with it.
	maxProblems = 100
)

// Node is one value in a file, with the line on which it begins.
type Node = yaml.Node

// File is a parsed file. It collects what is wrong with it while it is read. It belongs to one goroutine at a time.
type File struct {
	name      string
	documents []*Node
	problems  Problems
	count     int // of the problems, those that are not told included
	values    int // read so far, see MaxValues
}

// Parse parses data, which was read from the file of that name. Mistakes in the syntax are among the Problems.
func Parse(name string, data []byte) *File {
	f := &File{name: name}
	switch {
	case len(data) > MaxSize:
		f.report(0, "", "has more than %d bytes, which is all that is read; split it", MaxSize)
	case strings.EqualFold(filepath.Ext(name), ".json"):
		f.parseJSON(data)
	default:
		f.parseYAML(data)
	}
	return f
}

// Documents returns the roots of the documents that are not empty and could be parsed.
func (f *File) Documents() []*Node { return f.documents }

// Problems returns what was found to be wrong so far, in the order of lines, at most a hundred; nil when nothing was.
func (f *File) Problems() Problems {
	problems := slices.Clone(f.problems)
	problems.Sort()
	if more := f.count - len(problems); more > 0 {
		last := problems[len(problems)-1]
		problems = append(problems, Problem{File: f.name, Line: last.Line, Text: fmt.Sprintf("and %d more problems in this file; repair these first", more)})
	}
	return problems
}

// Count returns how many problems were found so far.
func (f *File) Count() int { return f.count }

// Report adds a problem with the value of node at path.
func (f *File) Report(node *Node, path, format string, args ...any) {
	f.report(node.Line, path, format, args...)
}

func (f *File) report(line int, path, format string, args ...any) {
	if f.count++; f.count > maxProblems {
		return
	}
	f.problems = append(f.problems, Problem{File: f.name, Line: line, Path: path, Text: fmt.Sprintf(format, args...)})
}
