package server

import (
	"context"
	"fmt"
	"slices"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
)

// maxPageBytes is how many bytes of tasks a page has at most, if it has more than one: many clients take no message above 4 MiB.
const maxPageBytes = 1 << 20

// ListTasks implements taskvisor.v1.SupervisorService.
func (s *Server) ListTasks(ctx context.Context, req *pb.ListTasksRequest) (*pb.ListTasksResponse, error) {
	l, err := s.checkList(req)
	if err != nil {
		return nil, s.refuse(ctx, err)
	}
	return l.page(s.sup), nil
}

// listing is a valid request for a page of tasks.
type listing struct {
	filter   taskFilter
	finished bool
	size     int
	from     pageToken // position of the first page, or after the page before
}

func (s *Server) checkList(req *pb.ListTasksRequest) (*listing, error) {
	var v violations
	l := &listing{
		filter:   newTaskFilter("filter", req.GetFilter(), &v),
		finished: req.GetIncludeFinished(),
		size:     v.pageSize(req.GetPageSize()),
	}
	finished := slices.Index(req.GetFilter().GetStates(), pb.TaskState_TASK_STATE_FINISHED)
	v.check(finished < 0 || l.finished, fmt.Sprintf("filter.states[%d]", finished),
		"TASK_STATE_FINISHED selects nothing without include_finished; set that, or leave the state out")
	cursor := s.sup.Cursor() // before any task is read
	l.from = v.pageToken(req, cursor)
	return l, v.err()
}

// page returns the page. It has fewer tasks than it may if they are large.
func (l *listing) page(sup *supervisor.Supervisor) *pb.ListTasksResponse {
	snaps := sup.List(supervisor.ListOptions{
		AfterName: l.from.Name,
		AfterUID:  l.from.UID,
		Limit:     l.size + 1, // one more tells whether there is another page
		Finished:  l.finished,
		UIDs:      l.filter.uids.values(),
		Names:     l.filter.names.list(),
		Match:     l.filter.match,
	})
	resp := &pb.ListTasksResponse{Cursor: cursorToWire(l.from.Cursor)}
	room := newRoom(maxPageBytes)
	for i := range snaps {
		task := taskToWire(&snaps[i])
		if i == l.size || !room.take(task) {
			last := &snaps[i-1]
			resp.NextPageToken = l.from.after(last.Spec.Name, last.UID).String()
			break
		}
		resp.Tasks = append(resp.Tasks, task)
	}
	return resp
}
