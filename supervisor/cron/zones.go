package cron

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// Zones finds time zones by their names, and keeps those that it has found, so that schedules share them: a zone takes some KiB, and its file
// is read once. There are about 600. The zero value is ready for use, by several goroutines at once.
type Zones struct{ found sync.Map } // name → *time.Location

// ZoneError says that there is no such time zone.
type ZoneError struct{ Name string }

// Error quotes the name.
func (e *ZoneError) Error() string {
	return fmt.Sprintf("%.64q is no time zone; give a name of the IANA database, such as Europe/Berlin, or UTC", e.Name)
}

// Find returns the time zone with a name of the IANA database; UTC for the empty name. The error is a *ZoneError. The zone of the machine, which
// has the name Local elsewhere, is none: what it is, a schedule should not depend on.
func (z *Zones) Find(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	if zone, ok := z.found.Load(name); ok {
		return zone.(*time.Location), nil
	}
	if strings.EqualFold(name, "local") || len(name) > MaxLength {
		return nil, &ZoneError{name}
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, &ZoneError{name}
	}
	kept, _ := z.found.LoadOrStore(name, zone)
	return kept.(*time.Location), nil
}
