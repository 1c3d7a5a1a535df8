package yamlfile

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

func (f *File) parseYAML(data []byte) {
	if !f.isText(data) {
		return
	}
	if line := findRune(data, isControl); line > 0 {
		f.report(line, "", "has a control character in it; remove it, or write it as an escape in double quotes")
		return // the parser would not tell the line
	}
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	for err == nil {
		var document yaml.Node
		if err = loader.Load(&document); err == nil {
			f.addDocument(&document)
		}
	}
	if !errors.Is(err, io.EOF) {
		f.reportYAML(err, data)
	}
}

// isText reports whether data is UTF-8, and adds a problem if not. Neither parser would tell the line.
func (f *File) isText(data []byte) bool {
	line := findRune(data, func(r rune, size int) bool { return r == utf8.RuneError && size == 1 })
	if line > 0 {
		f.report(line, "", "is not text in UTF-8; save the file as UTF-8")
	}
	return line == 0
}

// findRune returns the line of the first rune that is wanted, 0 when there is none.
func findRune(data []byte, wanted func(r rune, size int) bool) (line int) {
	line = 1
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if wanted(r, size) {
			return line
		}
		if r == '\n' {
			line++
		}
		i += size
	}
	return 0
}

// isControl recognises the characters below the space, and DEL, that YAML does not allow. (YAML 1.2.2, section 5.1.)
func isControl(r rune, _ int) bool {
	return r < ' ' && r != '\t' && r != '\r' && r != '\n' || r == 0x7f
}

// addDocument keeps the root of the document, unless that is empty: comments only, or nothing between two separators.
func (f *File) addDocument(document *yaml.Node) {
	for _, root := range document.Content {
		if root.ShortTag() != "!!null" {
			f.documents = append(f.documents, root)
		}
	}
}

// reportYAML reports a mistake in the syntax, with the line where the parser noticed it and the one where the construct began.
func (f *File) reportYAML(err error, data []byte) {
	var syntax *yaml.LoadError
	if !errors.As(err, &syntax) {
		f.report(0, "", "is not YAML: %v", err)
		return
	}
	line, began := syntax.Mark.Line, syntax.ContextMark.Line
	if isIndentedByTab(data, line) {
		f.report(line, "", "is indented by a tab, which YAML does not allow; use blanks")
		return
	}
	if began > 0 && began != line && syntax.ContextMsg != "" {
		f.report(line, "", "is not YAML: %s, %s that begins on line %d", syntax.Message, syntax.ContextMsg, began)
		return
	}
	f.report(line, "", "is not YAML: %s", syntax.Message)
}

// isIndentedByTab reports whether a line, of which the first is 1, begins with a tab, or with blanks and a tab. The parser says of it, "found character
// that cannot start any token".
func isIndentedByTab(data []byte, line int) bool {
	for text := range bytes.Lines(data) {
		if line--; line == 0 {
			return bytes.HasPrefix(bytes.TrimLeft(text, " "), []byte("\t"))
		}
	}
	return false
}
