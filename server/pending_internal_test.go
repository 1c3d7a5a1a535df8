package server

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// Each row names a field that there is, and advice.
func TestPendingFieldsExist(t *testing.T) {
	for _, f := range pending {
		message := must(protoregistry.GlobalTypes.FindMessageByName(f.request)).Descriptor()
		var fd protoreflect.FieldDescriptor
		for name := range strings.SplitSeq(f.path, ".") {
			if message == nil {
				t.Fatalf("%s: nothing is below %v", f.path, fd)
			}
			if fd = message.Fields().ByName(protoreflect.Name(name)); fd == nil {
				t.Fatalf("%s has no field %s", f.request, f.path)
			}
			message = fd.Message()
		}
		if f.advice == "" || (f.landed != nil) != (fd.Enum() != nil) {
			t.Errorf("%s: advice %q, values that work %v", f.path, f.advice, f.landed)
		}
	}
}

// A number that no enum has is not "not supported yet": it is wrong.
func TestPendingLeavesUnknownEnumsToValidation(t *testing.T) {
	for _, value := range []pb.IfExists{0, pb.IfExists_IF_EXISTS_FAIL, 99} {
		if err := checkPending(&pb.AddTaskRequest{IfExists: value}); err != nil {
			t.Errorf("%v: %v", value, err)
		}
	}
	var requests = []proto.Message{&pb.RemoveTaskRequest{Name: "x"}, &pb.ListPluginsRequest{PageSize: 1}}
	for _, req := range requests {
		if err := checkPending(req); err != nil {
			t.Error(err)
		}
	}
}
