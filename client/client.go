package client

import (
	"fmt"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// A watcher mostly listens, and a peer that is gone says nothing: pings tell the two apart within 40 s. The server accepts one every
// 10 s. Without a call under way nobody waits for an answer, so nobody pings.
var pings = keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}

// Client calls one Taskvisor server. Make one with Dial or New. It is safe for concurrent use.
type Client struct {
	supervisor taskvisorv1.SupervisorServiceClient
	plugins    taskvisorv1.PluginServiceClient
	close      func() error
}

// Dial returns a client of the server at target: host:port, unix:///path/to/socket, or any other URL that grpc.NewClient takes. It does
// not wait for the server; the first call does.
//
// The connection is in plain text, which suits a server on the same host. For any other give
// [grpc.WithTransportCredentials]; options are applied after those of this package and win over them.
func Dial(target string, opts ...grpc.DialOption) (*Client, error) {
	if err := checkTarget(target); err != nil {
		return nil, fmt.Errorf("dial taskvisor: %w", err)
	}
	defaults := []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithKeepaliveParams(pings),
	}
	conn, err := grpc.NewClient(target, append(defaults, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("dial taskvisor at %q: %w", target, err)
	}
	c := New(conn)
	c.close = conn.Close
	return c, nil
}

// checkTarget refuses a host without a port, for which gRPC would silently take 443.
func checkTarget(target string) error {
	if strings.Contains(target, "://") || strings.HasPrefix(target, "unix:") {
		return nil
	}
	if _, port, err := net.SplitHostPort(target); err != nil || port == "" {
		return fmt.Errorf("%q is no target: give host:port or unix:///path", target)
	}
	return nil
}

// New returns a client that calls through conn, which stays the property of the caller.
func New(conn grpc.ClientConnInterface) *Client {
	return &Client{
		supervisor: taskvisorv1.NewSupervisorServiceClient(conn),
		plugins:    taskvisorv1.NewPluginServiceClient(conn),
		close:      func() error { return nil },
	}
}

// Close ends the calls under way and closes the connection if Dial made it.
func (c *Client) Close() error { return c.close() }
