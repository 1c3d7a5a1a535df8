package plugin_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// span is a config with defaults and a rule that its schema cannot state.
type span struct {
	From  int    `json:"from,omitempty"`
	To    int    `json:"to,omitempty"`
	Label string `json:"label,omitempty" jsonschema:"for people"`
	Deep  depth  `json:"deep,omitzero"`
}

type depth struct {
	Level int `json:"level,omitempty"`
}

func (s *span) SetDefaults() { s.From, s.To, s.Deep.Level = 1, 10, 3 }

func (s *span) Validate() error {
	var v plugin.Violations
	v.Check(s.From <= s.To, "to", "%d is less than from, which is %d; give at least that", s.To, s.From)
	v.Check(s.Label != "bad", "label", "%q is taken; give another", s.Label)
	return v.Err()
}

func TestWhatIsGivenWinsOverTheDefault(t *testing.T) {
	r := newRegistry(t, define[span]("span"))
	for text, want := range map[string]span{
		`{}`:                          {From: 1, To: 10, Deep: depth{3}},
		`{"from":0,"to":0}`:           {From: 0, To: 0, Deep: depth{3}}, // a zero value too
		`{"to":5,"deep":{}}`:          {From: 1, To: 5, Deep: depth{3}},
		`{"deep":{"level":0}}`:        {From: 1, To: 10, Deep: depth{0}},
		`{"label":"x","from":10.0}`:   {From: 10, To: 10, Label: "x", Deep: depth{3}},
		`{"from":-9007199254740991}`:  {From: -1<<53 + 1, To: 10, Deep: depth{3}},
		`{"label":"","deep":{}}`:      {From: 1, To: 10, Deep: depth{3}},
		`{"deep":{"level":4},"to":2}`: {From: 1, To: 2, Deep: depth{4}},
	} {
		task, err := r.Build("span", object(t, text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got := task.(body).config; got != want {
			t.Errorf("%s: got %+v, want %+v", text, got, want)
		}
	}
}

func TestDefaultsAreInTheSchema(t *testing.T) {
	const want = `{"type":"object","properties":{` +
		`"from":{"type":"integer","default":1,"minimum":-9007199254740991,"maximum":9007199254740991},` +
		`"to":{"type":"integer","default":10,"minimum":-9007199254740991,"maximum":9007199254740991},` +
		`"label":{"type":"string","description":"for people"},` +
		`"deep":{"type":"object","properties":{"level":{"type":"integer","default":3,"minimum":-9007199254740991,"maximum":9007199254740991}},"default":{"level":3},"additionalProperties":false}},` +
		`"$schema":"https://json-schema.org/draft/2020-12/schema","additionalProperties":false}`
	if got := string(newRegistry(t, define[span]("span")).List()[0].Schema); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestValidateIsAskedAfterTheSchema(t *testing.T) {
	r := newRegistry(t, define[span]("span"))
	for text, want := range map[string][]string{
		`{"to":0,"label":"bad"}`: {"to: 0 is less than from, which is 1; give at least that", `label: "bad" is taken; give another`},
		`{"to":0,"label":5}`:     {"label: 5 is a number; give a string"}, // a rule about values that are not there helps nobody
	} {
		_, err := r.Build("span", object(t, text))
		if got := violations(t, err); !slices.Equal(got, want) {
			t.Errorf("%s: violations %q, want %q", text, got, want)
		}
	}
}

// What Validate and Build return is read as violations, in whatever form it comes, and can be found in the error.
func TestErrorsOfAPluginAreViolations(t *testing.T) {
	cause := errors.New("no such database")
	violation := func(path string) error {
		var v plugin.Violations
		v.Add(path, "is wrong")
		return v.Err()
	}
	for name, test := range map[string]struct {
		err  error
		want []string
	}{
		"plain":               {cause, []string{": no such database"}},
		"violation":           {violation("a"), []string{"a: is wrong"}},
		"joined":              {errors.Join(violation("a"), cause, violation("b")), []string{"a: is wrong", ": no such database", "b: is wrong"}},
		"joined twice":        {errors.Join(errors.Join(violation("a"), cause), violation("b")), []string{"a: is wrong", ": no such database", "b: is wrong"}},
		"wrapped":             {fmt.Errorf("while checking: %w", violation("a")), []string{"a: is wrong"}},
		"wrapped with others": {fmt.Errorf("%w and %w", violation("a"), cause), []string{"a: is wrong", ": no such database"}},
	} {
		d := define[struct{}]("p")
		fail := false
		d.Build = func(struct{}) (supervisor.Task, error) {
			if fail {
				return nil, test.err
			}
			return body{}, nil
		}
		r := newRegistry(t, d)
		fail = true
		_, err := r.Build("p", nil)
		if got := violations(t, err); !slices.Equal(got, test.want) {
			t.Errorf("%s: violations %q, want %q", name, got, test.want)
		}
		if !errors.Is(err, test.err) {
			t.Errorf("%s: %v does not wrap what Build returned", name, err)
		}
	}
}

func TestTheTextOfAConfigErrorNamesPluginPathsAndProblems(t *testing.T) {
	_, err := newRegistry(t, define[span]("span")).Build("span", object(t, `{"from":"x","zzz":1}`))
	const want = `invalid config of plugin "span": from: "x" is a string; give an integer; ` +
		`zzz: there is no key "zzz" here; the keys are from, to, label, deep`
	if err == nil || err.Error() != want {
		t.Errorf("\n got %v\nwant %s", err, want)
	}
	var v plugin.Violations
	if v.Err() != nil {
		t.Error("no violations, but an error")
	}
	v.Add("", "nothing fits")
	if got, want := v.Err().Error(), "invalid config: nothing fits"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestBuildWithoutBodyIsAFaultOfThePlugin(t *testing.T) {
	d := define[struct{}]("p")
	d.Build = func(struct{}) (supervisor.Task, error) { return nil, nil }
	_, err := plugin.NewRegistry(d)
	var ce *plugin.ConfigError
	if err == nil || errors.As(err, &ce) || !strings.Contains(err.Error(), `plugin "p": Build returned neither a body nor an error`) {
		t.Error(err)
	}
}

// Mistakes of whoever writes a plugin show when the registry is made, all at once, and name the plugin.
func TestBadDefinitionsFailAtConstruction(t *testing.T) {
	noDescription, noBuild, nothing := define[struct{}]("p"), define[struct{}]("p"), plugin.Definition[struct{}]{}
	noDescription.Description, noBuild.Build = "", nil
	badExample := newMachine()
	badExample.Example = machine{Name: "too long", Tags: []string{"x"}}
	invalidExample := define[span]("span")
	invalidExample.Example = span{From: 2, To: 1}
	notANumber := define[level]("level")
	notANumber.Example.Level = math.NaN()
	type inexpressible struct {
		F func() `json:"f"`
	}
	for name, test := range map[string]struct {
		plugin plugin.Plugin
		want   string
	}{
		"nil":             {nil, "plugin number 1 is nil"},
		"no description":  {noDescription, `plugin "p": no description; say in a sentence what the body does`},
		"no build":        {noBuild, `plugin "p": Build is nil; give the function that makes the body`},
		"nothing":         {nothing, "plugin \"\": bad name; use a-z, 0-9 and -, beginning with a letter, at most 63 characters\nplugin \"\": no description; say in a sentence what the body does\nplugin \"\": Build is nil; give the function that makes the body"},
		"bad example":     {badExample, `the example does not work: invalid config of plugin "machine": name: "too long" has 8 characters; give 1 to 5`},
		"invalid example": {invalidExample, `the example does not work: invalid config of plugin "span": to: 1 is less than from, which is 2; give at least that`},
		"no JSON example": {notANumber, "the example does not work: json: unsupported value: NaN"},
		"no JSON default": {define[endless]("p"), "defaults of *plugin_test.endless: json: unsupported value: +Inf"},
		"no struct":       {define[string]("p"), "config type string is no plain struct; a config is a JSON object"},
		"a pointer":       {define[*span]("p"), "config type *plugin_test.span is no plain struct; a config is a JSON object"},
		"no JSON":         {define[inexpressible]("p"), "type func() is unsupported by jsonschema"},
	} {
		_, err := plugin.NewRegistry(test.plugin)
		if err == nil || !strings.HasSuffix(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %s", name, err, test.want)
		}
	}
}

func TestNames(t *testing.T) {
	for name, valid := range map[string]bool{
		"a": true, "exec": true, "a-b": true, "a1": true, "a--": true, strings.Repeat("a", 63): true,
		"": false, "A": false, "1a": false, "-a": false, "a_b": false, "a.b": false, "a b": false, "ä": false, strings.Repeat("a", 64): false, "a\n": false, "a/b": false,
	} {
		if plugin.ValidName(name) != valid {
			t.Errorf("%q: valid %t", name, !valid)
		}
		if _, err := plugin.NewRegistry(define[struct{}](name)); (err == nil) != valid {
			t.Errorf("%q: error %v", name, err)
		}
	}
}

// Structs that the schema and the decoder would see with different eyes are refused.
func TestConfigsWithoutAClearSchemaAreRefused(t *testing.T) {
	type list struct{ Next []list }
	for name, test := range map[string]struct {
		plugin plugin.Plugin
		want   string
	}{
		"time.Duration":  {define[struct{ D time.Duration }]("p"), "D: time.Duration is a bare number in JSON; use plugin.Duration"},
		"itself":         {define[list]("p"), "contains itself; a schema cannot say that"},
		"bytes":          {define[struct{ B []byte }]("p"), "B: []uint8 is not the same in JSON and in its schema; use string"},
		"keys":           {define[struct{ M map[int]string }]("p"), "M: keys of type int; use string"},
		"self-made keys": {define[struct{ M map[selfMadeKey]string }]("p"), "M: keys of type plugin_test.selfMadeKey; use string"},
		"option string": {define[struct {
			N int `json:"n,string"`
		}]("p"), `field N has the option "string" in its json tag, which a schema cannot say; remove it`},
		"two of a name":       {define[hidesKey]("p"), `two fields have the key "zone"; rename one`},
		"embedded with a tag": {define[embedsTagged]("p"), "zone is embedded; embed only plain structs without a json tag, or give it a field name"},
		"embedded pointer":    {define[struct{ *zone }]("p"), "zone is embedded; embed only plain structs without a json tag, or give it a field name"},
		"decodes itself":      {define[struct{ O opaque }]("p"), "O: type plugin_test.opaque decodes itself, so nobody knows its schema; give it ExtendSchema or UnmarshalText"},
		"a key too many":      {define[addsKey]("p"), `ExtendSchema adds the key "more", for which plugin_test.addsKey has no field`},
		"a bad pattern":       {define[badPattern]("p"), "missing closing )"},
		"required default":    {define[requiredDefault]("p"), "SetDefaults sets n, which is required; add omitzero to its json tag"},
		"in a slice":          {define[struct{ L []struct{ B []byte } }]("p"), "B: []uint8 is not the same in JSON and in its schema; use string"},
		"in a map":            {define[struct{ M map[string]*opaque }]("p"), "decodes itself, so nobody knows its schema; give it ExtendSchema or UnmarshalText"},
	} {
		_, err := plugin.NewRegistry(test.plugin)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %s", name, err, test.want)
		}
	}
}

type selfMadeKey string

func (*selfMadeKey) UnmarshalText([]byte) error { return nil }

type embedsTagged struct {
	zone `json:"zone"`
}

type hidesKey struct {
	zone
	Other int `json:"zone,omitempty"`
}

type level struct {
	Level float64 `json:"level,omitempty"`
}

type endless level

func (e *endless) SetDefaults() { e.Level = math.Inf(1) }

type opaque struct{}

func (*opaque) UnmarshalJSON([]byte) error { return nil }

type addsKey struct {
	N int `json:"n,omitempty"`
}

func (addsKey) ExtendSchema(s *jsonschema.Schema) {
	s.Properties["more"] = &jsonschema.Schema{Type: "string"}
}

type badPattern struct {
	S string `json:"s,omitempty"`
}

func (badPattern) ExtendSchema(s *jsonschema.Schema) { s.Properties["s"].Pattern = "(" }

type requiredDefault struct {
	N int `json:"n"`
}

func (r *requiredDefault) SetDefaults() { r.N = 5 }

// What a schema says beyond the keywords that the decoder explains counts too.
type exotic struct {
	N int `json:"n,omitempty"`
}

func (exotic) ExtendSchema(s *jsonschema.Schema) { s.Properties["n"].MultipleOf = jsonschema.Ptr(3.0) }

func TestTheSchemaHasTheLastWord(t *testing.T) {
	r := newRegistry(t, define[exotic]("p"))
	if _, err := r.Build("p", object(t, `{"n":6}`)); err != nil {
		t.Error(err)
	}
	_, err := r.Build("p", object(t, `{"n":7}`))
	if got := violations(t, err); len(got) != 1 || !strings.HasPrefix(got[0], ": the config does not match its schema: ") {
		t.Errorf("violations %q", got)
	}
}

// A choice need not be one of words.
type choice struct {
	Size int  `json:"size,omitempty"`
	Free free `json:"free,omitzero"`
}

// free is decoded by itself and says nothing about its type.
type free struct{ Raw json.RawMessage }

func (f *free) UnmarshalJSON(text []byte) error {
	f.Raw = bytes.Clone(text)
	return nil
}

func (free) ExtendSchema(s *jsonschema.Schema) {
	*s = jsonschema.Schema{Not: &jsonschema.Schema{Type: "boolean"}}
}

func (*choice) ExtendSchema(s *jsonschema.Schema) {
	s.Properties["size"].Enum = []any{1, 2, 4}
	s.Properties["size"].Minimum = nil
}

func TestAChoiceMayBeOfNumbers(t *testing.T) {
	r := newRegistry(t, define[choice]("p"))
	for text, want := range map[string][]string{
		`{"size":2,"free":[1]}`: nil,
		`{"size":3}`:            {"size: 3 is not allowed; give one of 1, 2, 4"},
		`{"size":"2"}`:          {`size: "2" is a string; give one of 1, 2, 4`},
		`{"free":null}`:         nil,
	} {
		_, err := r.Build("p", object(t, text))
		if got := violations(t, err); !slices.Equal(got, want) {
			t.Errorf("%s: violations %q, want %q", text, got, want)
		}
	}
	_, err := r.Build("p", object(t, `{"free":true}`))
	if got := violations(t, err); len(got) != 1 || !strings.HasPrefix(got[0], ": the config does not match its schema: ") {
		t.Errorf("violations %q", got)
	}
}

// ExtendSchema may take a key away from the reader and thereby from everybody.
type hiding struct {
	Shown  int `json:"shown,omitempty"`
	Hidden int `json:"hidden,omitempty"`
}

func (h *hiding) SetDefaults() { h.Hidden = 7 }

func (hiding) ExtendSchema(s *jsonschema.Schema) { delete(s.Properties, "hidden") }

func TestAKeyThatIsNotInTheSchemaIsNotAccepted(t *testing.T) {
	r := newRegistry(t, define[hiding]("p"))
	_, err := r.Build("p", object(t, `{"hidden":1}`))
	if got, want := violations(t, err), []string{`hidden: there is no key "hidden" here; the keys are shown`}; !slices.Equal(got, want) {
		t.Errorf("violations %q, want %q", got, want)
	}
}
