package yamlfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// parseJSON reads JSON with a JSON parser: the YAML parser refuses some of what JSON allows (surrogate pairs) and accepts much that
// JSON does not. The result is the same tree of nodes.
func (f *File) parseJSON(data []byte) {
	if !f.isText(data) {
		return
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	for {
		var value json.RawMessage
		switch err := decoder.Decode(&value); {
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			f.reportJSON(data, err)
			return
		}
		before := int(decoder.InputOffset()) - len(value)
		if !f.addJSON(value, lineAt(data, before)) {
			return
		}
	}
}

func (f *File) reportJSON(data []byte, err error) {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		f.report(lineAt(data, int(syntax.Offset)-1), "", "is not JSON: %v", err)
		return
	}
	f.report(lineAt(data, len(data)), "", "is not JSON: it ends in the middle of a value")
}

// lineAt returns the line of the byte at offset.
func lineAt(data []byte, offset int) int {
	return 1 + bytes.Count(data[:min(offset, len(data))], []byte("\n"))
}

// addJSON adds a value that is known to be well-formed as a document.
func (f *File) addJSON(value []byte, line int) bool {
	tree := jsonTree{decoder: json.NewDecoder(bytes.NewReader(value)), data: value, line: line}
	tree.decoder.UseNumber()
	root := tree.node(0)
	if tree.problem != "" {
		f.report(tree.line, "", "%s", tree.problem)
		return false
	}
	f.addDocument(&Node{Kind: yaml.DocumentNode, Content: []*Node{root}})
	return true
}

// jsonTree turns the tokens of one well-formed value into nodes.
type jsonTree struct {
	decoder *json.Decoder
	data    []byte
	counted int    // bytes of data that are read, and whose newlines are in line
	line    int    // of the latest token
	problem string // with the latest token; once there is one, nothing more is read
}

// token returns the next token, and keeps the line up to date. A token has no newline in it, so its end is on the line of its start.
func (t *jsonTree) token() json.Token {
	token, err := t.decoder.Token()
	if err != nil {
		return nil // not for a well-formed value
	}
	end := int(t.decoder.InputOffset())
	raw := t.data[t.counted:end]
	t.line += bytes.Count(raw, []byte("\n"))
	t.counted = end
	if text, ok := token.(string); ok && replaced(text, raw) {
		t.problem = "has half of a surrogate pair, \\ud800 to \\udfff, in a text; write the whole pair, or the character itself"
	}
	return token
}

// replaced reports whether the parser put replacement characters in the place of what is no character.
func replaced(text string, raw []byte) bool {
	const replacement = "\ufffd"
	return strings.Contains(text, replacement) && !bytes.Contains(raw, []byte(replacement)) &&
		!bytes.Contains(bytes.ToLower(raw), []byte(`\ufffd`))
}

// node returns the next value.
func (t *jsonTree) node(depth int) *Node {
	token := t.token()
	node := &Node{Kind: yaml.ScalarNode, Line: t.line}
	if depth > MaxDepth {
		t.problem = fmt.Sprintf("has values nested deeper than %d", MaxDepth)
	}
	if t.problem != "" {
		return node
	}
	switch value := token.(type) {
	case json.Delim:
		t.container(node, value, depth)
	case string:
		node.Tag, node.Value = "!!str", value
	case json.Number:
		node.Tag, node.Value = "!!int", value.String()
		if strings.ContainsAny(node.Value, ".eE") {
			node.Tag = "!!float"
		}
	case bool:
		node.Tag, node.Value = "!!bool", strconv.FormatBool(value)
	default:
		node.Tag, node.Value = "!!null", "null"
	}
	return node
}

// container reads the content of an object or array up to its end. Keys are values like any other, as in a tree of YAML.
func (t *jsonTree) container(node *Node, open json.Delim, depth int) {
	node.Kind, node.Tag = yaml.SequenceNode, "!!seq"
	if open == '{' {
		node.Kind, node.Tag = yaml.MappingNode, "!!map"
	}
	for t.problem == "" && t.decoder.More() {
		node.Content = append(node.Content, t.node(depth+1))
	}
	if t.problem == "" {
		t.token() // the closing delimiter
	}
}
