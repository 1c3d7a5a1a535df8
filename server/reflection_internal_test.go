package server

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// The embedded descriptors are those of the generated code, comments apart: who changes the contract must make them anew.
func TestEmbeddedDescriptorsAreThoseOfTheCode(t *testing.T) {
	files := must(parseDescriptors(descriptorSet))
	checked := 0
	files.RangeFilesByPackage("taskvisor.v1", func(file protoreflect.FileDescriptor) bool {
		checked++
		embedded := protodesc.ToFileDescriptorProto(file)
		embedded.SourceCodeInfo = nil
		generated := protodesc.ToFileDescriptorProto(must(protoregistry.GlobalFiles.FindFileByPath(file.Path())))
		if !proto.Equal(embedded, generated) {
			t.Errorf("%s differs: run make generate", file.Path())
		}
		return true
	})
	if generated := protoregistry.GlobalFiles.NumFilesByPackage("taskvisor.v1"); checked != generated {
		t.Errorf("%d files are embedded, %d generated", checked, generated)
	}
}

func TestDamagedDescriptors(t *testing.T) {
	if _, err := parseDescriptors(descriptorSet[:100]); err == nil {
		t.Error("half a descriptor set is taken")
	}
}
