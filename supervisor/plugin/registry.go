package plugin

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/taskvisor/taskvisor/supervisor"
)

// Registry holds plugins by name. It never changes once made, so that any number of goroutines may use it. The zero value is empty.
type Registry struct {
	entries map[string]*entry
	names   []string          // of the entries, sorted
	off     map[string]string // reason for each plugin that is disabled
}

// Info describes a plugin of a registry.
type Info struct {
	Name        string
	Description string
	Version     string          // empty for none
	Schema      json.RawMessage // of the config, JSON schema draft 2020-12
	Example     json.RawMessage // of a config
	Enabled     bool
	Reason      string // why it is disabled, and what to do about it; empty when enabled
}

// NewRegistry returns a registry of these plugins. The error tells all that is wrong with them: bad names, missing parts, a Config for which there is
// no schema, examples that do not work, one name for two plugins.
func NewRegistry(plugins ...Plugin) (*Registry, error) {
	r := &Registry{entries: map[string]*entry{}, off: map[string]string{}}
	var errs []error
	for i, p := range plugins {
		if err := r.add(i, p); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	r.names = sortedKeys(r.entries)
	return r, nil
}

func (r *Registry) add(i int, p Plugin) error {
	if p == nil {
		return fmt.Errorf("plugin number %d is nil", i+1)
	}
	e, err := p.compile()
	if err != nil {
		return err
	}
	if other := r.entries[e.name]; other != nil {
		return fmt.Errorf("two plugins are named %q: one is made by %s, the other by %s; rename one", e.name, other.origin, e.origin)
	}
	r.entries[e.name] = e
	if e.disabled != "" {
		r.off[e.name] = e.disabled
	}
	return nil
}

// Only returns a registry of the same plugins in which those that are not named are disabled for the given reason. Plugins that are disabled
// already stay so, for their own reason. The error is made of an *UnknownPluginError for each name that no plugin has.
func (r *Registry) Only(names []string, reason string) (*Registry, error) {
	if reason == "" {
		return nil, errors.New("no reason is given; say why the other plugins are disabled and what to do about it")
	}
	var errs []error
	for _, name := range names {
		if r.entries[name] == nil {
			errs = append(errs, r.unknown(name))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	off := map[string]string{}
	for _, name := range r.names {
		if own, disabled := r.off[name]; disabled {
			off[name] = own
		} else if !slices.Contains(names, name) {
			off[name] = reason
		}
	}
	return &Registry{entries: r.entries, names: r.names, off: off}, nil
}

// Build makes a body of the named plugin. The config is a JSON object as encoding/json or structpb.Struct.AsMap decode it; other Go values are
// taken for what encoding/json makes of them. It is not changed, and nothing of it is kept; nil stands for the empty object.
//
// Errors: *UnknownPluginError, *DisabledError, *ConfigError with all violations; any other error is a fault of the plugin.
func (r *Registry) Build(name string, config map[string]any) (supervisor.Task, error) {
	e := r.entries[name]
	if e == nil {
		return nil, r.unknown(name)
	}
	if reason, disabled := r.off[name]; disabled {
		return nil, &DisabledError{Name: name, Reason: reason}
	}
	return e.build(config)
}

func (r *Registry) unknown(name string) error {
	return &UnknownPluginError{Name: name, Known: slices.Clone(r.names)}
}

// List describes all plugins, sorted by name. The caller owns what it returns.
func (r *Registry) List() []Info {
	list := make([]Info, len(r.names))
	for i, name := range r.names {
		e := r.entries[name]
		reason, disabled := r.off[name]
		list[i] = Info{
			Name: e.name, Description: e.description, Version: e.version,
			Schema: slices.Clone(e.schema), Example: slices.Clone(e.example),
			Enabled: !disabled, Reason: reason,
		}
	}
	return list
}
