package server

import (
	"bytes"
	"maps"
	"math"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// Two specs are the same if they say the same: each field is set in both, to the same value, or in neither. A field that is left open and one
// that spells the default out differ, for a default can be another one tomorrow. But a policy with nothing in it says as much as none, and so
// does an empty config. Of fields that this version of the server does not know, nothing can be said.

// normalSpec returns the spec in the form that all specs which are the same have. The name is part of it.
func normalSpec(spec *pb.TaskSpec) *pb.TaskSpec {
	normal := &pb.TaskSpec{}
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(deterministic(spec), normal); err != nil {
		panic(err) // it was encoded a moment ago
	}
	dropEmpty(normal.ProtoReflect())
	return normal
}

// dropEmpty clears the policies that say nothing. A duration of nothing does say something.
func dropEmpty(m protoreflect.Message) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if !isGroup(fd) {
			return true
		}
		if !isObject(fd) {
			dropEmpty(v.Message())
		}
		if proto.Size(v.Message().Interface()) == 0 {
			m.Clear(fd)
		}
		return true
	})
}

// isGroup reports whether a field of a spec is a message that groups fields: a policy or a config.
func isGroup(fd protoreflect.FieldDescriptor) bool {
	return fd.Kind() == protoreflect.MessageKind && !fd.IsMap() && fd.Message().FullName() != "google.protobuf.Duration"
}

func isObject(fd protoreflect.FieldDescriptor) bool {
	return fd.Kind() == protoreflect.MessageKind && fd.Message().FullName() == "google.protobuf.Struct"
}

// specDifferences returns the fields in which two specs differ, as paths from the request on; none if they are the same.
func specDifferences(a, b *pb.TaskSpec) []string {
	return differences("task", normalSpec(a).ProtoReflect(), normalSpec(b).ProtoReflect())
}

func differences(path string, a, b protoreflect.Message) (fields []string) {
	all := a.Descriptor().Fields()
	for i := range all.Len() {
		fd := all.Get(i)
		field, va, vb := path+"."+string(fd.Name()), a.Get(fd), b.Get(fd)
		switch {
		case fd.IsMap():
			fields = append(fields, mapDifferences(field, fd, va.Map(), vb.Map())...)
		case isObject(fd):
			content := fd.Message().Fields().ByName("fields")
			fields = append(fields, mapDifferences(field, content, va.Message().Get(content).Map(), vb.Message().Get(content).Map())...)
		case isGroup(fd):
			fields = append(fields, differences(field, va.Message(), vb.Message())...)
		case a.Has(fd) != b.Has(fd) || !sameValue(fd, va, vb):
			fields = append(fields, field)
		}
	}
	return fields
}

// sameValue compares values as their bytes would be compared: 0 and -0 are two numbers.
func sameValue(fd protoreflect.FieldDescriptor, a, b protoreflect.Value) bool {
	switch fd.Kind() { // specs have no other numbers with a fraction
	case protoreflect.MessageKind:
		return bytes.Equal(deterministic(a.Message().Interface()), deterministic(b.Message().Interface()))
	case protoreflect.DoubleKind:
		return math.Float64bits(a.Float()) == math.Float64bits(b.Float())
	default:
		return a.Equal(b)
	}
}

// deterministic encodes a message so that equal ones have equal bytes.
func deterministic(m proto.Message) []byte {
	encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(err) // it is UTF-8, which is all that there is to it
	}
	return encoded
}

// mapDifferences compares maps with keys that are strings.
func mapDifferences(field string, fd protoreflect.FieldDescriptor, a, b protoreflect.Map) (fields []string) {
	differ := map[string]bool{}
	a.Range(func(key protoreflect.MapKey, va protoreflect.Value) bool {
		differ[key.String()] = !b.Has(key) || !sameValue(fd.MapValue(), va, b.Get(key))
		return true
	})
	b.Range(func(key protoreflect.MapKey, _ protoreflect.Value) bool {
		if !a.Has(key) {
			differ[key.String()] = true
		}
		return true
	})
	for _, key := range slices.Sorted(maps.Keys(differ)) {
		if differ[key] {
			fields = append(fields, plugin.Key(field, key))
		}
	}
	return fields
}
