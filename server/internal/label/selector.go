package label

import (
	"cmp"
	"slices"
	"strings"
)

// Selector selects sets of labels: those for which all of its requirements hold. The zero value has none and selects all. It is immutable.
type Selector struct {
	requirements []requirement // in canonical order, none twice
}

// requirement holds for labels that have the key with one of the values; if negated, for all others: those without the key, too.
type requirement struct {
	key     string
	values  []string // sorted, none twice; nil: any value will do
	negated bool
}

// IsEmpty reports whether the selector has no requirements, and so selects all.
func (s Selector) IsEmpty() bool { return len(s.requirements) == 0 }

// Match reports whether all requirements hold for the labels. It allocates nothing.
func (s Selector) Match(labels map[string]string) bool {
	for i := range s.requirements {
		r := &s.requirements[i]
		value, has := labels[r.key]
		if (has && r.lists(value)) == r.negated {
			return false
		}
	}
	return true
}

// lists reports whether the value is one that the key may have.
func (r *requirement) lists(value string) bool {
	switch len(r.values) {
	case 0:
		return true
	case 1:
		return r.values[0] == value
	default:
		_, found := slices.BinarySearch(r.values, value)
		return found
	}
}

// String returns the canonical form of the selector, which parses to the same: requirements and values sorted, none of them twice, a list of one
// value written with = or !=, and no white space but around in and notin.
func (s Selector) String() string {
	parts := make([]string, len(s.requirements))
	for i := range s.requirements {
		parts[i] = s.requirements[i].String()
	}
	return strings.Join(parts, ",")
}

func (r *requirement) String() string {
	pick := func(plain, negated string) string {
		if r.negated {
			return negated
		}
		return plain
	}
	switch len(r.values) {
	case 0:
		return pick("", "!") + r.key
	case 1:
		return r.key + pick("=", "!=") + r.values[0]
	default:
		return r.key + pick(" in (", " notin (") + strings.Join(r.values, ",") + ")"
	}
}

// newSelector brings the requirements, and the values of each, into their canonical order.
func newSelector(requirements []requirement) Selector {
	for i := range requirements {
		r := &requirements[i]
		slices.Sort(r.values)
		r.values = slices.Compact(r.values)
	}
	slices.SortFunc(requirements, compareRequirements)
	return Selector{slices.CompactFunc(requirements, func(a, b requirement) bool { return compareRequirements(a, b) == 0 })}
}

// compareRequirements orders by the key; the rest makes requirements that are the same meet.
func compareRequirements(a, b requirement) int {
	if a.key == b.key && a.negated != b.negated {
		if b.negated {
			return -1
		}
		return 1
	}
	return cmp.Or(strings.Compare(a.key, b.key), slices.Compare(a.values, b.values))
}
