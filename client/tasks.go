package client

import (
	"context"
	"iter"

	"google.golang.org/protobuf/proto"

	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// Add asks for a task to be supervised and returns it as registered, without waiting for its attempts.
func (c *Client) Add(ctx context.Context, req *taskvisorv1.AddTaskRequest) (*taskvisorv1.Task, error) {
	resp, err := c.supervisor.AddTask(ctx, req)
	return resp.GetTask(), err
}

// Remove cancels a task and returns its final state once its body has returned. The task is nil when there was none and the request
// allows that.
func (c *Client) Remove(ctx context.Context, req *taskvisorv1.RemoveTaskRequest) (*taskvisorv1.Task, error) {
	resp, err := c.supervisor.RemoveTask(ctx, req)
	return resp.GetTask(), err
}

// List returns the tasks that the request selects, in the order of their names, and fetches page after page as the loop goes on. A nil
// request selects all live tasks.
func (c *Client) List(ctx context.Context, req *taskvisorv1.ListTasksRequest) iter.Seq2[*taskvisorv1.Task, error] {
	return pages(req.GetPageToken(), func(token string) ([]*taskvisorv1.Task, string, error) {
		page := &taskvisorv1.ListTasksRequest{}
		proto.Merge(page, req)
		page.PageToken = token
		resp, err := c.supervisor.ListTasks(ctx, page)
		return resp.GetTasks(), resp.GetNextPageToken(), err
	})
}
