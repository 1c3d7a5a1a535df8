//go:build e2e

package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A console block of a Markdown file is a session in a terminal:
//
//	```console
//	$ grpcurl -plaintext -d '{"task":
//	> {"name":"tick"}}' 127.0.0.1:7700 taskvisor.v1.SupervisorService/AddTask
//	{
//	  "task": {
//	    "name": "tick",
//	    ...
//	  }
//	}
//	$ grpcurl -plaintext 127.0.0.1:7700 taskvisor.v1.SupervisorService/WatchEvents
//	...
//	^C
//	```
//
//   - A line that begins with "$ " is a command, lines that begin with "> " go on with it. So does the line after one that ends with a backslash.
//   - What follows, up to the next command, is what the command prints, to its standard output and standard error.
//   - A line ^C at its end says that the command goes on for ever and is interrupted as soon as it has printed all that stands above.
//   - A block that is marked "console background" is another terminal: its one command, with ^C at its end, is started where it stands, the
//     session goes on as soon as it has printed its first line, and it has to have printed all by the end of the session.
//   - Blocks that are not marked console are not looked at.

// step is one command of a session.
type step struct {
	line        int // of the file, where the command stands
	command     string
	output      string
	interrupted bool
	background  bool
}

// fence begins or ends a block. What it is marked with is all of the line.
var fence = regexp.MustCompile("^```(.*)$")

// readConsole returns the steps of all console blocks, in their order.
func readConsole(markdown string) (steps []step, err error) {
	mark, inBlock := "", false
	for i, line := range strings.Split(markdown, "\n") {
		if m := fence.FindStringSubmatch(line); m != nil {
			inBlock = !inBlock
			mark = strings.TrimSpace(m[1])
			continue
		}
		switch mark {
		case "console", "console background":
			steps, err = addLine(steps, line, i+1, mark != "console")
		}
		if err != nil {
			return nil, err
		}
	}
	if inBlock {
		return nil, fmt.Errorf("the last fenced block has no end")
	}
	return steps, checkBackground(steps)
}

// checkBackground: a command that ends by itself has nothing to do in the background.
func checkBackground(steps []step) error {
	for _, s := range steps {
		if s.background && !s.interrupted {
			return fmt.Errorf("line %d: a command in the background ends with a line ^C", s.line)
		}
	}
	return nil
}

// sections returns the text with the lines of all sections blank whose heading, a line that begins with "## ", is not wanted. What stands before the
// first one has the heading "".
func sections(markdown string, wanted func(heading string) bool) string {
	lines := strings.Split(markdown, "\n")
	heading, inBlock := "", false
	for i, line := range lines {
		switch {
		case fence.MatchString(line):
			inBlock = !inBlock
		case !inBlock && strings.HasPrefix(line, "## "):
			heading = line
		}
		if !wanted(heading) {
			lines[i] = ""
		}
	}
	return strings.Join(lines, "\n")
}

// readBlock returns the only block that is marked so.
func readBlock(markdown, mark string) (text string, err error) {
	found, inBlock, wanted := 0, false, false
	for line := range strings.Lines(markdown) {
		m := fence.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		switch {
		case m != nil:
			inBlock = !inBlock
			wanted = inBlock && m[1] == mark
			if wanted {
				found++
			}
		case wanted:
			text += line
		}
	}
	if found != 1 {
		return "", fmt.Errorf("there are %d blocks that are marked %s, want one", found, mark)
	}
	return text, nil
}

// addLine adds a line of a console block to the steps.
func addLine(steps []step, line string, number int, background bool) ([]step, error) {
	if command, ok := strings.CutPrefix(line, "$ "); ok {
		return append(steps, step{line: number, command: command, background: background}), nil
	}
	if len(steps) == 0 {
		return nil, fmt.Errorf(`line %d: a console block begins with a command, which begins with "$ "`, number)
	}
	last := &steps[len(steps)-1]
	more, marked := strings.CutPrefix(line, "> ")
	switch {
	case last.interrupted:
		return nil, fmt.Errorf("line %d: ^C is the last line of a command", number)
	case last.output == "" && (marked || strings.HasSuffix(last.command, `\`)):
		last.command += "\n" + more
	case line == "^C":
		last.interrupted = true
	default:
		last.output += line + "\n"
	}
	return steps, nil
}

// program returns the name of the program that the step runs.
func (s *step) program() string {
	name, _, _ := strings.Cut(s.command, " ")
	return name
}

func TestSections(t *testing.T) {
	markdown := "a\n## B\nb\n```go\n## c\n```\n## D\nd\n```sh\ne\n```\n"
	if got, want := sections(markdown, func(heading string) bool { return heading == "## B" }), "\n## B\nb\n```go\n## c\n```\n\n\n\n\n\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, err := readBlock(markdown, "go"); err != nil || got != "## c\n" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, bad := range []string{"", markdown + markdown} {
		if got, err := readBlock(bad, "go"); err == nil {
			t.Errorf("got %q, want an error", got)
		}
	}
}

func TestReadConsole(t *testing.T) {
	markdown := strings.Join([]string{
		"# Title", "```sh", "$ make run", "```",
		"```console", "$ grpcurl -d '{", `> "a": 1}' x`, "{", "  ...", "}", "$ grpcurl a \\", "  b", "^C", "```",
		"```", "$ not this", "```",
		"```console background", "$ grpcurl c", "", "text", "^C", "```", "",
	}, "\n")
	got, err := readConsole(markdown)
	want := []step{
		{6, "grpcurl -d '{\n\"a\": 1}' x", "{\n  ...\n}\n", false, false},
		{11, "grpcurl a \\\n  b", "", true, false},
		{19, "grpcurl c", "\ntext\n", true, true},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	for name, bad := range map[string]string{
		"output first": "```console\nx\n```\n",
		"after ^C":     "```console\n$ a\n^C\nx\n```\n",
		"no end":       "```console\n$ a\n",
		"background":   "```console background\n$ a\n```\n",
	} {
		if steps, err := readConsole(bad); err == nil {
			t.Errorf("%s: got %+v", name, steps)
		}
	}
}
