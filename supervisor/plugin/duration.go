package plugin

import (
	"fmt"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
)

// Duration is a time.Duration in a config, where it is a string such as "1.5s", "250ms" or "1h30m": numbers with units out of h, m, s, ms, us
// (or µs) and ns. It is never negative. A number without a unit is refused: nobody can tell seconds from nanoseconds by looking at one.
type Duration time.Duration

// durationPattern is what time.ParseDuration accepts, less signs, a bare "0" and numbers that begin or end with the point.
const durationPattern = `^([0-9]+(\.[0-9]+)?(ns|us|µs|μs|ms|s|m|h))+$`

// isDuration reports whether text matches durationPattern, in a fifth of the time: units and numbers are what is between the beginnings of the others.
func isDuration[T string | []byte](text T) bool {
	if len(text) == 0 {
		return false
	}
	for rest := text; len(rest) > 0; {
		whole := digits(rest)
		rest = rest[whole:]
		if len(rest) > 0 && rest[0] == '.' {
			fraction := digits(rest[1:])
			whole = min(whole, fraction)
			rest = rest[1+fraction:]
		}
		unit := 0
		for unit < len(rest) && !isDigit(rest[unit]) {
			unit++
		}
		if whole == 0 || !isUnit(string(rest[:unit])) {
			return false
		}
		rest = rest[unit:]
	}
	return true
}

// digits returns how many digits text begins with.
func digits[T string | []byte](text T) (n int) {
	for n < len(text) && isDigit(text[n]) {
		n++
	}
	return n
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isUnit(text string) bool {
	switch text {
	case "ns", "us", "µs", "μs", "ms", "s", "m", "h":
		return true
	default:
		return false
	}
}

// Std returns d as a time.Duration.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String formats d as time.Duration does: "1m30s".
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText formats d as String does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText parses a duration.
func (d *Duration) UnmarshalText(text []byte) error {
	if !isDuration(text) {
		return fmt.Errorf(`%s is not a duration; give numbers with units, such as "1.5s", "250ms" or "1h30m"`, quote(string(text)))
	}
	parsed, err := time.ParseDuration(string(text))
	if err != nil { // the pattern leaves no other reason than the size
		return fmt.Errorf("%s is too long; give at most %q", quote(string(text)), maxDuration)
	}
	*d = Duration(parsed)
	return nil
}

// maxDuration is the longest round duration that fits.
const maxDuration = "2562047h"

// ExtendSchema makes it the schema of a string. A duration too long for a time.Duration, 292 years, passes the schema and is refused all the same.
func (Duration) ExtendSchema(s *jsonschema.Schema) {
	s.Type, s.Pattern, s.Examples = "string", durationPattern, []any{"1.5s"}
}
