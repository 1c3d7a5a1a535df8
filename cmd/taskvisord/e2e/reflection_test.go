//go:build e2e

package e2e

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestGrpcurlListsTheServices(t *testing.T) {
	d := startDaemon(t)
	want := []string{
		"grpc.health.v1.Health",
		"grpc.reflection.v1.ServerReflection",
		"grpc.reflection.v1alpha.ServerReflection",
		"taskvisor.v1.PluginService",
		"taskvisor.v1.SupervisorService",
	}
	if got := strings.Fields(d.print(t, d.addr, "list")); !slices.Equal(got, want) {
		t.Errorf("list prints %q, want %q", got, want)
	}
	want = []string{"AddTask", "ListTasks", "RemoveTask", "WatchEvents"}
	for i, method := range strings.Fields(d.print(t, d.addr, "list", "taskvisor.v1.SupervisorService")) {
		if i >= len(want) || method != "taskvisor.v1.SupervisorService."+want[i] {
			t.Errorf("SupervisorService has %s; want %q", method, want)
		}
	}
}

// TestGrpcurlDescribesEachElementWithItsComment compares what an operator without proto files is told with what the proto files say.
func TestGrpcurlDescribesEachElementWithItsComment(t *testing.T) {
	d := startDaemon(t)
	want := contract(t)
	if want["taskvisor.v1.TaskSpec/name"] == "" {
		t.Fatal("the proto files were not understood")
	}
	got := comments{}
	for name := range want {
		if strings.Contains(name, "/") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			maps.Copy(got, readComments(d.print(t, d.addr, "describe", name), "taskvisor.v1"))
		})
	}
	for element, comment := range want {
		switch described, ok := got[element]; {
		case comment == "":
			t.Errorf("%s has no comment in proto/", element)
		case !ok:
			t.Errorf("%s is not described", element)
		case described != comment:
			t.Errorf("%s is described as %q, want %q", element, described, comment)
		}
	}
	for element := range got {
		if _, ok := want[element]; !ok {
			t.Errorf("%s is described, but not in proto/", element)
		}
	}
}
