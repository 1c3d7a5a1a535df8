package cron

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // zones, also where the machine has none
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	var zones Zones
	z, err := zones.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func parse(t testing.TB, expr string, z *time.Location) *Schedule {
	t.Helper()
	s, err := Parse(expr, z)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestNext follows schedules in UTC from a Thursday on.
func TestNext(t *testing.T) {
	from := time.Date(2026, 1, 1, 10, 30, 30, 0, time.UTC)
	for _, c := range []struct{ expr, want string }{
		{"* * * * *", "01-01T10:31 01-01T10:32"},
		{"*/15 * * * *", "01-01T10:45 01-01T11:00"},
		{"30 * * * *", "01-01T11:30 01-01T12:30"},
		{"5/20 * * * *", "01-01T10:45 01-01T11:05 01-01T11:25"},
		{"0 22-2 * * *", "01-01T22:00 01-01T23:00 01-02T00:00 01-02T01:00 01-02T02:00 01-02T22:00"},
		{"0 8-18/5 * * *", "01-01T13:00 01-01T18:00 01-02T08:00"},
		{"0 20-4/3 * * *", "01-01T20:00 01-01T23:00 01-02T02:00 01-02T20:00"},
		{"0 0 1,15 * *", "01-15T00:00 02-01T00:00"},
		{"0 0 31 * *", "01-31T00:00 03-31T00:00 05-31T00:00"},
		{"0 0 29-1 * *", "01-29T00:00 01-30T00:00 01-31T00:00 02-01T00:00 03-01T00:00"},
		{"0 0 * nov-feb fri", "01-02T00:00 01-09T00:00"},
		{"0 12 * * 1-5", "01-01T12:00 01-02T12:00 01-05T12:00"},
		{"0 0 * * SAT-Mon", "01-03T00:00 01-04T00:00 01-05T00:00 01-10T00:00"},
		{"0 0 * * 0", "01-04T00:00 01-11T00:00"},
		{"0 0 * * 7", "01-04T00:00 01-11T00:00"},
		{"0 0 * * 5-7", "01-02T00:00 01-03T00:00 01-04T00:00 01-09T00:00"},
		{"0 0 * * 7-1", "01-04T00:00 01-05T00:00 01-11T00:00"},
		{"0 0 ? * 7/2", "01-04T00:00 01-11T00:00"},
		{"0 0 13 * fri", "01-02T00:00 01-09T00:00 01-13T00:00 01-16T00:00"}, // either
		{"0 0 1-7 * */7", "01-04T00:00 02-01T00:00 03-01T00:00"},            // both
		{"0 0 */10 * 1", "05-11T00:00 06-01T00:00 08-31T00:00"},             // both: the 1st, 11th, 21st or 31st, and a Monday
		{"0 0 13 * ?", "01-13T00:00 02-13T00:00"},
		{"  0\t0  2 *  * ", "01-02T00:00"},
		{"@hourly", "01-01T11:00 01-01T12:00"},
		{"@daily", "01-02T00:00 01-03T00:00"},
		{"@Midnight", "01-02T00:00 01-03T00:00"},
		{"@weekly", "01-04T00:00 01-11T00:00"},
		{"@monthly", "02-01T00:00 03-01T00:00"},
	} {
		s, next := parse(t, c.expr, nil), from
		for want := range strings.FieldsSeq(c.want) {
			if next = s.Next(next); next.Format("01-02T15:04") != want || next.Year() != 2026 || next.Second() != 0 {
				t.Errorf("%s: %s, want %s", c.expr, next, want)
				break
			}
		}
	}
}

// TestNextOfRareDays has the times that are years apart.
func TestNextOfRareDays(t *testing.T) {
	from := time.Date(2096, 3, 1, 0, 0, 0, 0, time.UTC)
	for expr, want := range map[string]string{
		"0 0 29 2 *": "2104-02-29", "0 0 29 2 */7": "2128-02-29", "@yearly": "2097-01-01", "@annually": "2097-01-01",
	} {
		if next := parse(t, expr, nil).Next(from); next.Format(time.DateOnly) != want {
			t.Errorf("%s: %s, want %s", expr, next, want)
		}
	}
	if next := parse(t, "0 0 29 2 */7", nil).Next(time.Date(2088, 3, 1, 0, 0, 0, 0, time.UTC)); next.Year() != 2128 {
		t.Errorf("after 40 years: %s", next)
	}
}

// TestDaylightSaving says what becomes of readings that are skipped or come twice. All times are of the clock in the zone.
func TestDaylightSaving(t *testing.T) {
	for _, c := range []struct{ name, zone, expr, from, want string }{
		{"skipped", "Europe/Berlin", "30 2 * * *", "2026-03-28T12:00:00+01:00", "2026-03-29T03:00:00+02:00 2026-03-30T02:30:00+02:00"},
		{"several are skipped", "Europe/Berlin", "*/10 2 * * *", "2026-03-28T12:00:00+01:00", "2026-03-29T03:00:00+02:00 2026-03-30T02:00:00+02:00"},
		{"skipped, and just after", "Europe/Berlin", "0 2,3 * * *", "2026-03-28T12:00:00+01:00", "2026-03-29T03:00:00+02:00 2026-03-30T02:00:00+02:00"},
		{"skipped, every hour", "Europe/Berlin", "30 * * * *", "2026-03-29T01:00:00+01:00", "2026-03-29T01:30:00+01:00 2026-03-29T03:30:00+02:00"},
		{"twice", "Europe/Berlin", "30 2 * * *", "2026-10-24T12:00:00+02:00", "2026-10-25T02:30:00+02:00 2026-10-26T02:30:00+01:00"},
		{"twice, seen from in between", "Europe/Berlin", "30 2 * * *", "2026-10-25T02:00:00+01:00", "2026-10-26T02:30:00+01:00"},
		{"twice, every hour", "Europe/Berlin", "30 * * * *", "2026-10-25T01:45:00+02:00", "2026-10-25T02:30:00+02:00 2026-10-25T02:30:00+01:00 2026-10-25T03:30:00+01:00"},
		{"twice, every minute of some hours", "Europe/Berlin", "59 0-5 * * *", "2026-10-25T01:45:00+02:00", "2026-10-25T01:59:00+02:00 2026-10-25T02:59:00+02:00 2026-10-25T03:59:00+01:00"},
		{"skipped, by half an hour", "Australia/Lord_Howe", "0 2 * * *", "2026-10-03T12:00:00+10:30", "2026-10-04T02:30:00+11:00 2026-10-05T02:00:00+11:00"},
		{"twice, by half an hour", "Australia/Lord_Howe", "45 1 * * *", "2026-04-04T12:00:00+11:00", "2026-04-05T01:45:00+11:00 2026-04-06T01:45:00+10:30"},
		{"midnight is skipped", "America/Sao_Paulo", "0 0 * * *", "2018-11-03T12:00:00-03:00", "2018-11-04T01:00:00-02:00 2018-11-05T00:00:00-02:00"},
		{"midnight is skipped, on a day of the week", "America/Sao_Paulo", "0 0 * * sun", "2018-11-03T12:00:00-03:00", "2018-11-04T01:00:00-02:00 2018-11-11T00:00:00-02:00"},
		{"a whole day is skipped", "Pacific/Apia", "0 12 * * *", "2011-12-29T13:00:00-10:00", "2011-12-31T00:00:00+14:00 2011-12-31T12:00:00+14:00"},
		{"a zone without", "Asia/Kathmandu", "0 6 * * *", "2026-03-28T12:00:00+05:45", "2026-03-29T06:00:00+05:45"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := parse(t, c.expr, zone(t, c.zone))
			next, err := time.Parse(time.RFC3339, c.from)
			if err != nil {
				t.Fatal(err)
			}
			for want := range strings.FieldsSeq(c.want) {
				if next = s.Next(next); next.Format(time.RFC3339) != want {
					t.Fatalf("%s, want %s", next.Format(time.RFC3339), want)
				}
			}
		})
	}
}

// oracle returns all times of an expression between two moments in a zone, by looking at each minute.
func oracle(s *Schedule, from, to time.Time) (times []time.Time) {
	shown := map[int64]bool{} // readings, as minutes
	matches := func(reading int64) bool {
		r := time.Unix(60*reading, 0).UTC()
		return s.sets[month].has(int(r.Month())) && s.hasDay(r) && s.sets[hour].has(r.Hour()) && s.sets[minute].has(r.Minute())
	}
	last := int64(0)
	for m := from; m.Before(to); m = m.Add(time.Minute) {
		_, offset := m.In(s.zone).Zone()
		r := (m.Unix() + int64(offset)) / 60
		due := matches(r) && (s.everyHour() || !shown[r])
		for skipped := last + 1; last != 0 && skipped < r && !s.everyHour(); skipped++ {
			due = due || matches(skipped)
		}
		if due {
			times = append(times, m)
		}
		shown[r], last = true, r
	}
	return times
}

// TestNextAgainstEachMinute compares random expressions with the oracle, on days when clocks are set, and begins anywhere.
func TestNextAgainstEachMinute(t *testing.T) {
	days := map[string]time.Time{
		"Europe/Berlin":       time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC),
		"America/New_York":    time.Date(2026, 10, 31, 0, 0, 0, 0, time.UTC),
		"Australia/Lord_Howe": time.Date(2026, 4, 4, 0, 0, 0, 0, time.UTC),
		"America/Sao_Paulo":   time.Date(2018, 11, 3, 0, 0, 0, 0, time.UTC),
		"Antarctica/Troll":    time.Date(2026, 10, 24, 0, 0, 0, 0, time.UTC),
		"Pacific/Apia":        time.Date(2011, 12, 29, 0, 0, 0, 0, time.UTC),
		"Africa/Casablanca":   time.Date(2026, 2, 14, 0, 0, 0, 0, time.UTC),
		"Europe/Dublin":       time.Date(2026, 10, 24, 0, 0, 0, 0, time.UTC),
		"Africa/Cairo":        time.Date(2026, 4, 23, 0, 0, 0, 0, time.UTC),
		"Asia/Kolkata":        time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for name, from := range days {
		z, to := zone(t, name), from.Add(3*24*time.Hour)
		for range 8 {
			s := parse(t, randomExpr(r), z)
			want := oracle(s, from.Add(-48*time.Hour), to)
			for range 10 {
				at := from.Add(time.Duration(r.Int64N(int64(to.Sub(from)))))
				i, _ := slices.BinarySearchFunc(want, at, func(w, at time.Time) int { return min(1, max(-1, w.Compare(at)*2+1)) }) // the first that is later
				got := s.Next(at)
				if i == len(want) && got.Before(to) || i < len(want) && !got.Equal(want[i]) {
					t.Errorf("seed %d: %q in %s after %s: %s", seed, s, name, at.In(z), got)
					if i < len(want) {
						t.Errorf("want %s", want[i].In(z))
					}
				}
			}
		}
	}
}

func randomExpr(r *rand.Rand) string {
	number := func(n int) string { return strconv.Itoa(r.IntN(n)) }
	pick := func(choices ...string) string { return choices[r.IntN(len(choices))] }
	return strings.Join([]string{
		pick("*", "0", "*/7", number(60), number(60)+"-"+number(60), "5,"+number(60)),
		pick("*", "*", "0", "2", "1-3", "0-23", "*/2", number(24)+","+number(24), number(24)+"-"+number(24)),
		pick("*", "*", "*", "1-15", "*/2", "15-31"),
		pick("*", "*", "1-12", "10-4"),
		pick("*", "*", "*", "sun", "sat-mon", "*/2", "6-7"),
	}, " ")
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ expr, want string }{
		{"", `"" is no schedule: it is empty; give five fields, as in "30 2 * * *"`},
		{"61 * * * *", `"61 * * * *" is no schedule: minute: 61 is out of range; give 0 to 59`},
		{"* 24 0 13 8", `hour: 24 is out of range; give 0 to 23; day of the month: 0 is out of range; give 1 to 31; ` +
			`month: 13 is out of range; give 1 to 12 or jan to dec; day of the week: 8 is out of range; give 0 to 7 or sun to sat`},
		{"a * * * *", `minute: "a" is no number; give 0 to 59`},
		{"* * * janu *", `month: "janu" is no number; give 1 to 12 or jan to dec`},
		{"* * * anf *", `month: "anf" is no number`},
		{"+5 * * * *", `minute: "+5" is no number`},
		{"-1 * * * *", `minute: "" is no number`},
		{"1,,2 * * * *", `minute: "" is no number`},
		{"1-2-3 * * * *", `minute: "2-3" is no number`},
		{"*/0 * * * *", `minute: a step of 0 is out of range; give 1 to 60`},
		{"*/61 * * * *", `minute: a step of 61 is out of range; give 1 to 60`},
		{"*/ * * * *", `minute: "" is no step; give a number from 1 to 60`},
		{"*/5/5 * * * *", `minute: "5/5" is no step`},
		{"? * * * *", `minute: "?" is no number`},
		{"H * * * *", `minute: "H" is no number`},
		{"99999999999999999999 * * * *", `is no number`},
		{"0 0 L * *", `day of the month: "L" is no number`},
		{"0 0 30 2 *", `no month that it allows has the day 30; give another day or month`},
		{"0 0 31 4,6,9,11 */2", `no month that it allows has the day 31`},
		{"* * * *", `it has 4 of five fields; give minute, hour, day of the month, month and day of the week`},
		{"0 * * * * *", `it has 6 fields; give five, without seconds`},
		{"@every 5m", `@every is no matter of the time of the day; give an interval in place of a schedule`},
		{"@reboot", `"@reboot" is unknown; give @hourly, @daily`},
		{"@daily @daily", `"@daily @daily" is unknown`},
		{"TZ=UTC 0 0 * * *", `"TZ=UTC" is no part of it; give the time zone beside the schedule`},
		{"@\xff\n", `"@\xff" is unknown`},
		{"\u212a\xff * * * *", "minute: \"\u212a\\xff\" is no number"},
		{"CRON_TZ=UTC 0 0 * * *", `"CRON_TZ=UTC" is no part of it`},
		{strings.Repeat("1,", 200) + "1 * * * *", `it has 409 bytes; give at most 256`},
	} {
		_, err := Parse(c.expr, nil)
		if e, ok := errors.AsType[*Error](err); !ok || !strings.Contains(err.Error(), c.want) || e.Expr != c.expr {
			t.Errorf("%q: %v\nwant %s", c.expr, err, c.want)
		}
	}
	if _, err := Parse("0 0 31 2 mon", nil); err != nil {
		t.Errorf("each Monday in February: %v", err)
	}
}

func TestNextHasItsLimits(t *testing.T) {
	s := parse(t, "* * * * *", nil)
	if next := s.Next(time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)); !next.IsZero() {
		t.Errorf("after the year 9999: %s", next)
	}
	if next := s.Next(time.Date(9999, 12, 31, 23, 59, 0, 0, time.UTC)); next.Year() != 10_000 {
		t.Errorf("at the end of the year 9999: %s", next)
	}
	if next := s.Next(time.Date(-5000, 1, 1, 0, 0, 0, 0, time.UTC)); next.Year() != 1 {
		t.Errorf("before the year 1: %s", next)
	}
}

func TestZones(t *testing.T) {
	var zones Zones
	for _, name := range []string{"Local", "local", "Mars/Phobos", "../../etc/passwd", "/etc/localtime", "Europe/", "UTC\x00", " ", strings.Repeat("x", 1000)} {
		_, err := zones.Find(name)
		if _, ok := errors.AsType[*ZoneError](err); !ok || !strings.Contains(err.Error(), "is no time zone; give a name") || len(err.Error()) > 300 {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"Europe/Berlin", "UTC", "Etc/GMT+5"} {
		z, err := zones.Find(name)
		again, _ := zones.Find(name)
		if err != nil || z.String() != name || z != again {
			t.Errorf("%q: %v, %v; then %v", name, z, err, again)
		}
	}
	if z, err := zones.Find(""); z != time.UTC || err != nil {
		t.Errorf("the empty name: %v, %v", z, err)
	}
}

// FuzzSchedule parses anything, in any zone. What passes has a next time after any moment, the same one for all moments in between.
func FuzzSchedule(f *testing.F) {
	names := []string{"UTC", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo", "Antarctica/Troll"}
	for _, expr := range []string{
		"* * * * *", "*/5 1-3 29 2 */7", "61 * * * *", "0 0 30 2 *", "0 22-2/3 1,15 nov-feb fri-mon", "@daily", "@every 1s", "TZ=UTC * * * * *",
		"5/15 ? * * 7", "1,,2 * * * *", "-1 * * * *", "0 0 L-3 * 1#2", "a-b/c 1-2-3 * * *",
	} {
		for i := range names {
			f.Add(expr, uint8(i), int64(1_774_700_000), uint32(0))
		}
	}
	f.Fuzz(func(t *testing.T, expr string, z uint8, at int64, ns uint32) {
		s, err := Parse(expr, zone(t, names[int(z)%len(names)]))
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Errorf("%T", err)
			}
			return
		}
		from := time.Unix(at, int64(ns))
		next := s.Next(from)
		switch year := from.UTC().Year(); {
		case year < 1 || year > maxYear-horizon:
			return
		case !next.After(from):
			t.Errorf("%q after %s: %s", expr, from, next)
		case next.Nanosecond() != 0 || next.Location() != s.Zone():
			t.Errorf("%q after %s: %s", expr, from, next)
		}
		if between := from.Add(next.Sub(from) / 2); !s.Next(between).Equal(next) {
			t.Errorf("%q: after %s comes %s, but after %s comes %s", expr, from, next, between, s.Next(between))
		}
		if before := next.Add(-1); !s.Next(before).Equal(next) {
			t.Errorf("%q: right before %s: %s", expr, next, s.Next(before))
		}
	})
}

func BenchmarkNext(b *testing.B) {
	for _, c := range []struct{ expr, zone string }{{"*/5 * * * *", "UTC"}, {"30 2 * * *", "Europe/Berlin"}, {"0 0 29 2 */7", "Europe/Berlin"}} {
		b.Run(strings.ReplaceAll(c.expr, " ", "_")+"/"+c.zone, func(b *testing.B) {
			s := parse(b, c.expr, zone(b, c.zone))
			from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			for b.Loop() {
				s.Next(from)
			}
		})
	}
}
