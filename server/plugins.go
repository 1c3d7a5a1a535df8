package server

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// catalog is what there is to say about the plugins of a registry. As that never changes, neither does this.
type catalog struct {
	plugins  []*pb.Plugin // sorted by name
	names    []string     // of the same
	versions map[string]string
}

func newCatalog(registry *plugin.Registry, logger *slog.Logger) catalog {
	c := catalog{versions: map[string]string{}}
	for _, info := range registry.List() {
		p, err := pluginToWire(&info)
		if err != nil { // it can be used all the same
			logger.Error("a plugin cannot be described", "error", err)
			p = &pb.Plugin{Name: info.Name, Version: info.Version, Enabled: info.Enabled}
		}
		c.plugins = append(c.plugins, p)
		c.names = append(c.names, p.GetName())
		c.versions[p.GetName()] = p.GetVersion()
	}
	return c
}

// ListPlugins implements taskvisor.v1.PluginService. The plugins in the answer are shared and must not be changed.
func (s *Server) ListPlugins(ctx context.Context, req *pb.ListPluginsRequest) (*pb.ListPluginsResponse, error) {
	var v violations
	size := v.pageSize(req.GetPageSize())
	from := v.pageToken(req, supervisor.Cursor{})
	if err := v.err(); err != nil {
		return nil, s.refuse(ctx, err)
	}
	return s.catalog.page(from, size), nil
}

// page returns the page. Schemas are small, so it needs no bound in bytes.
func (c *catalog) page(from pageToken, size int) *pb.ListPluginsResponse {
	rest := c.plugins[c.find(from.Name):]
	if len(rest) <= size {
		return &pb.ListPluginsResponse{Plugins: rest}
	}
	next := from.after(rest[size-1].GetName(), supervisor.UID{})
	return &pb.ListPluginsResponse{Plugins: rest[:size], NextPageToken: next.String()}
}

// find returns the index of the first plugin whose name sorts after the given one.
func (c *catalog) find(after string) int {
	i, found := slices.BinarySearchFunc(c.plugins, after, func(p *pb.Plugin, name string) int {
		return strings.Compare(p.GetName(), name)
	})
	if found {
		i++
	}
	return i
}
