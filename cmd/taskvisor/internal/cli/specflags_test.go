package cli

import (
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// TestEveryFieldOfASpecHasAFlag: a field that is added to the contract fails this until there is a flag for it, and the list of violations names that.
func TestEveryFieldOfASpecHasAFlag(t *testing.T) {
	more := map[string]bool{"task.config": true, "task.labels": true} // whose keys are fields, which messages name
	var walk func(path string, m protoreflect.MessageDescriptor)
	walk = func(path string, m protoreflect.MessageDescriptor) {
		for i := range m.Fields().Len() {
			field := m.Fields().Get(i)
			at := path + "." + string(field.Name())
			inner := field.Message()
			switch {
			case more[at], flagOfField(at) != "":
			case inner != nil && inner.ParentFile().Package() == m.ParentFile().Package():
				walk(at, inner)
			default:
				t.Errorf("no flag for %s", at)
			}
		}
	}
	walk("task", (&pb.TaskSpec{}).ProtoReflect().Descriptor())
	flags := addVerb(newApp(Process{})).Flags()
	for _, name := range []string{"config-json", "set", "label"} {
		if flags.Lookup(name) == nil {
			t.Errorf("no --%s", name)
		}
	}
}
