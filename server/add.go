package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// AddTask implements taskvisor.v1.SupervisorService. The request, which becomes part of the task, must not be changed afterwards.
func (s *Server) AddTask(ctx context.Context, req *pb.AddTaskRequest) (*pb.AddTaskResponse, error) {
	task, err := s.addTask(ctx, req)
	if err != nil {
		return nil, s.refuse(ctx, err)
	}
	return &pb.AddTaskResponse{Task: task}, nil
}

func (s *Server) addTask(ctx context.Context, req *pb.AddTaskRequest) (*pb.Task, error) {
	spec, err := s.checkAdd(req)
	if err != nil {
		return nil, err
	}
	if req.GetValidateOnly() {
		defer supervisor.Discard(spec.Task)
		return s.rehearse(req, &spec)
	}
	if req.GetRequestId() == "" {
		return s.admit(ctx, req, spec)
	}
	return s.addOnce(ctx, req, spec)
}

// checkAdd checks all of a request, and returns what it asks for, body included. It changes nothing.
func (s *Server) checkAdd(req *pb.AddTaskRequest) (supervisor.Spec, error) {
	var v violations
	v.requestID("request_id", req.GetRequestId())
	v.enum("if_exists", req.GetIfExists(), true)
	wire := req.GetTask()
	v.check(wire == nil || wire.GetName() != "" || req.GetIfExists() <= pb.IfExists_IF_EXISTS_FAIL, "if_exists",
		"%s has no effect on a task without a name, which gets one that nobody has; give task.name, or leave if_exists out", req.GetIfExists())
	if wire == nil {
		v.add("task", "no task is given; give one with a name and a plugin at least")
		return supervisor.Spec{}, v.err()
	}
	spec := specToEngine(wire, &s.zones, &v)
	v.labels("task.labels", wire.GetLabels())
	run, cause := s.build(wire, &v)
	if isA[*pluginFault](cause) {
		return supervisor.Spec{}, cause
	}
	spec.Task = &body{Task: run, spec: wire, version: s.catalog.versions[wire.GetPlugin()]}
	if spec.Name == "" {
		spec = renamed(spec, newName(wire.GetPlugin()))
	}
	if e, ok := errors.AsType[*supervisor.SpecError](spec.Validate()); ok {
		v.merge(specViolations(e))
	}
	if cause != nil || v != nil {
		supervisor.Discard(run)
		return supervisor.Spec{}, &invalidError{v, cause}
	}
	return spec, nil
}

// build makes the body. What is wrong with the config it adds to v; cause is what is more than a violation.
func (s *Server) build(wire *pb.TaskSpec, v *violations) (run supervisor.Task, cause error) {
	config, ok := configObject(wire.GetConfig(), v)
	if wire.GetPlugin() == "" {
		v.add("task.plugin", "no plugin is given; give one of %s", strings.Join(s.catalog.names, ", "))
		return nil, nil
	}
	if !ok {
		return nil, nil
	}
	run, err := s.plugins.Build(wire.GetPlugin(), config)
	switch {
	case err == nil:
		return run, nil
	case isA[*plugin.ConfigError](err):
		v.merge(violationsOf(err))
		return nil, nil
	case isA[*plugin.UnknownPluginError](err):
		v.add("task.plugin", "%v", err)
		return nil, err
	case isA[*plugin.DisabledError](err):
		return nil, err
	default:
		return nil, &pluginFault{err}
	}
}

// rehearse answers as if the task was added.
func (s *Server) rehearse(req *pb.AddTaskRequest, spec *supervisor.Spec) (*pb.Task, error) {
	state, live, err := s.foresee(req, spec)
	if live != nil || err != nil {
		return live, err
	}
	snap := supervisor.Snapshot{Spec: *spec, State: state, CreateTime: time.Now(), Slot: cmp.Or(spec.Admission.Slot, spec.Name), Generation: 1}
	if state == supervisor.StateBackoff {
		snap.NextAttempt = spec.Restart.Schedule.Next(snap.CreateTime)
	}
	if old, err := s.sup.Get(supervisor.ByName(spec.Name)); err == nil {
		snap.Generation = old.Generation + 1
	}
	return taskToWire(&snap), nil
}

// renamed returns the spec, made by checkAdd, with another name.
func renamed(spec supervisor.Spec, name string) supervisor.Spec {
	b := *spec.Task.(*body)
	b.spec = proto.CloneOf(b.spec)
	b.spec.Name = name
	spec.Name, spec.Task = name, &b
	return spec
}

// newName makes a name for a task of the plugin: "sleep-k3v9x2qa". It is most likely unique, and Add makes sure.
func newName(pluginName string) string {
	if !plugin.ValidName(pluginName) {
		pluginName = "task" // the plugin will be refused, the name should not be as well
	}
	const length = 8 // 40 bits
	return pluginName + "-" + strings.ToLower(rand.Text()[:length])
}
