package client

import (
	"context"
	"iter"

	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// Watch returns the messages of one stream of events: it is opened when the loop begins and closed when the loop is left. A nil request
// asks for all events from now on.
//
// The stream ends with the error that it ended with, as the last pair: UNAVAILABLE with SERVER_SHUTDOWN after the last event of a server that
// shut down, the error of ctx when that is done, [io.EOF] when something between here and the server ended it in good order. The cursor of
// the last message that has one is where another Watch can resume, without losing or repeating an event.
func (c *Client) Watch(ctx context.Context, req *taskvisorv1.WatchEventsRequest) iter.Seq2[*taskvisorv1.WatchEventsResponse, error] {
	return func(yield func(*taskvisorv1.WatchEventsResponse, error) bool) {
		ctx, leave := context.WithCancel(ctx)
		defer leave()
		stream, err := c.supervisor.WatchEvents(ctx, req)
		if err != nil {
			yield(nil, err)
			return
		}
		for {
			msg, err := stream.Recv()
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(msg, nil) {
				return
			}
		}
	}
}

// Cursor returns the present end of the event log. A Watch that resumes from it has every event that comes after, however much later the
// stream is opened, as long as the server still keeps them.
func (c *Client) Cursor(ctx context.Context) (*taskvisorv1.Cursor, error) {
	// Any list has the cursor; this one is the cheapest.
	resp, err := c.supervisor.ListTasks(ctx, &taskvisorv1.ListTasksRequest{PageSize: 1})
	return resp.GetCursor(), err
}
