package plugin

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime"

	"github.com/taskvisor/taskvisor/supervisor"
)

// Plugin is a named kind of task body, ready for NewRegistry. A Definition is one, and there is no other.
type Plugin interface {
	compile() (*entry, error)
}

// Definition is a plugin whose bodies are configured by a Config, a struct.
//
// The struct says it all: the keys are the names in its json tags, a key is optional if the tag says omitempty or omitzero, the text in
// the jsonschema tag describes it. What the struct cannot say, optional methods of it do: see Defaulter, Validator, SchemaExtender.
type Definition[Config any] struct {
	// Name by which a task chooses the plugin: a-z, 0-9 and -, beginning with a letter, at most 63 characters. Required.
	Name string
	// Description of what the body does, in a sentence or two. Required.
	Description string
	// Version of the plugin, if it has one of its own.
	Version string
	// Example of a config that works; NewRegistry tries it.
	Example Config
	// Disabled, if set, says why the plugin cannot be used as things are, and what to do about it. It is listed all the same.
	Disabled string
	// Build makes a body out of a config that has passed every check. It only builds: it is called to validate a request too, and on the
	// example. So it starts nothing and opens nothing; that is what the Run method of the body is for, and what stays open from one attempt to the next
	// is closed by its Close method: see supervisor.Closer. An error is about the config and best made by Violations. The body may run while
	// Build makes another. Required.
	Build func(Config) (supervisor.Task, error)
}

// Defaulter is an optional interface of a config and of the structs in it. SetDefaults is called on a new config before the keys that are given are
// filled in, so that a key that is given wins, even with a zero value; on structs in lists, in maps and behind pointers, when they are given; on
// other structs before it is called on the one around them. What it sets appears as `default` in the schema. It must set the same each time.
type Defaulter interface{ SetDefaults() }

// Validator is an optional interface of a config, for rules that its schema cannot state. Validate is called once the config has passed
// its schema. Several violations are returned through Violations or errors.Join.
type Validator interface{ Validate() error }

// entry is a plugin in a registry. It is immutable.
type entry struct {
	name, description, version string
	disabled                   string
	origin                     string // where Build is, for errors about the plugin
	schema, example            json.RawMessage
	build                      func(map[string]any) (supervisor.Task, error)
}

// compile checks the definition and derives all that a registry needs from it.
func (d Definition[Config]) compile() (*entry, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	e := &entry{name: d.Name, description: d.Description, version: d.Version, disabled: d.Disabled, origin: originOf(d.Build)}
	s, err := newShape(reflect.TypeFor[Config]())
	if err != nil {
		return nil, fmt.Errorf("plugin %q (%s): %w", d.Name, e.origin, err)
	}
	e.schema = s.json
	e.build = func(config map[string]any) (supervisor.Task, error) { return d.build(s, config) }
	if e.example, err = d.checkExample(s); err != nil {
		return nil, fmt.Errorf("plugin %q (%s): the example does not work: %w", d.Name, e.origin, err)
	}
	return e, nil
}

func (d *Definition[Config]) check() error {
	var errs []error
	if !ValidName(d.Name) {
		errs = append(errs, fmt.Errorf("plugin %q: bad name; use a-z, 0-9 and -, beginning with a letter, at most %d characters", d.Name, MaxNameLength))
	}
	if d.Description == "" {
		errs = append(errs, fmt.Errorf("plugin %q: no description; say in a sentence what the body does", d.Name))
	}
	if d.Build == nil {
		errs = append(errs, fmt.Errorf("plugin %q: Build is nil; give the function that makes the body", d.Name))
	}
	return errors.Join(errs...)
}

// build is the whole way from a config as it came in to a body.
func (d *Definition[Config]) build(s *shape, given map[string]any) (supervisor.Task, error) {
	config, err := d.decode(s, given)
	if err != nil {
		return nil, err
	}
	task, err := d.Build(*config)
	if err != nil {
		return nil, newConfigError(d.Name, violationsOf(err), err)
	}
	if task == nil {
		return nil, fmt.Errorf("plugin %q: Build returned neither a body nor an error", d.Name)
	}
	return task, nil
}

func (d *Definition[Config]) decode(s *shape, given map[string]any) (*Config, error) {
	config := new(Config)
	if list := s.decode(given, config); len(list) > 0 {
		return nil, newConfigError(d.Name, list, nil)
	}
	if v, ok := any(config).(Validator); ok {
		if err := v.Validate(); err != nil {
			return nil, newConfigError(d.Name, violationsOf(err), err)
		}
	}
	return config, nil
}

// checkExample returns the example as JSON once it has proved to be one. That of a disabled plugin is not built: what keeps the plugin from being
// used may keep any config from being accepted.
func (d *Definition[Config]) checkExample(s *shape) (json.RawMessage, error) {
	text, err := json.Marshal(d.Example)
	if err != nil {
		return nil, err
	}
	var given map[string]any
	if err := json.Unmarshal(text, &given); err != nil {
		return nil, err
	}
	if d.Disabled != "" {
		_, err = d.decode(s, given)
		return text, err
	}
	body, err := d.build(s, given)
	if err != nil {
		return nil, err
	}
	supervisor.Discard(body)
	return text, nil
}

// MaxNameLength is the largest number of bytes in the name of a plugin.
const MaxNameLength = 63

// ValidName reports whether name can name a plugin: a-z, 0-9 and -, beginning with a letter, at most MaxNameLength characters.
func ValidName(name string) bool {
	if name == "" || len(name) > MaxNameLength || name[0] < 'a' || name[0] > 'z' {
		return false
	}
	for i := range len(name) {
		if c := name[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// originOf says where a function is, for people: "main.newGreeter, main.go:31".
func originOf(function any) string {
	f := runtime.FuncForPC(reflect.ValueOf(function).Pointer())
	if f == nil {
		return "unknown place"
	}
	file, line := f.FileLine(f.Entry())
	return fmt.Sprintf("%s, %s:%d", f.Name(), file, line)
}
