package top

import (
	"fmt"
	"time"
)

// link is how the connection is.
type link struct {
	state linkState
	until time.Time // of linkWaiting: when it is tried again
	err   error     // of linkWaiting: why it has to be
}

// linkState is one of these:
//
//	linkOpening ─► linkLive ◄─► linkWaiting
//	     └──────────────────────────▲
type linkState uint8

const (
	linkOpening linkState = iota
	linkLive
	linkWaiting
)

// text says it, and when it will read differently; zero: not by itself.
func (l link) text(now time.Time) (p part, next time.Time) {
	switch l.state {
	case linkLive:
		return part{good, "● live"}, time.Time{}
	case linkWaiting:
		left := l.until.Sub(now)
		if left <= 0 {
			return part{warn, "○ reconnecting…"}, time.Time{}
		}
		text, after := countdown(left)
		return part{warn, fmt.Sprintf("○ reconnecting (%s)…", text)}, now.Add(after)
	case linkOpening:
	}
	return part{warn, "○ connecting…"}, time.Time{}
}

// notice is something to tell for a while, in the last line.
type notice struct {
	mood  Mood
	text  string
	until time.Time // zero: until the next one
}

// noticeTime is how long a notice is shown.
const noticeTime = 8 * time.Second

func (n notice) isOver(now time.Time) bool {
	return n.text == "" || !n.until.IsZero() && !now.Before(n.until)
}
