package glob

import "unicode/utf8"

// set is a set of ASCII characters, a bit for each.
type set [2]uint64

func (s *set) has(c byte) bool { return c < utf8.RuneSelf && s[c/64]>>(c%64)&1 != 0 }

// addRange adds those of the characters that are ASCII.
func (s *set) addRange(first, last rune) {
	for c := first; c <= min(last, utf8.RuneSelf-1); c++ {
		s[c/64] |= 1 << (c % 64)
	}
}

// parseSet reads a set behind its opening bracket, and returns what comes behind the closing one.
func parseSet(pattern string) (s set, rest string) {
	negated := pattern[0] == '^'
	if negated {
		pattern = pattern[1:]
	}
	for pattern[0] != ']' {
		var first, last rune
		first, pattern = parseBound(pattern)
		last = first
		if pattern[0] == '-' {
			last, pattern = parseBound(pattern[1:])
		}
		s.addRange(first, last)
	}
	if negated {
		s[0], s[1] = ^s[0], ^s[1]
	}
	return s, pattern[1:]
}

// parseBound reads a character of a set.
func parseBound(pattern string) (r rune, rest string) {
	if pattern[0] == '\\' {
		pattern = pattern[1:]
	}
	r, size := utf8.DecodeRuneInString(pattern)
	return r, pattern[size:]
}
