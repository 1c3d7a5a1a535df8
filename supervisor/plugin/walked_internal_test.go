package plugin

import (
	"reflect"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
)

// inside is a type with all that something can be inside of.
type inside struct {
	Field   string            `json:"field"`
	Element []string          `json:"element"`
	Entry   map[string]string `json:"entry"`
	Text    Duration          `json:"text"`
	Any     any               `json:"any"`
}

// A keyword is known to the walk, or leaves the last word to the library, wherever it is.
func TestKeywordsBeyondTheWalk(t *testing.T) {
	everywhere := map[string]bool{
		"Schema": true, "Comment": true, "Title": true, "Description": true, "Default": true, "Examples": true, "Type": true, "Types": true, "Enum": true,
		"Minimum": true, "Maximum": true, "ExclusiveMinimum": true, "ExclusiveMaximum": true, "MinLength": true, "MaxLength": true, "Pattern": true,
		"MinItems": true, "MaxItems": true, "MinProperties": true, "MaxProperties": true, "PropertyOrder": true,
	}
	places := map[string]func(s *jsonschema.Schema) *jsonschema.Schema{
		"field":   func(s *jsonschema.Schema) *jsonschema.Schema { return s.Properties["field"] },
		"element": func(s *jsonschema.Schema) *jsonschema.Schema { return s.Properties["element"].Items },
		"list":    func(s *jsonschema.Schema) *jsonschema.Schema { return s.Properties["element"] },
		"entry":   func(s *jsonschema.Schema) *jsonschema.Schema { return s.Properties["entry"].AdditionalProperties },
		"map":     func(s *jsonschema.Schema) *jsonschema.Schema { return s.Properties["entry"] },
		"text":    func(s *jsonschema.Schema) *jsonschema.Schema { return s.Properties["text"] },
		"any":     func(s *jsonschema.Schema) *jsonschema.Schema { return s.Properties["any"] },
		"whole":   func(s *jsonschema.Schema) *jsonschema.Schema { return s },
	}
	// What is inside of a value is known where there can be something inside.
	only := map[string]bool{"list Items": true, "map AdditionalProperties": true}
	fields := reflect.TypeFor[jsonschema.Schema]()
	for i := range fields.NumField() {
		name := fields.Field(i).Name
		for place, find := range places {
			of := reflect.TypeFor[inside]()
			s, err := newShape(of)
			if err != nil {
				t.Fatal(err)
			}
			if s.resolved != nil {
				t.Fatal("the library is asked about a schema without anything special")
			}
			set(reflect.ValueOf(find(s.schema)).Elem().Field(i))
			here := only[place+" "+name]
			if want, got := everywhere[name] || here, s.walked(s.schema, of); got != want {
				t.Errorf("%s of the %s: walked is %v", name, place, got)
			}
		}
	}
}

// set gives a field of a schema a value other than zero, inside of which there is nothing.
func set(field reflect.Value) {
	switch field.Kind() {
	case reflect.Pointer:
		field.Set(reflect.New(field.Type().Elem()))
	case reflect.Map:
		field.Set(reflect.MakeMap(field.Type()))
	case reflect.Slice:
		field.Set(reflect.MakeSlice(field.Type(), 1, 1))
	case reflect.String:
		field.SetString("x")
	default:
		field.SetBool(true)
	}
}
