package plugin_test

import (
	"context"
	"fmt"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// Greeting configures a body that greets.
type Greeting struct {
	Name  string `json:"name" jsonschema:"who is greeted"`
	Times int    `json:"times,omitempty" jsonschema:"how often"`
}

// SetDefaults implements plugin.Defaulter.
func (g *Greeting) SetDefaults() { g.Times = 1 }

// ExtendSchema implements plugin.SchemaExtender.
func (*Greeting) ExtendSchema(s *jsonschema.Schema) {
	s.Properties["times"].Minimum, s.Properties["times"].Maximum = jsonschema.Ptr(1.0), jsonschema.Ptr(3.0)
}

func newGreeter(g Greeting) (supervisor.Task, error) {
	return supervisor.TaskFunc(func(context.Context) error {
		for range g.Times {
			fmt.Println("hello,", g.Name)
		}
		return nil
	}), nil
}

// greeter is a plugin: a struct, and a function that makes a body of it.
var greeter = plugin.Definition[Greeting]{
	Name:        "greet",
	Description: "Greets somebody.",
	Example:     Greeting{Name: "world"},
	Build:       newGreeter,
}

func Example() {
	registry, err := plugin.NewRegistry(greeter)
	if err != nil {
		fmt.Println(err)
		return
	}
	body, err := registry.Build("greet", map[string]any{"name": "world", "times": 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(body.Run(context.Background()))

	_, err = registry.Build("greet", map[string]any{"name": "world", "tmies": 2})
	fmt.Println(err)
	// Output:
	// hello, world
	// hello, world
	// <nil>
	// invalid config of plugin "greet": tmies: there is no key "tmies" here; did you mean "times"? the keys are name, times
}

func ExampleRegistry_List() {
	registry, err := plugin.NewRegistry(greeter)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range registry.List() {
		fmt.Println(p.Name, p.Enabled)
		fmt.Println(string(p.Example))
		fmt.Println(string(p.Schema))
	}
	// Output:
	// greet true
	// {"name":"world"}
	// {"type":"object","properties":{"name":{"type":"string","description":"who is greeted"},"times":{"type":"integer","description":"how often","default":1,"minimum":1,"maximum":3}},"$schema":"https://json-schema.org/draft/2020-12/schema","required":["name"],"additionalProperties":false}
}

func ExampleRegistry_Only() {
	registry, err := plugin.NewRegistry(greeter)
	if err != nil {
		fmt.Println(err)
		return
	}
	quiet, err := registry.Only(nil, "it is night; start the daemon without --quiet")
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = quiet.Build("greet", map[string]any{"name": "world"})
	fmt.Println(err)
	// Output: plugin "greet" is disabled: it is night; start the daemon without --quiet
}

func ExampleViolations() {
	var v plugin.Violations
	v.Check(1 < 2, "from", "is never told")
	v.Add(plugin.Index("hosts", 1), "%q is no host; give a name or an address", "a b")
	fmt.Println(v.Err())
	// Output: invalid config: hosts[1]: "a b" is no host; give a name or an address
}
