package server

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// pendingField is a field of the contract whose behaviour has not landed. A request that sets it is refused: to ignore it would be to
// promise something and not do it.
type pendingField struct {
	request protoreflect.FullName
	path    string
	landed  []protoreflect.EnumNumber // values that work, where the field is an enum
	advice  string                    // what to do instead
}

// pending is the one table of such fields. To land a field: delete its row.
var pending = []pendingField{
	{fullName(&pb.ListTasksRequest{}), "filter.label_selector", nil, "leave it out and select by names, or in the client by Task.spec.labels"},
	{fullName(&pb.WatchEventsRequest{}), "filter.label_selector", nil, "leave it out and select by names or uids"},
}

func fullName(m proto.Message) protoreflect.FullName { return m.ProtoReflect().Descriptor().FullName() }

// checkPending returns a *pendingError if the request sets fields that have not landed.
func checkPending(request proto.Message) error {
	var set []pendingField
	for _, f := range pending {
		if f.request == fullName(request) && f.isSetIn(request.ProtoReflect(), f.path) {
			set = append(set, f)
		}
	}
	if set == nil {
		return nil
	}
	return &pendingError{set}
}

// isSetIn reports whether the field at path has a value that has not landed. A number that is no value of an enum is for the validation to
// refuse.
func (f *pendingField) isSetIn(m protoreflect.Message, path string) bool {
	name, rest, deeper := strings.Cut(path, ".")
	fd := m.Descriptor().Fields().ByName(protoreflect.Name(name))
	if !m.Has(fd) {
		return false
	}
	if deeper {
		return f.isSetIn(m.Get(fd).Message(), rest)
	}
	if fd.Enum() == nil {
		return true
	}
	number := m.Get(fd).Enum()
	return !slices.Contains(f.landed, number) && fd.Enum().Values().ByNumber(number) != nil
}

// pendingError says that a request sets fields that have not landed. There is at least one.
type pendingError struct{ fields []pendingField }

func (e *pendingError) Error() string { return e.violations().String() }

func (e *pendingError) violations() (v violations) {
	for _, f := range e.fields {
		v.add(f.path, "this version of the server does not support it yet; %s", f.advice)
	}
	return v
}
