package cron

import "time"

// Schedule is the times of a cron expression. It is immutable, and safe for use by several goroutines. Make one with Parse.
type Schedule struct {
	expr      string
	zone      *time.Location
	sets      [fields]set
	eitherDay bool // a day that one of the day fields allows is enough
}

// horizon is how many years are looked through for the next time. Longer than any there may be: the 29th of February is the same day of the week
// after 40 years at the latest.
const horizon = 50

// maxYear is the last year in which a next time is looked for.
const maxYear = 9999

// String returns the expression, as it was given to Parse.
func (s *Schedule) String() string { return s.expr }

// Zone returns the time zone.
func (s *Schedule) Zone() *time.Location { return s.zone }

// Next returns the first time of the schedule that is later than t, in its time zone. After the year 9999 there is none: the result is the zero
// time.
func (s *Schedule) Next(t time.Time) time.Time {
	t = later(t, time.Time{}).In(s.zone).Round(0) // nobody asks for earlier times, and the calendar has its limits
	if t.Year() > maxYear {
		return time.Time{}
	}
	end := t.AddDate(horizon, 0, 0)
	for p := periodAt(t); ; p = periodAt(p.end) {
		if next, ok := s.nextWithin(&p, t); ok {
			return next.In(s.zone)
		}
		if p.end.IsZero() || p.end.After(end) {
			return time.Time{}
		}
	}
}

// period is a time during which the clock in a zone is not set.
type period struct {
	start, end time.Time     // zero where there is none; start is part of it, end is not
	offset     time.Duration // of the clock from UTC
}

func periodAt(t time.Time) period {
	start, end := t.ZoneBounds()
	return period{start, end, offsetOf(t)}
}

func offsetOf(t time.Time) time.Duration {
	_, seconds := t.Zone()
	return time.Duration(seconds) * time.Second
}

// reading returns what the clock shows at a moment, as a time in UTC: there, nothing is skipped and nothing comes twice.
func (p *period) reading(t time.Time) time.Time { return t.UTC().Add(p.offset) }

// nextWithin returns the first time in a period, or at its end, that is later than t.
func (s *Schedule) nextWithin(p *period, t time.Time) (next time.Time, ok bool) {
	first := p.reading(t).Truncate(time.Minute).Add(time.Minute)
	if !p.start.IsZero() {
		first = later(first, s.firstReading(p))
	}
	limit := first.AddDate(horizon, 0, 0)
	if !p.end.IsZero() {
		limit = earlier(limit, p.reading(p.end))
	}
	if r, ok := s.nextReading(first, limit); ok {
		return r.Add(-p.offset), true
	}
	if !p.end.IsZero() && s.skips(p) {
		return p.end, true
	}
	return time.Time{}, false
}

// firstReading returns the first reading of a period that counts.
func (s *Schedule) firstReading(p *period) time.Time {
	first := p.reading(p.start)
	if !s.everyHour() { // what the clock showed before it was put back, it shows for the second time
		before := period{offset: offsetOf(p.start.Add(-1))}
		first = later(first, before.reading(p.start))
	}
	return wholeMinute(first)
}

// wholeMinute returns r or else the next reading that is a whole minute. Clocks have been set by seconds, long ago.
func wholeMinute(r time.Time) time.Time {
	if whole := r.Truncate(time.Minute); !whole.Equal(r) {
		return whole.Add(time.Minute)
	}
	return r
}

// skips reports whether the clock, as it is set at the end of a period, skips readings that count.
func (s *Schedule) skips(p *period) bool {
	if s.everyHour() {
		return false
	}
	after := period{offset: offsetOf(p.end)}
	_, ok := s.nextReading(wholeMinute(p.reading(p.end)), after.reading(p.end))
	return ok
}

func (s *Schedule) everyHour() bool { return s.sets[hour] == 1<<24-1 }

// nextReading returns the first reading from r on, which is a whole minute, and before limit.
func (s *Schedule) nextReading(r, limit time.Time) (next time.Time, ok bool) {
	for r.Before(limit) {
		y, m, d := r.Date()
		switch {
		case !s.sets[month].has(int(m)):
			r = time.Date(y, m+1, 1, 0, 0, 0, 0, time.UTC)
		case !s.hasDay(r):
			r = time.Date(y, m, d+1, 0, 0, 0, 0, time.UTC)
		case !s.sets[hour].has(r.Hour()):
			r = r.Truncate(time.Hour).Add(time.Hour)
		case !s.sets[minute].has(r.Minute()):
			r = r.Add(time.Minute)
		default:
			return r, true
		}
	}
	return time.Time{}, false
}

func (s *Schedule) hasDay(r time.Time) bool {
	inMonth, inWeek := s.sets[day].has(r.Day()), s.sets[weekday].has(int(r.Weekday()))
	if s.eitherDay {
		return inMonth || inWeek
	}
	return inMonth && inWeek
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
