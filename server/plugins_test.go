package server_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/servertest"
	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

func TestListPluginsRefuses(t *testing.T) {
	h := newHarness(t)
	for name, test := range map[string]struct {
		req    *pb.ListPluginsRequest
		fields []string
	}{
		"negative size":      {&pb.ListPluginsRequest{PageSize: -1}, []string{"page_size"}},
		"size above 1000":    {&pb.ListPluginsRequest{PageSize: 1001}, []string{"page_size"}},
		"no token":           {&pb.ListPluginsRequest{PageToken: "x"}, []string{"page_token"}},
		"both":               {&pb.ListPluginsRequest{PageToken: "x", PageSize: -1}, []string{"page_token", "page_size"}},
		"token of ListTasks": {&pb.ListPluginsRequest{PageToken: taskToken(t, h)}, []string{"page_token"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.Plugins.ListPlugins(t.Context(), test.req)
			wantInvalid(t, err, test.fields...)
		})
	}
}

func taskToken(t *testing.T, h *servertest.Harness) string {
	t.Helper()
	h.Add("", servertest.Wait)
	h.Add("", servertest.Wait)
	return list(t, h, &pb.ListTasksRequest{PageSize: 1}).GetNextPageToken()
}

// What ListPlugins prints is what the registry has.
func TestListPluginsDescribesThem(t *testing.T) {
	h := newHarness(t, servertest.WithPlugins(pickyPlugin()))
	resp, err := h.Plugins.ListPlugins(t.Context(), &pb.ListPluginsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	registry, err := plugin.NewRegistry(pickyPlugin())
	if err != nil {
		t.Fatal(err)
	}
	want := registry.List()[0]
	for _, got := range resp.GetPlugins() {
		if got.GetName() != "picky" {
			continue
		}
		if got.GetDescription() != want.Description || got.GetVersion() != "" || !got.GetEnabled() || got.GetDisabledReason() != "" ||
			!sameJSON(t, must(protojson.Marshal(got.GetConfigSchema())), want.Schema) ||
			!sameJSON(t, must(protojson.Marshal(got.GetConfigExample())), want.Example) {
			t.Errorf("got %v, want %+v", got, want)
		}
	}
	names := pluginNames(resp.GetPlugins())
	if !slices.Equal(names, []string{"disabled", "picky", "script"}) {
		t.Errorf("plugins %q", names)
	}
	if off := resp.GetPlugins()[0]; off.GetEnabled() || off.GetDisabledReason() == "" {
		t.Errorf("the disabled one: %v", off)
	}
	if script := resp.GetPlugins()[2]; script.GetVersion() != "v1.2.3" {
		t.Errorf("version %q", script.GetVersion())
	}
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var values [2]any
	for i, text := range [][]byte{a, b} {
		if err := json.Unmarshal(text, &values[i]); err != nil {
			t.Fatal(err)
		}
	}
	return fmt.Sprint(values[0]) == fmt.Sprint(values[1])
}

func pluginNames(plugins []*pb.Plugin) (names []string) {
	for _, p := range plugins {
		names = append(names, p.GetName())
	}
	return names
}

func TestListPluginsPages(t *testing.T) {
	var plugins []plugin.Plugin
	var want []string
	for i := range 101 {
		name := fmt.Sprintf("p%03d", i)
		want = append(want, name)
		plugins = append(plugins, plugin.Definition[struct{}]{
			Name: name, Description: "Does nothing.",
			Build: func(struct{}) (supervisor.Task, error) { return supervisor.TaskFunc(nil), nil },
		})
	}
	h := newHarness(t, servertest.WithPlugins(plugins...))
	want = append([]string{servertest.DisabledPlugin}, append(want, servertest.ScriptPlugin)...)
	for _, size := range []int32{0, 1, 50, 102, 103, 104} {
		var got []string
		req := &pb.ListPluginsRequest{PageSize: size}
		pages := 0
		for first := true; first || req.GetPageToken() != ""; first = false {
			resp, err := h.Plugins.ListPlugins(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, pluginNames(resp.GetPlugins())...)
			req.PageToken = resp.GetNextPageToken()
			pages++
		}
		per := int(size)
		if per == 0 {
			per = 100 // the default
		}
		if !slices.Equal(got, want) || pages != (len(want)+per-1)/per {
			t.Errorf("page_size %d: %d pages of %q", size, pages, got)
		}
	}
}
