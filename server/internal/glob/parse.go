package glob

import (
	"slices"
	"unicode/utf8"
)

// parse compiles a pattern that is known to be one.
func parse(pattern string) Glob {
	p := parser{chunks: []chunk{{plain: true}}, begins: []int{0}}
	for pattern != "" {
		switch pattern[0] {
		case '*':
			p.addStar()
			pattern = pattern[1:]
		case '?':
			p.add(anyButSlash)
			pattern = pattern[1:]
		case '[':
			var s set
			s, pattern = parseSet(pattern[1:])
			p.addSet(s)
		case '\\':
			pattern = pattern[1:]
			fallthrough
		default:
			p.addCharacter(pattern[0])
			pattern = pattern[1:]
		}
	}
	return p.glob()
}

// parser collects the parts of a glob.
type parser struct {
	chunks []chunk // without their signs
	begins []int   // of each chunk, in signs
	signs  []byte  // of all chunks
	sets   []set
}

// glob returns the glob. The signs of all its chunks are in one string.
func (p *parser) glob() Glob {
	signs := string(p.signs)
	for i := len(p.chunks) - 1; i >= 0; i-- {
		p.chunks[i].signs, signs = signs[p.begins[i]:], signs[:p.begins[i]]
	}
	return Glob{slices.Clone(p.chunks), slices.Clone(p.sets)} // without room to grow
}

// addStar begins a chunk, unless nothing follows the star before this one.
func (p *parser) addStar() {
	last := len(p.chunks) - 1
	if p.begins[last] < len(p.signs) {
		p.chunks, p.begins = append(p.chunks, chunk{sets: uint32(len(p.sets)), plain: true}), append(p.begins, len(p.signs))
		last++
	}
	p.chunks[last].star = true
}

func (p *parser) addCharacter(b byte) {
	if b > anyButSlash && b < utf8.RuneSelf {
		p.signs = append(p.signs, b)
		return
	}
	var s set
	s.addRange(rune(b), rune(b))
	p.addSet(s)
}

func (p *parser) addSet(s set) {
	p.add(anyOf)
	p.sets = append(p.sets, s)
}

// add adds a sign that is no character.
func (p *parser) add(sign byte) {
	p.signs = append(p.signs, sign)
	p.chunks[len(p.chunks)-1].plain = false
}
