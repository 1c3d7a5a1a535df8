package http

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// Statuses is a set of HTTP statuses: each is a number such as 200, a range such as 200-204, or a class such as 2xx.
type Statuses []string

// check records the elements that are none of these.
func (s Statuses) check(v *plugin.Violations, path string) {
	for i, text := range s {
		_, _, ok := parseStatus(text)
		v.Check(ok, plugin.Index(path, i), `%.64q is no status; give a number from 100 to 599, a range such as "200-204", or a class such as "2xx"`, text)
	}
}

// contains reports whether the status is one of them.
func (s Statuses) contains(status int) bool {
	for _, text := range s {
		if from, to, ok := parseStatus(text); ok && from <= status && status <= to {
			return true
		}
	}
	return false
}

// String lists them.
func (s Statuses) String() string { return strings.Join(s, ", ") }

// parseStatus returns the first and the last status of an element.
func parseStatus(text string) (from, to int, ok bool) {
	if class, found := strings.CutSuffix(text, "xx"); found && len(class) == 1 && class[0] >= '1' && class[0] <= '5' {
		from = int(class[0]-'0') * 100
		return from, from + 99, true
	}
	low, high, isRange := strings.Cut(text, "-")
	if !isRange {
		high = low
	}
	from, okFrom := statusNumber(low)
	to, okTo := statusNumber(high)
	return from, to, okFrom && okTo && from <= to
}

func statusNumber(text string) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= 100 && n <= 599 && fmt.Sprint(n) == text
}
