// Package bodytest is what the tests of the built-in plugins have in common, beside package plugintest, which tests what any plugin owes.
package bodytest

import (
	"errors"
	"slices"
	"testing"

	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// Registry returns a registry of one plugin.
func Registry(t testing.TB, p plugin.Plugin) *plugin.Registry {
	t.Helper()
	r, err := plugin.NewRegistry(p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Build returns the body that the plugin of this name makes of a config, and fails the test if it makes none.
func Build(t testing.TB, r *plugin.Registry, name string, config map[string]any) supervisor.Task {
	t.Helper()
	body, err := r.Build(name, config)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// WantRefused checks that err refuses a config for all of these reasons and no others, each as "path: problem". The name is that of the case.
func WantRefused(t testing.TB, name string, err error, want []string) {
	t.Helper()
	var refused *plugin.ConfigError
	if !errors.As(err, &refused) {
		t.Errorf("%s: got %v, want a ConfigError", name, err)
		return
	}
	var got []string
	for _, v := range refused.Violations {
		got = append(got, v.Path+": "+v.Problem)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", name, got, want)
	}
}
