package server

import (
	"math"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/taskvisor/taskvisor/supervisor"
)

func TestDurations(t *testing.T) {
	const s = time.Second
	for name, test := range map[string]struct {
		given  *durationpb.Duration
		want   time.Duration // without regard to none
		orNone time.Duration
		bad    bool
	}{
		"unset":              {given: nil},
		"0s":                 {given: &durationpb.Duration{}, orNone: supervisor.None},
		"1.5s":               {given: durationpb.New(1500 * time.Millisecond), want: 1500 * time.Millisecond, orNone: 1500 * time.Millisecond},
		"1ns":                {given: durationpb.New(1), want: 1, orNone: 1},
		"the longest":        {given: &durationpb.Duration{Seconds: 9223372035, Nanos: 999999999}, want: 9223372035*s + 999999999, orNone: 9223372035*s + 999999999},
		"longer":             {given: &durationpb.Duration{Seconds: 9223372036}, bad: true},
		"10,000 years":       {given: &durationpb.Duration{Seconds: 315576000000}, bad: true},
		"more than there is": {given: &durationpb.Duration{Seconds: math.MaxInt64}, bad: true},
		"-1s":                {given: durationpb.New(-s), bad: true},
		"-1ns":               {given: durationpb.New(-1), bad: true},
		"None":               {given: durationpb.New(supervisor.None), bad: true},
		"mixed signs":        {given: &durationpb.Duration{Seconds: -1, Nanos: 1}, bad: true},
		"too many nanos":     {given: &durationpb.Duration{Nanos: 1e9}, bad: true},
	} {
		t.Run(name, func(t *testing.T) {
			var v violations
			if got := v.duration("field", test.given); got != test.want {
				t.Errorf("got %v", got)
			}
			if got := v.durationOrNone("field", test.given); got != test.orNone {
				t.Errorf("or none: got %v", got)
			}
			if (len(v) == 2) != test.bad || (len(v) == 0) == test.bad {
				t.Errorf("violations %v", v)
			}
		})
	}
}

func TestWireDuration(t *testing.T) {
	for want, d := range map[string]*durationpb.Duration{
		"0s": {}, "-1s": {Seconds: -1}, "1.5s": {Seconds: 1, Nanos: 5e8}, "-0.000000001s": {Nanos: -1}, "-9223372036.854775808s": durationpb.New(math.MinInt64),
		"315576000000s": {Seconds: 315576000000},
	} {
		if got := wireDuration(d); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestQuote(t *testing.T) {
	for given, want := range map[string]string{
		"":       `""`,
		"a\"b\n": `"a\"b\n"`,
		"ää1234567890123456789012345678901234567890123456789012345678901234567890": `"ää123456789012345678901234567890123456789012345678901234567890"…`,
		"x12345678901234567890123456789012345678901234567890123456789012ä":         `"x12345678901234567890123456789012345678901234567890123456789012"…`,
	} {
		if got := quote(given); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
