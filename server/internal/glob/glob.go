package glob

import (
	"path"
	"strings"
)

// Glob is a compiled pattern. The zero value matches nothing but the empty name.
type Glob struct {
	chunks []chunk
	sets   []set // of the signs that are anyOf, in their order
}

// chunk is what stands between two stars of a pattern. It is small, because a pattern may have many stars.
type chunk struct {
	signs string // a byte for each: the character that it matches, or anyOf, or anyButSlash
	sets  uint32 // index of the first set
	star  bool   // one is before the chunk
	plain bool   // all signs are characters
}

// Signs that are no characters. Where a pattern has the characters of these numbers it gets a set, so that nothing is ambiguous.
const (
	anyOf       = 0
	anyButSlash = 1
)

// Compile returns the glob for a pattern. The error is path.ErrBadPattern.
func Compile(pattern string) (Glob, error) {
	if _, err := path.Match(pattern, ""); err != nil {
		return Glob{}, err
	}
	return parse(pattern), nil
}

// Match reports whether the pattern matches the whole name.
func (g Glob) Match(name string) bool {
	for i := range g.chunks {
		c := &g.chunks[i]
		at := g.find(c, name, i == len(g.chunks)-1)
		if at < 0 {
			return false
		}
		name = name[at+len(c.signs):]
	}
	return name == ""
}

// find returns where the chunk is in the name, -1 if nowhere. What comes before is for the star, which takes no slash. Like path.Match it takes
// the first such place and never another one; the last chunk has to be at the end.
func (g *Glob) find(c *chunk, name string, last bool) int {
	end := len(name) - len(c.signs)
	switch {
	case end < 0:
		return -1
	case !c.star:
		end = 0
	case last:
		if strings.IndexByte(name[:end], '/') < 0 && g.matches(c, name[end:]) {
			return end
		}
		return -1
	}
	for at := 0; ; at++ {
		if g.matches(c, name[at:at+len(c.signs)]) {
			return at
		}
		if at == end || name[at] == '/' {
			return -1
		}
	}
}

// matches reports whether each sign of the chunk matches its character.
func (g *Glob) matches(c *chunk, part string) bool {
	if c.plain {
		return part == c.signs
	}
	sets := g.sets[c.sets:]
	for i := range len(c.signs) {
		sign := c.signs[i]
		ok := part[i] == sign
		switch sign {
		case anyOf:
			ok, sets = sets[0].has(part[i]), sets[1:]
		case anyButSlash:
			ok = part[i] != '/'
		}
		if !ok {
			return false
		}
	}
	return true
}
