package label

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error lists all that is wrong with a selector, at least one problem. Each names the part that is wrong, its position in characters, from 1, and
// what to do about it.
type Error struct{ Problems []string }

// Error lists the problems in a sentence.
func (e *Error) Error() string { return "no label selector: " + strings.Join(e.Problems, "; ") }

func (e *Error) add(format string, args ...any) {
	e.Problems = append(e.Problems, fmt.Sprintf(format, args...))
}

// complain notes what is wrong with a token.
func (p *parser) complain(t token, format string, args ...any) {
	p.err.add("%s %s", p.name(t), fmt.Sprintf(format, args...))
}

// due notes that the current token is not what has to follow, and returns false.
func (p *parser) due(what, remedy string) bool {
	if p.current.isEnd() {
		p.complain(p.last, "is followed by the end where %s is due; %s", what, remedy)
	} else {
		p.complain(p.current, "stands where %s is due; %s", what, remedy)
	}
	return false
}

// name says which token is meant.
func (p *parser) name(t token) string {
	if t.isEnd() {
		return fmt.Sprintf("the end at position %d", p.position(t))
	}
	return fmt.Sprintf("%s at position %d", quote(t.text), p.position(t))
}

func (p *parser) position(t token) int { return utf8.RuneCountInString(p.text[:t.offset]) + 1 }

// quote quotes a part of a selector, cut where no key or value is as long.
func quote(part string) string {
	if utf8.RuneCountInString(part) > MaxLength+1 {
		return fmt.Sprintf("%.*q…", MaxLength+1, part)
	}
	return fmt.Sprintf("%q", part)
}
