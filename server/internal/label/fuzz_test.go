package label_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/taskvisor/taskvisor/server/internal/label"
)

// The grammar once more, as regular expressions: of a whole selector, and of the three forms of a requirement.
const (
	blank = `[ \t\r\n]*`
	key   = `([A-Za-z0-9](?:[A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?)`
	value = `((?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?)`
	list  = `((?:` + blank + value + blank + `,)*` + blank + value + blank + `)`
)

var (
	exists   = regexp.MustCompile(`^` + blank + `(!?)` + blank + key + blank + `$`)
	equality = regexp.MustCompile(`^` + blank + key + blank + `(==|=|!=)` + blank + value + blank + `$`)
	member   = regexp.MustCompile(`^` + blank + key + `[ \t\r\n]+(in|notin)` + blank + `\(` + list + `\)` + blank + `$`)
)

// naive decides about one set of labels at once, without a Selector. ok is false if text is no selector.
func naive(text string, labels map[string]string) (matches, ok bool) {
	if strings.Trim(text, " \t\r\n") == "" {
		return true, len(text) <= label.MaxBytes
	}
	parts := split(text)
	matches, ok = true, len(text) <= label.MaxBytes && len(parts) <= label.MaxRequirements
	for _, part := range parts {
		one, good := naiveRequirement(part, labels)
		matches, ok = matches && one, ok && good
	}
	return matches, ok
}

func naiveRequirement(part string, labels map[string]string) (matches, ok bool) {
	if m := exists.FindStringSubmatch(part); m != nil {
		_, has := labels[m[2]]
		return has == (m[1] == ""), true
	}
	if m := equality.FindStringSubmatch(part); m != nil {
		got, has := labels[m[1]]
		return (has && got == m[3]) == (m[2] != "!="), true
	}
	if m := member.FindStringSubmatch(part); m != nil {
		values := strings.Split(m[3], ",")
		got, has := labels[m[1]]
		in := has && slices.ContainsFunc(values, func(v string) bool { return strings.Trim(v, " \t\r\n") == got })
		return in == (m[2] == "in"), len(values) <= label.MaxValues
	}
	return false, false
}

// split cuts at the commas that are not inside of parentheses.
func split(text string) (parts []string) {
	begin, depth := 0, 0
	for i := range len(text) {
		switch text[i] {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth <= 0 {
				parts, begin = append(parts, text[begin:i]), i+1
			}
		}
	}
	return append(parts, text[begin:])
}

// labelsOf reads labels as "a=b,c=d"; a part without = is a key with an empty value.
func labelsOf(text string) map[string]string {
	labels := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(part, "=")
		labels[key] = value
	}
	return labels
}

// FuzzParse: no text does harm; a selector is what the grammar says it is, its canonical form parses to the same, and it selects what a naive
// reading of the text selects.
func FuzzParse(f *testing.F) {
	for text := range good {
		f.Add(text, "a=b,in=in,app=web,tier=back")
	}
	for text := range bad {
		f.Add(text, "a=b")
	}
	f.Fuzz(func(t *testing.T, text, has string) {
		labels := labelsOf(has)
		want, ok := naive(text, labels)
		s, err := label.Parse(text)
		if (err == nil) != ok {
			t.Fatalf("%q: error %v, by the grammar %t", text, err, ok)
		}
		if err != nil {
			if e, is := errors.AsType[*label.Error](err); !is || len(e.Problems) == 0 || !s.IsEmpty() {
				t.Fatalf("%q: %q, error %#v", text, s, err)
			}
			return
		}
		again, err := label.Parse(s.String())
		if err != nil || again.String() != s.String() {
			t.Errorf("%q became %q, and that %q, %v", text, s, again, err)
		}
		if s.Match(labels) != want || again.Match(labels) != want {
			t.Errorf("%q (%s) selects %v: %t, again %t, want %t", text, s, labels, s.Match(labels), again.Match(labels), want)
		}
	})
}
