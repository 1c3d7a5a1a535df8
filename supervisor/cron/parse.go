package cron

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// MaxLength is the largest number of bytes in an expression.
const MaxLength = 256

// Error says what is wrong with an expression: all of it.
type Error struct {
	Expr     string
	Problems []string // each names the field and the value, and says what to give
}

// Error quotes the expression and lists the problems.
func (e *Error) Error() string {
	expr := e.Expr
	if len(expr) > MaxLength {
		expr = expr[:32] + "…"
	}
	return fmt.Sprintf("%q is no schedule: %s", expr, strings.Join(e.Problems, "; "))
}

// Parse returns the schedule that an expression stands for, on a clock in a time zone; nil is UTC. The error is an *Error.
//
// An expression of which no time ever comes, such as the 30th of February, is an error, so Next always has an answer.
func Parse(expr string, zone *time.Location) (*Schedule, error) {
	if zone == nil {
		zone = time.UTC
	}
	if len(expr) > MaxLength {
		return nil, &Error{expr, []string{fmt.Sprintf("it has %d bytes; give at most %d", len(expr), MaxLength)}}
	}
	texts, err := split(expr)
	if err != nil {
		return nil, &Error{expr, []string{err.Error()}}
	}
	s := &Schedule{expr: expr, zone: zone, eitherDay: !isAny(texts[day]) && !isAny(texts[weekday])}
	var problems []string
	for i, text := range texts {
		f := fieldOf(i)
		if s.sets[i], err = f.parse(text); err != nil {
			problems = append(problems, err.Error())
		}
	}
	if problems == nil && !s.possible() {
		problems = append(problems, fmt.Sprintf("no month that it allows has the day %s; give another day or month", texts[day]))
	}
	if problems != nil {
		return nil, &Error{expr, problems}
	}
	return s, nil
}

// split returns the fields of an expression.
func split(expr string) ([]string, error) {
	texts := strings.Fields(expr)
	if len(texts) == 0 {
		return nil, errors.New("it is empty; give five fields, as in \"30 2 * * *\"")
	}
	switch first := strings.ToLower(texts[0]); {
	case strings.HasPrefix(first, "@"):
		if fields, ok := shorthand(first); ok && len(texts) == 1 {
			return strings.Fields(fields), nil
		}
		if first == "@every" {
			return nil, errors.New("@every is no matter of the time of the day; give an interval in place of a schedule")
		}
		return nil, fmt.Errorf("%q is unknown; give @hourly, @daily, @weekly, @monthly, @yearly or five fields", strings.Join(texts, " "))
	case strings.HasPrefix(first, "tz=") || strings.HasPrefix(first, "cron_tz="):
		return nil, fmt.Errorf("%q is no part of it; give the time zone beside the schedule", texts[0])
	case len(texts) == fields:
		return texts, nil
	case len(texts) == fields+1:
		return nil, errors.New("it has 6 fields; give five, without seconds: minute, hour, day of the month, month, day of the week")
	}
	return nil, fmt.Errorf("it has %d of five fields; give minute, hour, day of the month, month and day of the week", len(texts))
}

// shorthand returns the fields for which one word stands.
func shorthand(word string) (fields string, ok bool) {
	switch word {
	case "@hourly":
		return "0 * * * *", true
	case "@daily", "@midnight":
		return "0 0 * * *", true
	case "@weekly":
		return "0 0 * * 0", true
	case "@monthly":
		return "0 0 1 * *", true
	case "@yearly", "@annually":
		return "0 0 1 1 *", true
	}
	return "", false
}

// isAny reports whether a day field leaves the choice to the other one.
func isAny(text string) bool { return text[0] == '*' || text[0] == '?' }

// possible reports whether any of the days comes in any of the months.
func (s *Schedule) possible() bool {
	if s.eitherDay {
		return true // each month has all days of the week
	}
	for m := time.January; m <= time.December; m++ {
		const leapYear = 2000
		last := time.Date(leapYear, m+1, 0, 0, 0, 0, 0, time.UTC).Day()
		if upToLast := set(1)<<(last+1) - 1; s.sets[month].has(int(m)) && s.sets[day]&upToLast != 0 {
			return true
		}
	}
	return false
}
