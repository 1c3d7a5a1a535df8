package label

import (
	"fmt"
	"strings"
)

// MaxLength is how many bytes the key of a label has at most, and its value.
const MaxLength = 63

// What a key and a value are made of, as a remedy for one that is not.
var (
	KeyRule   = fmt.Sprintf("give 1 to %d characters out of a-z A-Z 0-9 . _ - and /, beginning and ending with a letter or digit", MaxLength)
	ValueRule = fmt.Sprintf("give at most %d characters out of a-z A-Z 0-9 . _ and -, beginning and ending with a letter or digit", MaxLength)
)

// ValidKey reports whether a label can have this key.
func ValidKey(key string) bool { return key != "" && valid(key, "._-/") }

// ValidValue reports whether a label can have this value. The empty one is a value.
func ValidValue(value string) bool { return value == "" || valid(value, "._-") }

func valid(text, inner string) bool {
	if len(text) > MaxLength || !alphanumeric(text[0]) || !alphanumeric(text[len(text)-1]) {
		return false
	}
	for i := range len(text) {
		if c := text[i]; !alphanumeric(c) && strings.IndexByte(inner, c) < 0 {
			return false
		}
	}
	return true
}

func alphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
