package yamlfile

import (
	"math"

	"go.yaml.in/yaml/v4"
	"google.golang.org/protobuf/types/known/structpb"
)

// structure reads a mapping of anything that JSON can have.
func (f *File) structure(node *Node, path string) (*structpb.Struct, bool) {
	before := f.count
	fields := map[string]*structpb.Value{}
	for _, entry := range f.Fields(node, path) {
		fields[entry.Name] = f.any(entry.Value, Join(path, entry.Name), 1)
	}
	return &structpb.Struct{Fields: fields}, f.count == before
}

// any reads any value; null in place of one that has a problem.
func (f *File) any(node *Node, path string, depth int) *structpb.Value {
	node = resolve(node)
	if !f.enter(node, path, depth) {
		return structpb.NewNullValue()
	}
	switch node.Kind { //nolint:exhaustive // documents are not inside documents, aliases are resolved
	case yaml.MappingNode:
		fields := map[string]*structpb.Value{}
		for _, entry := range f.Fields(node, path) {
			fields[entry.Name] = f.any(entry.Value, Join(path, entry.Name), depth+1)
		}
		return structpb.NewStructValue(&structpb.Struct{Fields: fields})
	case yaml.SequenceNode:
		list := &structpb.ListValue{}
		for i, item := range node.Content {
			list.Values = append(list.Values, f.any(item, Index(path, i), depth+1))
		}
		return structpb.NewListValue(list)
	default:
		return f.anyScalar(node, path)
	}
}

func (f *File) anyScalar(node *Node, path string) *structpb.Value {
	switch node.ShortTag() {
	case "!!str", "!!timestamp", "!!merge":
		return structpb.NewStringValue(node.Value)
	case "!!bool":
		value, _ := f.Bool(node, path)
		return structpb.NewBoolValue(value)
	case "!!int", "!!float":
		return f.anyNumber(node, path)
	case "!!null":
	default:
		f.badTag(node, path)
	}
	return structpb.NewNullValue()
}

// anyNumber reads a number, which JSON rounds to 53 bits. A whole number that is rounded is likely to be an identifier, and then wrong.
func (f *File) anyNumber(node *Node, path string) *structpb.Value {
	value, ok := f.float64(node, path)
	if ok && node.ShortTag() == "!!int" && math.Abs(value) > 1<<53 {
		f.Report(node, path, "is %s, which JSON would round to %.0f; put it in quotes: %q", cut(node.Value), value, cut(node.Value))
	}
	return structpb.NewNumberValue(value)
}
