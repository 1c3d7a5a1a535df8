package client

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// Client calls one Taskvisor server. Make one with Dial or New. It is safe for concurrent use.
type Client struct {
	supervisor pb.SupervisorServiceClient
	plugins    pb.PluginServiceClient
	conn       grpc.ClientConnInterface
	retry      Retry
	close      func() error
}

// New returns a client that calls through conn, which stays the property of the caller. Of the options of Dial only those that a connection
// knows nothing of apply: WithRetry.
func New(conn grpc.ClientConnInterface, opts ...Option) *Client {
	return newClient(conn, collect(opts), func() error { return nil })
}

func newClient(conn grpc.ClientConnInterface, o *options, closeConn func() error) *Client {
	return &Client{
		supervisor: pb.NewSupervisorServiceClient(conn),
		plugins:    pb.NewPluginServiceClient(conn),
		conn:       conn,
		retry:      o.retry.withDefaults(),
		close:      closeConn,
	}
}

// Close ends the calls under way, loops of Watch and Follow included, and closes the connection if Dial made it.
func (c *Client) Close() error { return c.close() }

// closed reports whether the connection was closed on this side: then no call will ever succeed.
func (c *Client) closed() bool {
	conn, ok := c.conn.(interface{ GetState() connectivity.State })
	return ok && conn.GetState() == connectivity.Shutdown
}

// hurry makes the connection try again at once, if it waits to do so: whoever calls this has waited already.
func (c *Client) hurry() {
	if conn, ok := c.conn.(interface{ ResetConnectBackoff() }); ok {
		conn.ResetConnectBackoff()
	}
}
