package server

import (
	"context"
	"errors"
	"fmt"
	"strings"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
)

// admit adds the task, which was checked. A live task of the same name is dealt with as the request says. A body that the engine does not take is
// closed.
func (s *Server) admit(ctx context.Context, req *pb.AddTaskRequest, spec supervisor.Spec) (*pb.Task, error) {
	switch req.GetIfExists() {
	case pb.IfExists_IF_EXISTS_KEEP:
		return s.keep(ctx, spec)
	case pb.IfExists_IF_EXISTS_REPLACE:
		return s.replace(ctx, spec)
	case pb.IfExists_IF_EXISTS_UNSPECIFIED, pb.IfExists_IF_EXISTS_FAIL:
	}
	snap, err := s.sup.Add(ctx, spec)
	for req.GetTask().GetName() == "" && errors.Is(err, supervisor.ErrTaskExists) {
		spec = renamed(spec, newName(req.GetTask().GetPlugin()))
		snap, err = s.sup.Add(ctx, spec)
	}
	return added(&spec, &snap, err)
}

// added answers with what the engine made of a spec.
func added(spec *supervisor.Spec, snap *supervisor.Snapshot, err error) (*pb.Task, error) {
	if err != nil {
		supervisor.Discard(spec.Task)
		return nil, err
	}
	return taskToWire(snap), nil
}

// keep adds the task unless one with the same spec is live.
func (s *Server) keep(ctx context.Context, spec supervisor.Spec) (*pb.Task, error) {
	for {
		snap, err := s.sup.Add(ctx, spec)
		if !errors.Is(err, supervisor.ErrTaskExists) {
			return added(&spec, &snap, err)
		}
		if task, err := s.kept(&spec, err); task != nil || err != nil {
			supervisor.Discard(spec.Task)
			return task, err
		}
	}
}

// kept returns the live task that was in the way of a spec, as exists says, or why it cannot stand for what is asked for. It returns neither
// when that task has ended since.
func (s *Server) kept(spec *supervisor.Spec, exists error) (*pb.Task, error) {
	holder, err := s.sup.Get(supervisor.ByUID(taskOf(exists).UID))
	if err != nil || holder.State == supervisor.StateFinished {
		return nil, nil //nolint:nilnil,nilerr // as the comment says; the only error is that it is not there any more
	}
	if holder.Canceled {
		return nil, &keepError{exists: exists}
	}
	live, _ := specOf(&holder)
	if fields := specDifferences(live, spec.Task.(*body).spec); len(fields) > 0 {
		return nil, &keepError{exists: exists, differ: fields}
	}
	return taskToWire(&holder), nil
}

// replace puts the task in the place of the live one.
func (s *Server) replace(ctx context.Context, spec supervisor.Spec) (*pb.Task, error) {
	snap, err := s.sup.Replace(ctx, spec)
	if err != nil && errors.Is(err, ctx.Err()) {
		return nil, err // the engine has the body
	}
	if errors.Is(err, supervisor.ErrTaskStuck) {
		err = fmt.Errorf("the new task was not started: %w", err)
	}
	return added(&spec, &snap, err)
}

// foresee says in which state the task would be added now, or which live task would be the answer.
func (s *Server) foresee(req *pb.AddTaskRequest, spec *supervisor.Spec) (state supervisor.State, live *pb.Task, err error) {
	if req.GetIfExists() == pb.IfExists_IF_EXISTS_REPLACE {
		state, err = s.sup.RehearseReplace(*spec)
		return state, nil, err
	}
	for {
		state, err = s.sup.Rehearse(*spec)
		if req.GetIfExists() != pb.IfExists_IF_EXISTS_KEEP || !errors.Is(err, supervisor.ErrTaskExists) {
			return state, nil, err
		}
		if live, err = s.kept(spec, err); live != nil || err != nil {
			return 0, live, err
		}
	}
}

// keepError says why a live task is not the one that IF_EXISTS_KEEP asks for.
type keepError struct {
	exists error    // matches supervisor.ErrTaskExists
	differ []string // fields of the request in which the specs differ; empty: the task is about to end
}

func (e *keepError) Error() string {
	if len(e.differ) == 0 {
		return e.exists.Error() + ", but it was told to stop"
	}
	return e.exists.Error() + ", but its spec differs in " + strings.Join(e.differ, ", ")
}

func (e *keepError) Unwrap() error { return e.exists }

// existsSentence says how to get along with the task that has the name.
func existsSentence(err error) string {
	switch e, ok := errors.AsType[*keepError](err); {
	case !ok:
		return err.Error() + "; choose another name, remove that task first, or set if_exists to keep or to replace it"
	case len(e.differ) == 0:
		return err.Error() + "; try again when it is gone, or replace it with IF_EXISTS_REPLACE"
	default:
		return err.Error() + "; give the same spec, or replace the task with IF_EXISTS_REPLACE"
	}
}

func existsMetadata(err error) map[string]string {
	metadata := taskMetadata(err)
	if e, ok := errors.AsType[*keepError](err); ok && len(e.differ) > 0 {
		metadata["differing_fields"] = strings.Join(e.differ, ",")
	}
	return metadata
}
