package client

import (
	"context"
	"iter"

	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// Plugins returns the plugins that are compiled into the server, in the order of their names: what TaskSpec.plugin may name.
func (c *Client) Plugins(ctx context.Context) iter.Seq2[*taskvisorv1.Plugin, error] {
	return pages("", func(token string) ([]*taskvisorv1.Plugin, string, error) {
		resp, err := c.plugins.ListPlugins(ctx, &taskvisorv1.ListPluginsRequest{PageToken: token})
		return resp.GetPlugins(), resp.GetNextPageToken(), err
	})
}
