package exec

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// allowList holds the commands that may be run.
type allowList []glob

// glob is one entry of Options.Allow.
type glob struct {
	text    string
	matcher *regexp.Regexp
}

// newAllowList compiles globs. It refuses those that match no command, since whoever wrote them expected something else.
func newAllowList(globs []string) (allowList, error) {
	var list allowList
	for _, text := range globs {
		if problem, ok := wellFormed(text); !ok && !strings.HasPrefix(text, "**") {
			return nil, fmt.Errorf("glob %q would match no command: it %s", text, problem)
		}
		list = append(list, glob{text, compileGlob(text)})
	}
	return list, nil
}

// compileGlob turns a glob into an expression for whole commands.
func compileGlob(text string) *regexp.Regexp {
	var b strings.Builder
	for rest := text; rest != ""; {
		switch {
		case strings.HasPrefix(rest, "**"):
			b.WriteString(".*")
			rest = rest[2:]
			continue
		case rest[0] == '*':
			b.WriteString("[^/]*")
		case rest[0] == '?':
			b.WriteString("[^/]")
		default:
			end := strings.IndexAny(rest, "*?")
			if end < 0 {
				end = len(rest)
			}
			b.WriteString(regexp.QuoteMeta(rest[:end]))
			rest = rest[end:]
			continue
		}
		rest = rest[1:]
	}
	return regexp.MustCompile(`(?s)\A` + b.String() + `\z`) // quoted text and three known pieces always compile
}

// wellFormed reports whether a command is a name or an absolute path that says where it leads, and if not, how to put that. Without this rule
// "/opt/tools/**" would allow /opt/tools/../../tmp/x, and a relative path would mean what the directory of the task makes of it.
func wellFormed(command string) (problem string, ok bool) {
	switch {
	case command == "", command == ".", command == "..":
		return "is no command; give a name or an absolute path", false
	case !strings.Contains(command, "/"):
		return "", true
	case !path.IsAbs(command):
		return "is a relative path; give a name without / or an absolute path", false
	case path.Clean(command) != command:
		return fmt.Sprintf("is a path with detours; give %q", path.Clean(command)), false
	default:
		return "", true
	}
}

// check records a violation unless the command may be run.
func (l allowList) check(v *plugin.Violations, command string) {
	if problem, ok := wellFormed(command); !ok {
		v.Add("command[0]", "%.64q %s", command, problem)
		return
	}
	for _, g := range l {
		if g.matcher.MatchString(command) {
			return
		}
	}
	v.Add("command[0]", "%.64q is not allowed, only %s; give one of these as written here, or start the daemon with --exec-allow %.64q too",
		command, l, command)
}

// String lists the globs.
func (l allowList) String() string {
	texts := make([]string, len(l))
	for i, g := range l {
		texts[i] = g.text
	}
	return shortList(texts)
}

// maxListed is how much of what is allowed an error lists.
const maxListed = 16

func shortList(texts []string) string {
	if more := len(texts) - maxListed; more > 0 {
		texts = append(slices.Clone(texts[:maxListed]), fmt.Sprintf("and %d more", more))
	}
	return strings.Join(texts, ", ")
}

// example returns a command that is allowed, if any is: the example of the plugin has to work.
func (l allowList) example() []string {
	date := []string{"date", "+%H:%M:%S"}
	var v plugin.Violations
	if l.check(&v, date[0]); len(l) == 0 || len(v) == 0 {
		return date
	}
	text := l[0].text
	if strings.HasPrefix(text, "**") {
		text = "/" + text // a path, and no relative one
	}
	return []string{strings.NewReplacer("**", "example", "*", "example", "?", "x").Replace(text)}
}
