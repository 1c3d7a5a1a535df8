package yamlfile

import (
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Field is one entry of a mapping.
type Field struct {
	Name  string
	Key   *Node
	Value *Node
}

// resolve follows aliases to the value itself.
func resolve(node *Node) *Node {
	for node.Kind == yaml.AliasNode && node.Alias != nil {
		node = node.Alias
	}
	return node
}

// Fields returns the entries of the mapping at path in the order of the file, those that a merge key (<<) brings in last.
func (f *File) Fields(node *Node, path string) []Field {
	node = resolve(node)
	if node.Kind != yaml.MappingNode {
		f.wants(node, path, "a mapping")
		return nil
	}
	m := mapping{file: f, path: path, known: map[string]bool{}}
	m.add(node, 0)
	return m.fields
}

// mapping collects the entries of a mapping and of those merged into it.
type mapping struct {
	file   *File
	path   string
	known  map[string]bool
	fields []Field
}

func (m *mapping) add(node *Node, depth int) {
	var merged []*Node
	lines := map[string]int{} // of the keys of this mapping
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := resolve(node.Content[i]), node.Content[i+1]
		if key.Tag == "!!merge" {
			merged = append(merged, value)
			continue
		}
		name, ok := m.file.Text(key, Join(m.path, key.Value))
		if !ok {
			continue
		}
		if line, twice := lines[name]; twice {
			m.file.Report(key, Join(m.path, name), "is given twice, first on line %d; remove one", line)
			continue
		}
		lines[name] = key.Line
		m.entry(Field{name, key, value})
	}
	for _, value := range merged {
		m.merge(value, depth+1)
	}
}

// entry adds an entry, unless one of that name is there: what is written in a mapping goes before what is merged into it.
func (m *mapping) entry(field Field) {
	if !m.known[field.Name] {
		m.known[field.Name] = true
		m.fields = append(m.fields, field)
	}
}

// merge adds the entries of a mapping, or of each of a list of mappings.
func (m *mapping) merge(value *Node, depth int) {
	value = resolve(value)
	switch {
	case !m.file.enter(value, m.path, depth):
	case value.Kind == yaml.MappingNode:
		m.add(value, depth)
	case value.Kind == yaml.SequenceNode:
		for _, item := range value.Content {
			m.merge(item, depth+1)
		}
	default:
		m.file.wants(value, Join(m.path, "<<"), "a mapping or a list of mappings to merge")
	}
}

// List returns the items of the list at path.
func (f *File) List(node *Node, path string) []*Node {
	node = resolve(node)
	if node.Kind != yaml.SequenceNode {
		f.wants(node, path, "a list")
		return nil
	}
	return node.Content
}

// IsNull reports whether the value is left empty, or null.
func IsNull(node *Node) bool { return resolve(node).ShortTag() == "!!null" }

// IsMapping reports whether the value is a mapping.
func IsMapping(node *Node) bool { return resolve(node).Kind == yaml.MappingNode }

// IsList reports whether the value is a list.
func IsList(node *Node) bool { return resolve(node).Kind == yaml.SequenceNode }

// enter reports whether the value may be read: whether it is neither too deep, as one that contains itself is, nor one too many.
func (f *File) enter(node *Node, path string, depth int) bool {
	f.values++
	switch {
	case f.values > MaxValues:
		if f.values == MaxValues+1 { // once is enough
			f.Report(node, path, "brings the file to more than %d values; do aliases multiply?", MaxValues)
		}
		return false
	case depth > MaxDepth:
		f.Report(node, path, "is nested deeper than %d values; does an alias contain itself?", MaxDepth)
		return false
	}
	return true
}

var plainKey = regexp.MustCompile(`^[A-Za-z_<-][A-Za-z0-9_<-]*$`)

// Join adds the key of a mapping to a path; a key that could be mistaken for more than one is put in brackets and quotes.
func Join(path, key string) string {
	if !plainKey.MatchString(key) {
		return path + "[" + strconv.Quote(key) + "]"
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// Index adds the index of a list to a path.
func Index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// Locate returns the value at path, relative to node, or the innermost value on the way to it that is in the file. Field names match in
// snake_case and in camelCase.
func Locate(node *Node, path string) *Node {
	node = resolve(node)
	for _, step := range splitPath(path) {
		next := child(node, step)
		if next == nil {
			return node
		}
		node = next
	}
	return node
}

var pathStep = regexp.MustCompile(`\[("(?:[^"\\]|\\.)*"|[0-9]+)\]|[^.\[\]]+`)

// splitPath splits a path as Join and Index make it. Keys in quotes come without them.
func splitPath(path string) []string {
	steps := pathStep.FindAllString(path, -1)
	for i, step := range steps {
		step = strings.TrimSuffix(strings.TrimPrefix(step, "["), "]")
		if key, err := strconv.Unquote(step); err == nil {
			step = key
		}
		steps[i] = step
	}
	return steps
}

// child returns the value of the key, or at the index, that step names; nil when there is none.
func child(node *Node, step string) *Node {
	if node.Kind == yaml.SequenceNode {
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(node.Content) {
			return resolve(node.Content[i])
		}
		return nil
	}
	quiet := &File{} // what is wrong with the mapping has been reported when it was read
	for _, field := range quiet.Fields(node, "") {
		if field.Name == step || camelCase(step) == field.Name {
			return resolve(field.Value)
		}
	}
	return nil
}

func camelCase(name string) string {
	words := strings.Split(name, "_")
	for i, word := range words[1:] {
		if word != "" {
			words[i+1] = strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return strings.Join(words, "")
}
