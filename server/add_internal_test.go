package server

import (
	"context"
	"log/slog"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
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

// FuzzAddTask: whatever the bytes, a request is refused with a status that can be sent, or it is one that the engine takes, and what is
// stored is what was given.
func FuzzAddTask(f *testing.F) {
	seed := func(text string) {
		var req pb.AddTaskRequest
		if err := protojson.Unmarshal([]byte(text), &req); err != nil {
			f.Fatal(err)
		}
		f.Add(must(proto.Marshal(&req)))
	}
	seed(`{}`)
	seed(`{"task":{"name":"a","plugin":"any"}}`)
	seed(`{"task":{"plugin":"any","config":{"words":["x"]},"labels":{"a":"b"}},"validateOnly":true}`)
	seed(`{"task":{"name":"a","plugin":"any","restart":{"mode":"RESTART_MODE_ALWAYS","interval":"1s","maxRetries":3,"limit":{"count":1,"window":"1s"}}}}`)
	seed(`{"task":{"name":"a","plugin":"any","backoff":{"first":"0s","max":"1s","factor":2,"jitter":"JITTER_FULL","resetAfter":"0s"},"timeout":"0s"}}`)
	seed(`{"task":{"name":"?","plugin":"nope","timeout":"-1s","admission":{"slot":"x"}},"ifExists":"IF_EXISTS_KEEP","requestId":"1"}`)
	s := newTestServer(f, supervisor.Config{})
	f.Fuzz(func(t *testing.T, data []byte) {
		var req pb.AddTaskRequest
		if proto.Unmarshal(data, &req) != nil {
			return
		}
		err := checkPending(&req)
		var spec supervisor.Spec
		if err == nil {
			spec, err = s.checkAdd(&req)
		}
		if err != nil {
			status := statusOf(err)
			if size := proto.Size(status.Proto()); status.Message() == "" || len(status.Details()) == 0 || size > maxStatusBytes {
				t.Errorf("%v gives %v, %d bytes", err, status, size)
			}
			return
		}
		if err := spec.Validate(); err != nil {
			t.Errorf("%v passes, and the engine says %v", &req, err)
		}
		stored, _ := specOf(&supervisor.Snapshot{Spec: spec})
		want := proto.CloneOf(req.GetTask())
		want.Name = spec.Name
		if req.GetTask().GetName() != "" && req.GetTask().GetName() != spec.Name || !proto.Equal(stored, want) {
			t.Errorf("%v is stored as %v", want, stored)
		}
	})
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
