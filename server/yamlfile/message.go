package yamlfile

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
)

// Message sets the fields of message from the mapping at path, by the rules of protojson: names in snake_case or camelCase, null for a
// field that is not set. Fields that have a problem stay unset.
func (f *File) Message(node *Node, path string, message proto.Message) {
	f.message(node, path, message.ProtoReflect(), 0)
}

func (f *File) message(node *Node, path string, message protoreflect.Message, depth int) {
	if !f.enter(node, path, depth) {
		return
	}
	fields := message.Descriptor().Fields()
	given := map[protoreflect.FullName]bool{}
	for _, entry := range f.Fields(node, path) {
		at := Join(path, entry.Name)
		field := fields.ByName(protoreflect.Name(entry.Name))
		if field == nil {
			field = fields.ByJSONName(entry.Name)
		}
		switch {
		case field == nil:
			f.Unknown(entry, at, fieldNames(fields))
		case given[field.FullName()]:
			f.Report(entry.Key, at, "is given twice, as %s and as %s; remove one", field.Name(), field.JSONName())
		case !IsNull(entry.Value):
			f.field(entry.Value, at, message, field, depth)
		}
		if field != nil {
			given[field.FullName()] = true
		}
	}
}

func fieldNames(fields protoreflect.FieldDescriptors) []string {
	names := make([]string, fields.Len())
	for i := range names {
		names[i] = string(fields.Get(i).Name())
	}
	return names
}

// Unknown reports a key that is none of known.
func (f *File) Unknown(entry Field, path string, known []string) {
	if near := Nearest(entry.Name, known); near != "" {
		f.Report(entry.Key, path, "is no known field; did you mean %s?", near)
		return
	}
	f.Report(entry.Key, path, "is no known field; there are %s", strings.Join(known, ", "))
}

func (f *File) field(node *Node, path string, message protoreflect.Message, field protoreflect.FieldDescriptor, depth int) {
	switch {
	case field.IsMap():
		values := message.Mutable(field).Map()
		for _, entry := range f.Fields(node, path) {
			if value, ok := f.value(entry.Value, Join(path, entry.Name), values.NewValue, field.MapValue(), depth); ok {
				values.Set(protoreflect.ValueOfString(entry.Name).MapKey(), value)
			}
		}
	case field.IsList():
		items := message.Mutable(field).List()
		for i, item := range f.List(node, path) {
			if value, ok := f.value(item, Index(path, i), items.NewElement, field, depth); ok {
				items.Append(value)
			}
		}
	default:
		newValue := func() protoreflect.Value { return message.NewField(field) }
		if value, ok := f.value(node, path, newValue, field, depth); ok {
			message.Set(field, value)
		}
	}
}

// value reads one value of the kind of field. A kind that no message needs so far is a problem too: better than to drop it. A test walks
// the messages that are read.
func (f *File) value(
	node *Node, path string, newValue func() protoreflect.Value, field protoreflect.FieldDescriptor, depth int,
) (protoreflect.Value, bool) {
	switch field.Kind() {
	case protoreflect.StringKind:
		v, ok := f.Text(node, path)
		return protoreflect.ValueOfString(v), ok
	case protoreflect.BoolKind:
		v, ok := f.Bool(node, path)
		return protoreflect.ValueOfBool(v), ok
	case protoreflect.Uint32Kind:
		v, ok := f.uint32(node, path)
		return protoreflect.ValueOfUint32(v), ok
	case protoreflect.DoubleKind:
		v, ok := f.float64(node, path)
		return protoreflect.ValueOfFloat64(v), ok
	case protoreflect.EnumKind:
		v, ok := f.enum(node, path, field.Enum())
		return protoreflect.ValueOfEnum(v), ok
	case protoreflect.MessageKind:
		v := newValue()
		ok := f.nested(node, path, v.Message(), depth+1)
		return v, ok
	default:
		f.Report(node, path, "cannot be given in a file")
		return protoreflect.Value{}, false
	}
}

// nested reads a message inside a message: one of the well-known types that JSON writes in a form of their own, or a mapping.
func (f *File) nested(node *Node, path string, message protoreflect.Message, depth int) bool {
	switch m := message.Interface().(type) {
	case *durationpb.Duration:
		d, ok := f.Duration(node, path)
		proto.Merge(m, durationpb.New(d))
		return ok
	case *structpb.Struct:
		s, ok := f.structure(node, path)
		proto.Merge(m, s)
		return ok
	default:
		f.message(node, path, message, depth)
		return true
	}
}

// enum reads a member by name. protojson takes numbers as well; a person who writes one has more likely made a mistake.
func (f *File) enum(node *Node, path string, enum protoreflect.EnumDescriptor) (protoreflect.EnumNumber, bool) {
	node = resolve(node)
	members := enum.Values()
	if member := members.ByName(protoreflect.Name(node.Value)); member != nil {
		return member.Number(), true
	}
	var names []string
	for i := range members.Len() {
		if member := members.Get(i); member.Number() != 0 { // 0 stands for a field that is not set
			names = append(names, string(member.Name()))
		}
	}
	short := strings.ToUpper(strings.ReplaceAll(node.Value, "-", "_"))
	i := slices.IndexFunc(names, func(name string) bool { return short != "" && strings.HasSuffix(name, "_"+short) })
	what := fmt.Sprintf("one of %s", strings.Join(names, ", "))
	if i >= 0 {
		what = names[i]
	}
	f.wants(node, path, what)
	return 0, false
}
