package supervisor

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestUIDIsAUUIDv7(t *testing.T) {
	now := time.Now()
	id := uuid.UUID(newUIDAt(now))
	if id.Version() != 7 || id.Variant() != uuid.RFC4122 {
		t.Errorf("%s: version %d, variant %s", id, id.Version(), id.Variant())
	}
	// The time is now, or later by as much as the other tests used up: they make more than 4096 in a millisecond.
	if at := time.Unix(id.Time().UnixTime()); at.Before(now.Truncate(time.Millisecond)) || at.After(now.Add(time.Hour)) {
		t.Errorf("%s: time %s, want %s", id, at, now)
	}
}

// A clock that stands still or goes back makes no difference.
func TestUIDsAscendWhateverTheClockDoes(t *testing.T) {
	now := time.Now()
	last := newUIDAt(now)
	for i := range 10_000 {
		next := newUIDAt(now.Add(-time.Duration(i%3) * time.Hour))
		if slices.Compare(next[:], last[:]) <= 0 {
			t.Fatalf("%s after %s", next, last)
		}
		last = next
	}
}

func TestUIDsOfManyGoroutinesDiffer(t *testing.T) {
	const goroutines, each = 8, 2000
	var all sync.WaitGroup
	made := make([][each]UID, goroutines)
	for i := range made {
		all.Go(func() {
			for j := range made[i] {
				made[i][j] = newUID()
			}
		})
	}
	all.Wait()
	seen := map[[8]byte]bool{} // the time part alone, which differs already
	for i := range made {
		for _, uid := range made[i] {
			seen[[8]byte(uid[:8])] = true
		}
	}
	if len(seen) != goroutines*each {
		t.Errorf("%d different times in %d UIDs", len(seen), goroutines*each)
	}
}

func TestAUIDWithTheTimeOfAnotherIsNotFound(t *testing.T) {
	s := newBench(t, Config{})
	snap, err := s.Add(t.Context(), Once("t", noop))
	if err != nil {
		t.Fatal(err)
	}
	other := snap.UID
	other[15] ^= 1
	if _, err := s.Get(ByUID(other)); !errors.Is(err, ErrTaskNotFound) {
		t.Errorf("%s is found for %s: %v", snap.UID, other, err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
