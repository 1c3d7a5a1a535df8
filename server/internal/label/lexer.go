package label

import "strings"

// token is a word or a sign of a selector. The one at the end has no text.
type token struct {
	text   string
	offset int // of its first byte
}

func (t token) isEnd() bool { return t.text == "" }

// isWord reports whether the token is a word: a key, a value, in or notin.
func (t token) isWord() bool { return t.text != "" && strings.IndexByte(signs, t.text[0]) < 0 }

const (
	blanks = " \t\r\n"
	signs  = "=!(),<>" // < and > mean nothing here, but end a word, as they do for Kubernetes
)

// lexer takes a selector apart.
type lexer struct {
	text   string
	offset int // behind the last token
}

// next returns the next token.
func (l *lexer) next() token {
	rest := strings.TrimLeft(l.text[l.offset:], blanks)
	begin := len(l.text) - len(rest)
	length := strings.IndexAny(rest, blanks+signs)
	switch {
	case length < 0:
		length = len(rest)
	case length > 0:
	case strings.HasPrefix(rest, "==") || strings.HasPrefix(rest, "!="):
		length = 2
	default:
		length = 1
	}
	l.offset = begin + length
	return token{rest[:length], begin}
}
