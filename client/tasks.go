package client

import (
	"context"
	"iter"
	"strings"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// Add asks for a task to be supervised and returns it as registered, without waiting for its attempts. A request without an id gets one, so that it
// can be sent again when the answer is lost: the task is added once.
func (c *Client) Add(ctx context.Context, req *pb.AddTaskRequest) (*pb.Task, error) {
	if req.GetRequestId() == "" && !req.GetValidateOnly() {
		req = clone(req)
		req.RequestId = uuid.NewString()
	}
	resp, err := call(ctx, c, func(ctx context.Context) (*pb.AddTaskResponse, error) { return c.supervisor.AddTask(ctx, req) })
	return resp.GetTask(), err
}

// Remove cancels a task and returns its final state once its body has returned. The task is nil when there was none and the request
// allows that. With a uid it is sent again when the answer is lost; with a name it is not, for the name may be that of another task by then.
func (c *Client) Remove(ctx context.Context, req *pb.RemoveTaskRequest) (*pb.Task, error) {
	remove := func(ctx context.Context) (*pb.RemoveTaskResponse, error) { return c.supervisor.RemoveTask(ctx, req) }
	if req.GetUid() == "" {
		resp, err := remove(ctx)
		return resp.GetTask(), err
	}
	resp, err := call(ctx, c, remove)
	return resp.GetTask(), err
}

// List returns the tasks that the request selects, in the order of their names, and fetches page after page as the loop goes on. A nil
// request selects all live tasks.
func (c *Client) List(ctx context.Context, req *pb.ListTasksRequest) iter.Seq2[*pb.Task, error] {
	return pages(req.GetPageToken(), func(token string) ([]*pb.Task, string, error) {
		page := clone(req)
		page.PageToken = token
		resp, err := c.list(ctx, page)
		return resp.GetTasks(), resp.GetNextPageToken(), err
	})
}

func (c *Client) list(ctx context.Context, req *pb.ListTasksRequest) (*pb.ListTasksResponse, error) {
	return call(ctx, c, func(ctx context.Context) (*pb.ListTasksResponse, error) { return c.supervisor.ListTasks(ctx, req) })
}

// Cursor returns the present end of the event log. A Watch that resumes from it has every event that comes after, however much later the
// stream is opened, as long as the server still keeps them.
func (c *Client) Cursor(ctx context.Context) (*pb.Cursor, error) {
	// Any list has the cursor; this one is the cheapest.
	resp, err := c.list(ctx, &pb.ListTasksRequest{PageSize: 1})
	return resp.GetCursor(), err
}

// versionHeader is what servers send with each answer.
const versionHeader = "taskvisor-version"

// ServerVersion asks the server for its version, as in "v1.4.0". It is empty when the server does not say.
func (c *Client) ServerVersion(ctx context.Context) (string, error) {
	var header metadata.MD
	_, err := call(ctx, c, func(ctx context.Context) (*pb.ListTasksResponse, error) {
		return c.supervisor.ListTasks(ctx, &pb.ListTasksRequest{PageSize: 1}, grpc.Header(&header))
	})
	if err != nil {
		return "", err
	}
	return strings.Join(header.Get(versionHeader), ","), nil
}

// clone returns a copy of a request, an empty one of nil: requests of callers are not changed.
func clone[M any, P interface {
	*M
	proto.Message
}](m P) P {
	if m == nil {
		return new(M)
	}
	return proto.CloneOf(m)
}
