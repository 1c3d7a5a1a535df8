package plugin

import (
	"fmt"
	"reflect"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
)

// SchemaExtender is an optional interface of a config and of the types of its fields, for rules that a type cannot state: enum, minimum, minItems,
// pattern, examples and so on. ExtendSchema is called on a zero value, with the schema that was derived from the type. It may narrow
// what the type accepts and describe it better; what it widens is refused all the same.
type SchemaExtender interface {
	ExtendSchema(s *jsonschema.Schema)
}

// inference prepares the derivation of a schema, which is the library's: it finds the types that have a say in their schema, and refuses
// those that the library and encoding/json see with different eyes.
type inference struct {
	schemas map[reflect.Type]*jsonschema.Schema // of types with a say
	fields  map[reflect.Type]fieldIndex         // of all structs
	traits  map[reflect.Type]traits             // of all types
	open    map[reflect.Type]bool               // being visited
}

// visit looks at t and at the types in it. path is for errors.
func (in *inference) visit(t reflect.Type, path string) error {
	if in.open[t] {
		return fmt.Errorf("%s: type %s contains itself; a schema cannot say that", path, t)
	}
	in.open[t] = true
	defer delete(in.open, t)
	in.traits[t] = traitsOf(t)
	if err := in.visitInside(t, path); err != nil {
		return err
	}
	return in.extend(t, path)
}

func (in *inference) visitInside(t reflect.Type, path string) error {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return fmt.Errorf("%s: time.Duration is a bare number in JSON; use plugin.Duration", path)
	case isLeaf(t):
		return nil
	}
	switch t.Kind() {
	case reflect.Struct:
		return in.visitFields(t, path)
	case reflect.Map:
		if t.Key().Kind() != reflect.String || isLeaf(t.Key()) {
			return fmt.Errorf("%s: keys of type %s; use string", path, t.Key())
		}
		return in.visit(t.Elem(), path+"[key]")
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return fmt.Errorf("%s: %s is not the same in JSON and in its schema; use string", path, t)
		}
		return in.visit(t.Elem(), path+"[i]")
	case reflect.Pointer:
		return in.visit(t.Elem(), path)
	default: // scalars; the library refuses what cannot be JSON
		return nil
	}
}

func (in *inference) visitFields(t reflect.Type, path string) error {
	index, err := newFieldIndex(t)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	in.fields[t] = index
	for _, name := range sortedKeys(index) {
		f := t.FieldByIndex(index[name])
		if err := in.visit(f.Type, path+"."+f.Name); err != nil {
			return err
		}
	}
	return nil
}

// extend puts t among the types with a say if it has one.
func (in *inference) extend(t reflect.Type, path string) error {
	extender, extends := reflect.New(t).Interface().(SchemaExtender)
	_, defaults := reflect.New(t).Interface().(Defaulter)
	defaults = defaults && t.Kind() == reflect.Struct && !isLeaf(t)
	if t.Kind() == reflect.Pointer || !extends && !defaults && !isLeaf(t) {
		return nil
	}
	s := &jsonschema.Schema{Type: "string"}
	switch {
	case !isLeaf(t):
		var err error
		if s, err = jsonschema.ForType(t, &jsonschema.ForOptions{TypeSchemas: in.schemas}); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	case !isText(t) && !extends:
		return fmt.Errorf("%s: type %s decodes itself, so nobody knows its schema; give it ExtendSchema or UnmarshalText", path, t)
	}
	if extends {
		extender.ExtendSchema(s)
	}
	for _, name := range sortedKeys(s.Properties) {
		if _, ok := in.fields[t][name]; !ok && in.fields[t] != nil {
			return fmt.Errorf("%s: ExtendSchema adds the key %q, for which %s has no field", path, name, t)
		}
	}
	if defaults { // of the type as such: it may stand in a list, in a map or behind a pointer
		if err := addDefaults(s, reflect.New(t).Interface()); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	in.schemas[t] = s
	return nil
}
