package plugin

import (
	"reflect"

	"github.com/google/jsonschema-go/jsonschema"
)

// walked reports whether the walk of the decoder checks all that a schema says about a config of type t. Then the library would only do all of that a
// second time, which takes longer than the walk. A keyword that the walk does not know, now or in a later version of the library, makes it false.
func (s *shape) walked(node *jsonschema.Schema, t reflect.Type) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case node == nil:
		return true
	case !reflect.DeepEqual(beyondTheWalk(*node), jsonschema.Schema{}):
		return false
	case isLeaf(t):
		return onlyInside(node, &jsonschema.Schema{})
	}
	switch t.Kind() {
	case reflect.Struct:
		closed := &jsonschema.Schema{Not: &jsonschema.Schema{}}
		return onlyInside(node, &jsonschema.Schema{Properties: node.Properties, Required: node.Required, AdditionalProperties: closed}) &&
			s.walkedFields(node, t)
	case reflect.Map:
		return onlyInside(node, &jsonschema.Schema{AdditionalProperties: node.AdditionalProperties}) && s.walked(node.AdditionalProperties, t.Elem())
	case reflect.Slice, reflect.Array:
		return onlyInside(node, &jsonschema.Schema{Items: node.Items}) && s.walked(node.Items, t.Elem())
	default:
		return onlyInside(node, &jsonschema.Schema{})
	}
}

func (s *shape) walkedFields(node *jsonschema.Schema, t reflect.Type) bool {
	for _, name := range node.Required {
		if node.Properties[name] == nil {
			return false
		}
	}
	for name, property := range node.Properties {
		if !s.walked(property, t.FieldByIndex(s.fields[t][name]).Type) {
			return false
		}
	}
	return true
}

// onlyInside reports whether a schema says about what is inside of a value no more than the other one.
func onlyInside(node, other *jsonschema.Schema) bool {
	return reflect.DeepEqual(&jsonschema.Schema{
		Properties: node.Properties, Required: node.Required, AdditionalProperties: node.AdditionalProperties, Items: node.Items,
	}, other)
}

// beyondTheWalk returns what is left of a schema without the keywords that decoder.value checks, and those that only tell people something. Those about
// what is inside of the value are left to walked.
func beyondTheWalk(s jsonschema.Schema) jsonschema.Schema {
	s.Schema, s.Title, s.Description, s.Comment, s.Examples, s.Default, s.PropertyOrder = "", "", "", "", nil, nil, nil
	s.Type, s.Types, s.Enum = "", nil, nil                                               // hasType, constraints
	s.Minimum, s.Maximum, s.ExclusiveMinimum, s.ExclusiveMaximum = nil, nil, nil, nil    // beyond
	s.MinLength, s.MaxLength, s.MinItems, s.MaxItems, s.Pattern = nil, nil, nil, nil, "" // counts, pattern
	s.MinProperties, s.MaxProperties = nil, nil                                          // counts
	s.Properties, s.Required, s.AdditionalProperties, s.Items = nil, nil, nil, nil
	return s
}
