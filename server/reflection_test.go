package server_test

import (
	"slices"
	"strings"
	"testing"

	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionv1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"google.golang.org/grpc/codes"
)

// reflected is the part that both versions of reflection have in common.
type reflected struct {
	services []string
	files    [][]byte
	err      codes.Code
}

func askV1(t *testing.T, stream reflectionv1.ServerReflection_ServerReflectionInfoClient, req *reflectionv1.ServerReflectionRequest) (r reflected) {
	t.Helper()
	if err := stream.Send(req); err != nil {
		t.Fatal(err)
	}
	resp, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	for _, service := range resp.GetListServicesResponse().GetService() {
		r.services = append(r.services, service.GetName())
	}
	r.files, r.err = resp.GetFileDescriptorResponse().GetFileDescriptorProto(), codes.Code(resp.GetErrorResponse().GetErrorCode())
	return r
}

// An operator with grpcurl has no proto files at hand: reflection has all services, and the contract with its comments.
func TestReflection(t *testing.T) {
	h := newHarness(t)
	stream, err := reflectionv1.NewServerReflectionClient(h.Conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := askV1(t, stream, &reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}})
	want := []string{
		"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
		"taskvisor.v1.PluginService", "taskvisor.v1.SupervisorService",
	}
	if slices.Sort(got.services); !slices.Equal(got.services, want) {
		t.Errorf("services %q, want %q", got.services, want)
	}
	symbol := func(name string) reflected {
		return askV1(t, stream, &reflectionv1.ServerReflectionRequest{
			MessageRequest: &reflectionv1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: name},
		})
	}
	for _, name := range []string{
		"taskvisor.v1.SupervisorService", "taskvisor.v1.SupervisorService.AddTask", "taskvisor.v1.PluginService", "taskvisor.v1.Task",
		"taskvisor.v1.TaskSpec.restart", "taskvisor.v1.EVENT_KIND_TASK_ADDED",
	} {
		if !hasComments(t, symbol(name)) {
			t.Errorf("%s has no comments", name)
		}
	}
	if got := symbol("grpc.health.v1.Health"); len(got.files) == 0 {
		t.Errorf("health: %v", got.err)
	}
	if got := symbol("taskvisor.v1.Nothing"); got.err != codes.NotFound {
		t.Errorf("an unknown symbol: %v", got.err)
	}
	for name, commented := range map[string]bool{"taskvisor/v1/task.proto": true, "grpc/health/v1/health.proto": false} {
		got := askV1(t, stream, &reflectionv1.ServerReflectionRequest{
			MessageRequest: &reflectionv1.ServerReflectionRequest_FileByFilename{FileByFilename: name},
		})
		if len(got.files) == 0 || hasComments(t, got) != commented {
			t.Errorf("%s: %v, %d files", name, got.err, len(got.files))
		}
	}
}

// The many tools that know nothing newer get the same.
func TestReflectionV1Alpha(t *testing.T) {
	h := newHarness(t)
	stream, err := reflectionv1alpha.NewServerReflectionClient(h.Conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&reflectionv1alpha.ServerReflectionRequest{ //nolint:staticcheck // deprecated, and still asked for
		MessageRequest: &reflectionv1alpha.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: "taskvisor.v1.WatchEventsRequest"}, //nolint:staticcheck // as above
	}); err != nil {
		t.Fatal(err)
	}
	resp, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if !hasComments(t, reflected{files: resp.GetFileDescriptorResponse().GetFileDescriptorProto()}) { //nolint:staticcheck // as above
		t.Error("no comments")
	}
}

func hasComments(t *testing.T, r reflected) bool {
	t.Helper()
	for _, encoded := range r.files {
		var file descriptorpb.FileDescriptorProto
		if err := proto.Unmarshal(encoded, &file); err != nil {
			t.Fatal(err)
		}
		for _, location := range file.GetSourceCodeInfo().GetLocation() {
			if strings.TrimSpace(location.GetLeadingComments()) != "" {
				return true
			}
		}
	}
	return false
}
