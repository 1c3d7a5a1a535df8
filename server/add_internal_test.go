package server

import (
	"context"
	"log/slog"
	"testing"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

type anyConfig struct {
	Words []string `json:"words,omitempty"`
}

func newTestServer(t testing.TB, config supervisor.Config) *Server {
	t.Helper()
	registry := must(plugin.NewRegistry(plugin.Definition[anyConfig]{
		Name: "any", Description: "Ends when it is canceled.",
		Build: func(anyConfig) (supervisor.Task, error) {
			return supervisor.TaskFunc(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }), nil
		},
	}))
	return New(must(supervisor.New(config)), registry, Config{Logger: slog.New(slog.DiscardHandler)})
}

// A name that the server made and somebody else has is not the end: another one is made.
func TestGeneratedNamesAvoidTakenOnes(t *testing.T) {
	wire := &pb.TaskSpec{Plugin: "any", Config: &structpb.Struct{}, Timeout: durationpb.New(1)}
	spec := supervisor.Spec{Name: "", Task: &body{spec: wire, version: "v1"}}
	one := renamed(spec, newName("any"))
	other := renamed(one, newName("any"))
	b := other.Task.(*body)
	if one.Name == other.Name || wire.GetName() != "" || b.spec.GetName() != other.Name || one.Task.(*body).spec.GetName() != one.Name ||
		b.version != "v1" || b.spec.GetTimeout().AsDuration() != 1 {
		t.Errorf("%q, then %q", one.Name, other.Name)
	}
	if name := newName("No Plugin"); !supervisor.ValidName(name) {
		t.Errorf("name %q", name)
	}
}
