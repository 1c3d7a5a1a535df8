package cron

import (
	"fmt"
	"strconv"
	"strings"
)

// field says what may stand in one of the fields of an expression.
type field struct {
	name       string
	first      int
	size       int    // how many numbers there are, from the first on
	alsoFirst  bool   // the number after the last one stands for the first
	names      string // of the numbers, of three letters each; empty for none
	isDayField bool   // "?" stands for "*"
}

// The fields, in their order.
const (
	minute = iota
	hour
	day
	month
	weekday
	fields
)

// fieldOf returns what may stand in a field.
func fieldOf(i int) field {
	return [fields]field{
		minute:  {name: "minute", size: 60},
		hour:    {name: "hour", size: 24},
		day:     {name: "day of the month", first: 1, size: 31, isDayField: true},
		month:   {name: "month", first: 1, size: 12, names: "janfebmaraprmayjunjulaugsepoctnovdec"},
		weekday: {name: "day of the week", size: 7, alsoFirst: true, names: "sunmontuewedthufrisat", isDayField: true},
	}[i]
}

// last returns the largest number that is allowed.
func (f *field) last() int {
	if f.alsoFirst {
		return f.first + f.size
	}
	return f.first + f.size - 1
}

// set is a set of numbers from 0 to 63.
type set uint64

func (s set) has(n int) bool { return s&(1<<n) != 0 }

// parse returns the numbers that text, a list, stands for.
func (f *field) parse(text string) (all set, err error) {
	for item := range strings.SplitSeq(text, ",") {
		numbers, err := f.parseItem(item)
		if err != nil {
			return 0, err
		}
		all |= numbers
	}
	return all, nil
}

// parseItem returns the numbers of a range, which may be a single number, with or without a step.
func (f *field) parseItem(item string) (set, error) {
	text, stepText, hasStep := strings.Cut(item, "/")
	lo, hi, err := f.parseRange(text, hasStep)
	if err != nil {
		return 0, err
	}
	step := 1
	if hasStep {
		if step, err = f.parseStep(stepText); err != nil {
			return 0, err
		}
	}
	if hi < lo {
		hi += f.size // past the last number, and on from the first
	}
	var numbers set
	for n := lo; n <= hi; n += step {
		numbers |= 1 << ((n-f.first)%f.size + f.first)
	}
	return numbers, nil
}

// parseRange returns the ends of a range. One that begins with a number and has a step lasts until the last number.
func (f *field) parseRange(text string, hasStep bool) (lo, hi int, err error) {
	last := f.first + f.size - 1
	if text == "*" || text == "?" && f.isDayField {
		return f.first, last, nil
	}
	from, to, isRange := strings.Cut(text, "-")
	if lo, err = f.parseNumber(from); err != nil {
		return 0, 0, err
	}
	switch {
	case isRange:
		hi, err = f.parseNumber(to)
	case hasStep:
		hi = max(lo, last)
	default:
		hi = lo
	}
	return lo, hi, err
}

func (f *field) parseNumber(text string) (int, error) {
	const length = 3 // of a name
	name := strings.ToLower(text)
	if i := strings.Index(f.names, name); len(name) == length && i >= 0 && i%length == 0 {
		return f.first + i/length, nil
	}
	n, ok := digits(text)
	switch {
	case !ok:
		return 0, fmt.Errorf("%s: %q is no number; give %s", f.name, text, f.choice())
	case n < f.first || n > f.last():
		return 0, fmt.Errorf("%s: %s is out of range; give %s", f.name, text, f.choice())
	}
	return n, nil
}

func (f *field) parseStep(text string) (int, error) {
	n, ok := digits(text)
	switch {
	case !ok:
		return 0, fmt.Errorf("%s: %q is no step; give a number from 1 to %d", f.name, text, f.size)
	case n < 1 || n > f.size:
		return 0, fmt.Errorf("%s: a step of %s is out of range; give 1 to %d", f.name, text, f.size)
	}
	return n, nil
}

// choice says in words which numbers there are.
func (f *field) choice() string {
	choice := fmt.Sprintf("%d to %d", f.first, f.last())
	if f.names != "" {
		choice += fmt.Sprintf(" or %s to %s", f.names[:3], f.names[len(f.names)-3:])
	}
	return choice
}

// digits returns a number that is written with digits alone.
func digits(text string) (int, bool) {
	if strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(text)
	return n, err == nil
}
