package plugin

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"

	"github.com/google/jsonschema-go/jsonschema"
)

// schemaDialect is draft 2020-12, the value of $schema.
const schemaDialect = "https://json-schema.org/draft/2020-12/schema"

// shape is what configs of one struct type look like: a schema for the reader and for the decoder alike, so that what is printed and what is
// accepted cannot differ. It is immutable.
type shape struct {
	schema   *jsonschema.Schema
	resolved *jsonschema.Resolved // of schema; nil where the walk of the decoder checks all that the schema says
	json     json.RawMessage      // of schema
	fields   map[reflect.Type]fieldIndex
	traits   map[reflect.Type]traits
	patterns map[string]func(string) bool    // whether a text matches, by what is in the schema
	keys     map[*jsonschema.Schema][]string // of structs, in the order of their fields
}

// newShape derives the shape of the struct type t.
func newShape(t reflect.Type) (*shape, error) {
	if t.Kind() != reflect.Struct || isLeaf(t) {
		return nil, fmt.Errorf("config type %s is no plain struct; a config is a JSON object", t)
	}
	in := inference{
		schemas: map[reflect.Type]*jsonschema.Schema{}, fields: map[reflect.Type]fieldIndex{}, traits: map[reflect.Type]traits{},
		open: map[reflect.Type]bool{},
	}
	if err := in.visit(t, t.String()); err != nil {
		return nil, err
	}
	schema, err := jsonschema.ForType(t, &jsonschema.ForOptions{TypeSchemas: in.schemas})
	if err != nil {
		return nil, err
	}
	s := &shape{
		schema: schema, fields: in.fields, traits: in.traits, patterns: map[string]func(string) bool{},
		keys: map[*jsonschema.Schema][]string{},
	}
	if err := s.prepare(schema); err != nil {
		return nil, fmt.Errorf("schema of %s: %w", t, err)
	}
	if err := addDefaults(schema, reflect.New(t).Interface()); err != nil {
		return nil, err
	}
	schema.Schema = schemaDialect
	if s.resolved, err = schema.Resolve(&jsonschema.ResolveOptions{ValidateDefaults: true}); err != nil {
		return nil, fmt.Errorf("schema of %s: %w", t, err)
	}
	if s.walked(schema, t) {
		s.resolved = nil
	}
	s.json, err = json.Marshal(schema)
	return s, err
}

// maxInteger is the largest integer in a config: a number arrives as a float64, which holds integers only up to here exactly.
const maxInteger = 1<<53 - 1

// prepare compiles the patterns in a schema, sorts its keys, and takes back two liberties of inference. It lets null stand for slices and pointers, but leaving the
// key out says the same, and in one way only. And it leaves integers without bounds.
func (s *shape) prepare(node *jsonschema.Schema) error {
	if node == nil {
		return nil
	}
	if len(node.Types) == 2 && node.Types[0] == "null" {
		node.Type, node.Types = node.Types[1], nil
	}
	if node.Type == "integer" {
		node.Minimum = orLimit(node.Minimum, -maxInteger)
		node.Maximum = orLimit(node.Maximum, maxInteger)
	}
	switch node.Pattern {
	case "":
	case durationPattern:
		s.patterns[node.Pattern] = isDuration[string]
	default:
		compiled, err := regexp.Compile(node.Pattern)
		if err != nil {
			return err
		}
		s.patterns[node.Pattern] = compiled.MatchString
	}
	s.keys[node] = knownKeys(node)
	err := errors.Join(s.prepare(node.Items), s.prepare(node.AdditionalProperties))
	for _, name := range sortedKeys(node.Properties) {
		err = errors.Join(err, s.prepare(node.Properties[name]))
	}
	return err
}

func orLimit(bound *float64, limit float64) *float64 {
	if bound == nil {
		return &limit
	}
	return bound
}

// addDefaults writes what SetDefaults sets into the schema. config is a pointer to a zero value.
func addDefaults(s *jsonschema.Schema, config any) error {
	zero, err := toObject(config)
	if err != nil {
		return fmt.Errorf("zero %T: %w", config, err)
	}
	set := reflect.ValueOf(config).Elem()
	traitsOf(set.Type()).setDefaults(set)
	given, err := toObject(config)
	if err != nil {
		return fmt.Errorf("defaults of %T: %w", config, err)
	}
	return addObjectDefaults(s, zero, given, "")
}

// addObjectDefaults does so for one object. zero is the object before SetDefaults, nil where there was none.
func addObjectDefaults(s *jsonschema.Schema, zero, set map[string]any, path string) error {
	for _, name := range sortedKeys(set) {
		property := s.Properties[name]
		if property == nil {
			continue // hidden by ExtendSchema
		}
		object, _ := set[name].(map[string]any)
		nested := object != nil && property.Properties != nil
		if nested {
			before, _ := zero[name].(map[string]any)
			if err := addObjectDefaults(property, before, object, Key(path, name)); err != nil {
				return err
			}
		}
		switch required := slices.Contains(s.Required, name); {
		case required && !nested && zero != nil && !jsonschema.Equal(zero[name], set[name]):
			return fmt.Errorf("SetDefaults sets %s, which is required; add omitzero to its json tag", Key(path, name))
		case !required && (!nested || zero[name] == nil):
			property.Default, _ = json.Marshal(set[name]) // it was JSON before
		}
	}
	return nil
}

// toObject returns a struct as encoding/json decodes what it encodes.
func toObject(v any) (map[string]any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	err = json.Unmarshal(text, &out)
	return out, err
}
