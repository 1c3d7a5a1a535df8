package supervisor

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// UID identifies one life of a task: a UUIDv7 (RFC 9562), so that later lives sort after earlier ones. It is never used again. The zero
// UID stands for none.
type UID [16]byte

// lastUID is the time part of the newest UID, in units of 1/4096 ms. It belongs to the process, so that no two supervisors in it make the same.
var lastUID atomic.Uint64

func newUID() UID { return newUIDAt(time.Now()) }

// newUIDAt returns a UID with the time now, or the least later one that no other UID has: section 6.2 of RFC 9562, method 3. The other 62 bits
// are of Go's ChaCha8 generator, which the system seeds; a UID is unique, but it is no secret. Package uuid asks the system for each
// UID and takes 240 ns besides the look at the clock, this 23.
func newUIDAt(now time.Time) UID {
	ns := uint64(max(0, now.UnixNano()))
	tick := nextTick(ns/1e6<<12 | ns%1e6<<12/1e6)
	var uid UID
	binary.BigEndian.PutUint64(uid[:8], tick>>12<<16|7<<12|tick&0xfff) // milliseconds, version, fraction
	binary.BigEndian.PutUint64(uid[8:], 0b10<<62|rand.Uint64()>>2)     // variant, random bits
	return uid
}

// nextTick returns at, or what follows the newest tick if at does not.
func nextTick(at uint64) uint64 {
	for {
		last := lastUID.Load()
		tick := max(at, last+1)
		if lastUID.CompareAndSwap(last, tick) {
			return tick
		}
	}
}

// tick returns the first half: the time part, and the version.
func (u UID) tick() uint64 { return binary.BigEndian.Uint64(u[:8]) }

// ParseUID reads the form that String writes.
func ParseUID(s string) (UID, error) {
	if len(s) != 36 {
		return UID{}, fmt.Errorf("uid %q is not a UUID of 36 characters", s)
	}
	id, err := uuid.Parse(s)
	if err != nil {
		return UID{}, fmt.Errorf("uid %q is not a UUID: %w", s, err)
	}
	return UID(id), nil
}

// String returns the UID in the form of RFC 9562, 36 characters long; the zero UID gives an empty string.
func (u UID) String() string {
	text, _ := u.AppendText(make([]byte, 0, 36)) // never fails
	return string(text)
}

// AppendText appends what String returns. It never fails.
func (u UID) AppendText(b []byte) ([]byte, error) {
	if u.IsZero() {
		return b, nil
	}
	var text [36]byte
	hex.Encode(text[:8], u[:4])
	hex.Encode(text[9:13], u[4:6])
	hex.Encode(text[14:18], u[6:8])
	hex.Encode(text[19:23], u[8:10])
	hex.Encode(text[24:], u[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return append(b, text[:]...), nil
}

// IsZero reports whether u stands for none.
func (u UID) IsZero() bool { return u == UID{} }
