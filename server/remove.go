package server

import (
	"context"
	"errors"
	"time"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
)

const maxGracePeriod = time.Hour

// RemoveTask implements taskvisor.v1.SupervisorService.
func (s *Server) RemoveTask(ctx context.Context, req *pb.RemoveTaskRequest) (*pb.RemoveTaskResponse, error) {
	ref, grace, err := checkRemove(req)
	if err != nil {
		return nil, s.refuse(ctx, err)
	}
	snap, err := s.sup.Remove(ctx, ref, grace)
	switch {
	case err == nil:
		return &pb.RemoveTaskResponse{Task: taskToWire(&snap)}, nil
	case errors.Is(err, supervisor.ErrTaskNotFound) && req.GetAllowMissing():
		return &pb.RemoveTaskResponse{}, nil
	default:
		return nil, s.refuse(ctx, err)
	}
}

// checkRemove returns which task is to be removed. A grace of 0 stands for that of the server.
func checkRemove(req *pb.RemoveTaskRequest) (ref supervisor.Ref, grace time.Duration, err error) {
	var v violations
	name, uid := req.GetName(), req.GetUid()
	switch {
	case name == "" && uid == "":
		v.add("name", "neither a name nor a uid is given; give one of them")
	case name != "" && uid != "":
		v.add("uid", "%s is given beside the name %s; give one of them", quote(uid), quote(name))
	case name != "":
		v.taskName("name", name)
		ref = supervisor.ByName(name)
	default:
		ref = supervisor.ByUID(v.uid("uid", uid))
	}
	grace = v.duration("grace_period", req.GetGracePeriod())
	v.check(!isZero(req.GetGracePeriod()), "grace_period", "0s is no time to stop in; give more, or leave it out for the default")
	v.check(grace <= maxGracePeriod, "grace_period", "%s is too long; give at most %s", grace, "1h")
	return ref, grace, v.err()
}
