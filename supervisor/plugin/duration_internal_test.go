package plugin

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

// What the schema says of a duration, and what is accepted, are the same.
func TestDurationsAreThoseOfTheirPattern(t *testing.T) {
	pattern := regexp.MustCompile(durationPattern)
	check := func(t rapid.TB, text string) {
		if got, want := isDuration(text), pattern.MatchString(text); got != want || isDuration([]byte(text)) != want {
			t.Errorf("isDuration(%q) is %v, and the pattern says %v", text, got, want)
		}
	}
	for _, text := range []string{"", "1", "1s", "1.5h30m", "1.s", ".5s", "1..5s", "1.5", "1ms2", "1m5s", "1sm", "s", "-1s", "1 s", "1d", "01µs", "1\xffs"} {
		check(t, text)
	}
	part := rapid.SampledFrom([]string{"0", "7", "10", ".", "1.5", "n", "u", "ns", "us", "µs", "μs", "ms", "s", "m", "h", " ", "-", "\xff"})
	rapid.Check(t, func(t *rapid.T) {
		text := ""
		for _, p := range rapid.SliceOfN(part, 0, 8).Draw(t, "parts") {
			text += p
		}
		check(t, text)
	})
}
