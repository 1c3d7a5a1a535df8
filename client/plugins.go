package client

import (
	"context"
	"iter"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// Plugins returns the plugins that are compiled into the server, in the order of their names: what TaskSpec.plugin may name.
func (c *Client) Plugins(ctx context.Context) iter.Seq2[*pb.Plugin, error] {
	return pages("", func(token string) ([]*pb.Plugin, string, error) {
		resp, err := call(ctx, c, func(ctx context.Context) (*pb.ListPluginsResponse, error) {
			return c.plugins.ListPlugins(ctx, &pb.ListPluginsRequest{PageToken: token})
		})
		return resp.GetPlugins(), resp.GetNextPageToken(), err
	})
}
