package client

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// Ref names a task: by its name, or one life of it by its uid.
type Ref struct{ name, uid string }

// ByName refers to the live task of that name; where there is none, to the one that lived last, if the server still keeps it.
func ByName(name string) Ref { return Ref{name: name} }

// ByUID refers to one life, live or finished.
func ByUID(uid string) Ref { return Ref{uid: uid} }

// String returns what the ref was made of, quoted.
func (r Ref) String() string {
	if r.uid != "" {
		return fmt.Sprintf("task with uid %q", r.uid)
	}
	return fmt.Sprintf("task %q", r.name)
}

// Get returns the task that ref refers to, as it is now. The error IsNotFound when the server has none, or none any more.
func (c *Client) Get(ctx context.Context, ref Ref) (*pb.Task, error) {
	task, _, err := c.find(ctx, ref)
	return task, err
}

// find returns the task, and the cursor after which a watch has all that happens to it.
func (c *Client) find(ctx context.Context, ref Ref) (found *pb.Task, cursor *pb.Cursor, err error) {
	req := &pb.ListTasksRequest{IncludeFinished: true, PageSize: 1000, Filter: &pb.TaskFilter{Uids: []string{ref.uid}}}
	if ref.uid == "" {
		if ref.name == "" || strings.ContainsAny(ref.name, `*?[\`) { // the server would take it for a pattern; no task is named so
			return nil, nil, ref.notFound()
		}
		req.Filter = &pb.TaskFilter{Names: []string{ref.name}}
	}
	for {
		resp, err := c.list(ctx, req)
		if err != nil {
			return nil, nil, err
		}
		for _, t := range resp.GetTasks() {
			if found = t; t.GetState() != pb.TaskState_TASK_STATE_FINISHED {
				return found, resp.GetCursor(), nil
			}
		}
		cursor, req.PageToken = resp.GetCursor(), resp.GetNextPageToken()
		if req.PageToken == "" && found == nil {
			return nil, nil, ref.notFound()
		}
		if req.PageToken == "" {
			return found, cursor, nil
		}
	}
}

func (r Ref) notFound() error {
	metadata := map[string]string{"name": r.name}
	if r.uid != "" {
		metadata = map[string]string{"uid": r.uid}
	}
	return refusal(codes.NotFound, pb.ErrorReason_ERROR_REASON_TASK_NOT_FOUND, metadata,
		fmt.Sprintf("no %s is live, and none that ended is kept; list the tasks to see which there are", r))
}
