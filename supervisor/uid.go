package supervisor

import (
	"fmt"

	"github.com/google/uuid"
)

// UID identifies one life of a task: a UUIDv7 (RFC 9562), so that later lives sort after earlier ones. It is never used again. The zero
// UID stands for none.
type UID [16]byte

// newUID panics only when the system's source of randomness fails, which Go's crypto/rand turns into a crash of its own.
func newUID() UID { return UID(uuid.Must(uuid.NewV7())) }

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
	if u.IsZero() {
		return ""
	}
	return uuid.UUID(u).String()
}

// IsZero reports whether u stands for none.
func (u UID) IsZero() bool { return u == UID{} }
