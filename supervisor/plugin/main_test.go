package plugin_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"go.uber.org/goleak"

	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// body is a task that keeps the config of which it was made.
type body struct{ config any }

func (body) Run(context.Context) error { return nil }

// buildOf is a Build that refuses nothing.
func buildOf[Config any](c Config) (supervisor.Task, error) { return body{c}, nil }

// define returns a plugin with a name and little else.
func define[Config any](name string) plugin.Definition[Config] {
	return plugin.Definition[Config]{Name: name, Description: "Does it.", Build: buildOf[Config]}
}

func newRegistry(t testing.TB, list ...plugin.Plugin) *plugin.Registry {
	t.Helper()
	r, err := plugin.NewRegistry(list...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// object is a config as it comes out of a request.
func object(t *testing.T, text string) map[string]any {
	t.Helper()
	var config map[string]any
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		t.Fatal(err)
	}
	return config
}

// violations returns the violations of a config as lines.
func violations(t *testing.T, err error) (lines []string) {
	t.Helper()
	if err == nil {
		return nil
	}
	var ce *plugin.ConfigError
	if !errors.As(err, &ce) {
		t.Fatalf("got %v, want a ConfigError", err)
	}
	for _, v := range ce.Violations {
		lines = append(lines, v.Path+": "+v.Problem)
	}
	return lines
}

// The structs of the tests have every kind of field.

type zone struct {
	Zone string `json:"zone,omitempty"`
}

type color string

func (color) ExtendSchema(s *jsonschema.Schema) { s.Enum = []any{"red", "green", "blue"} }

type part struct {
	Weight float64 `json:"weight" jsonschema:"in kg"`
	Note   string  `json:"note,omitempty"`
}

type machine struct {
	zone
	Name   string            `json:"name" jsonschema:"what it is called"`
	Port   uint16            `json:"port,omitempty"`
	Count  int64             `json:"count,omitempty"`
	Ratio  float32           `json:"ratio,omitempty"`
	Wait   plugin.Duration   `json:"wait,omitzero"`
	Color  color             `json:"color,omitempty"`
	Tags   []string          `json:"tags,omitempty"`
	Pair   [2]int            `json:"pair,omitzero"`
	Env    map[string]string `json:"env,omitempty"`
	Part   part              `json:"part,omitzero"`
	Spare  *part             `json:"spare,omitempty"`
	Parts  []part            `json:"parts,omitempty"`
	Shelf  map[string]part   `json:"shelf,omitempty"`
	Any    any               `json:"any,omitempty"`
	On     bool              `json:"on,omitempty"`
	hidden int               //nolint:unused // to see that nobody takes it for a key
	Unseen int               `json:"-"`
}

func (*machine) ExtendSchema(s *jsonschema.Schema) {
	s.Properties["name"].MinLength, s.Properties["name"].MaxLength = jsonschema.Ptr(1), jsonschema.Ptr(5)
	s.Properties["tags"].MaxItems = jsonschema.Ptr(2)
	s.Properties["env"].MinProperties = jsonschema.Ptr(1)
	s.Properties["zone"].Pattern = "^[a-z]+$"
	s.Properties["part"].Properties["weight"].ExclusiveMinimum = jsonschema.Ptr(0.0)
}

func newMachine() plugin.Definition[machine] {
	d := define[machine]("machine")
	d.Example = machine{Name: "mill"}
	return d
}

func isObject(text []byte, config *map[string]any) bool { return json.Unmarshal(text, config) == nil }

// toObject returns a struct as a config.
func toObject(t *testing.T, v any) map[string]any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return object(t, string(text))
}
