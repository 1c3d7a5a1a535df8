package server

import (
	_ "embed" // for the descriptor set
	"fmt"
	"sync"

	"google.golang.org/grpc/reflection"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionv1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// descriptorSet is the contract with its comments, which the descriptors in generated Go code do not have: with these, `grpcurl describe`
// is the manual.
//
//go:embed descriptor.binpb
var descriptorSet []byte

// registerReflection adds reflection v1, and v1alpha for the many tools that know nothing newer.
func registerReflection(g reflection.GRPCServer) {
	options := reflection.ServerOptions{
		Services:           g,
		DescriptorResolver: &commented{files: sync.OnceValue(mustParseDescriptors)},
	}
	reflectionv1.RegisterServerReflectionServer(g, reflection.NewServerV1(options))
	reflectionv1alpha.RegisterServerReflectionServer(g, reflection.NewServer(options))
}

// commented resolves descriptors: those of the contract with comments, and those of the other services, such as health, without.
type commented struct {
	files func() *protoregistry.Files // parsed when first asked for: most servers never are
}

// FindFileByPath implements protodesc.Resolver.
func (c *commented) FindFileByPath(path string) (protoreflect.FileDescriptor, error) {
	if file, err := c.files().FindFileByPath(path); err == nil {
		return file, nil
	}
	return protoregistry.GlobalFiles.FindFileByPath(path)
}

// FindDescriptorByName implements protodesc.Resolver.
func (c *commented) FindDescriptorByName(name protoreflect.FullName) (protoreflect.Descriptor, error) {
	if descriptor, err := c.files().FindDescriptorByName(name); err == nil {
		return descriptor, nil
	}
	return protoregistry.GlobalFiles.FindDescriptorByName(name)
}

// mustParseDescriptors panics only if the embedded bytes are damaged, which the build of a tested program rules out.
func mustParseDescriptors() *protoregistry.Files {
	files, err := parseDescriptors(descriptorSet)
	if err != nil {
		panic(err)
	}
	return files
}

func parseDescriptors(set []byte) (*protoregistry.Files, error) {
	var message descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(set, &message); err != nil {
		return nil, fmt.Errorf("server: parse the embedded descriptor set: %w", err)
	}
	return protodesc.NewFiles(&message)
}
