package label

// Limits of a selector.
const (
	MaxBytes        = 4096 // of its text
	MaxRequirements = 100
	MaxValues       = 100 // of each list
)

// Parse returns the selector that text stands for. No text, or white space only, stands for the selector that selects all. The error is an
// *Error.
func Parse(text string) (Selector, error) {
	p := parser{lexer: lexer{text: text}}
	if len(text) > MaxBytes {
		p.err.add("%s has %d bytes; give at most %d", quote(text), len(text), MaxBytes)
		return Selector{}, &p.err
	}
	requirements := p.selector()
	if p.err.Problems != nil {
		return Selector{}, &p.err
	}
	return newSelector(requirements), nil
}

// parser reads requirements. Its methods report whether the text went on as they expect; where it did not, the rest of the requirement is skipped,
// so that the problems of the next one are found as well. What is well written but cannot be a key or a value skips nothing.
type parser struct {
	lexer
	last, current token // current is the first one that is not consumed
	depth         int   // of parentheses behind current
	err           Error
}

// advance consumes the current token.
func (p *parser) advance() {
	p.last, p.current = p.current, p.next()
	switch p.current.text {
	case "(":
		p.depth++
	case ")":
		p.depth = max(p.depth-1, 0)
	}
}

func (p *parser) selector() (all []requirement) {
	p.advance()
	if p.current.isEnd() {
		return nil
	}
	for n := 1; n <= MaxRequirements; n++ {
		r, ok := p.requirement()
		if !ok {
			p.skip()
		}
		all = append(all, r)
		if p.current.isEnd() {
			return all
		}
		p.advance() // the comma
	}
	p.complain(p.current, "begins requirement %d; give at most %d", MaxRequirements+1, MaxRequirements)
	return nil
}

// skip goes to the end of the requirement: to a comma that is not inside of a list.
func (p *parser) skip() {
	for !p.current.isEnd() && (p.current.text != "," || p.depth > 0) {
		p.advance()
	}
}

func (p *parser) requirement() (r requirement, ok bool) {
	if p.current.text == "!" {
		p.advance()
		r.negated = true
		r.key, ok = p.key("a key", "name one after the !, as in !app")
	} else {
		r.key, ok = p.key("a requirement", "give one like app=web, app in (a,b), app or !app, and commas only between two of them")
		ok = ok && p.condition(&r)
	}
	return r, ok && p.endOfRequirement()
}

// key reads a key; what and remedy are for the case that there is none.
func (p *parser) key(what, remedy string) (key string, ok bool) {
	if !p.current.isWord() {
		return "", p.due(what, remedy)
	}
	key = p.current.text
	if !ValidKey(key) {
		p.complain(p.current, "cannot be the key of a label; %s", KeyRule)
	}
	p.advance()
	return key, true
}

// condition reads what the requirement says of its key, if it says anything.
func (p *parser) condition(r *requirement) bool {
	switch operator := p.current.text; operator {
	case "", ",":
		return true
	case "=", "==", "!=":
		p.advance()
		r.negated = operator == "!="
		return p.value(r)
	case "in", "notin":
		p.advance()
		r.negated = operator == "notin"
		return p.list(r)
	default:
		return p.due("an operator", "use = != in or notin, or put a comma before the next requirement")
	}
}

// value reads a value, which is empty where a comma, a parenthesis or the end stands in its place.
func (p *parser) value(r *requirement) bool {
	value := p.current.text
	switch {
	case p.current.isWord():
		if !ValidValue(value) {
			p.complain(p.current, "cannot be the value of a label; %s", ValueRule)
		}
		p.advance()
	case value == "," || value == ")" || value == "":
		value = ""
	default:
		return p.due("a value", "give one, or none for a label with an empty value")
	}
	r.values = append(r.values, value)
	return true
}

func (p *parser) list(r *requirement) bool {
	if p.current.text != "(" {
		return p.due("(", "write the values in parentheses, as in app in (a,b)")
	}
	for {
		p.advance() // the parenthesis, or a comma
		if len(r.values) == MaxValues {
			p.complain(p.current, "is at value %d of a list; give at most %d", MaxValues+1, MaxValues)
			return false
		}
		if !p.value(r) {
			return false
		}
		switch p.current.text {
		case ",":
		case ")":
			p.advance()
			return true
		default:
			return p.due("a comma or )", "separate the values by commas, and close the list by )")
		}
	}
}

func (p *parser) endOfRequirement() bool {
	if p.current.isEnd() || p.current.text == "," {
		return true
	}
	return p.due("a comma or the end", "separate requirements by commas")
}
