package plugin

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/jsonschema-go/jsonschema"
)

// maxDepth is how deep objects and arrays may nest in a config.
const maxDepth = 64

// decode fills config, a pointer to a zero value of the struct type of the shape, from a JSON object, over its defaults. It returns all that is
// wrong with the object.
//
// It walks value, schema and Go value side by side. Validation by the library would stop at the first problem and name the place in the schema
// instead of the place in the config; encoding/json would do the first, accept keys in the wrong case, and merge a map with its default.
// The library has the last word where there are keywords that the walk does not know: they count too. See walked.
func (s *shape) decode(given map[string]any, config any) []Violation {
	dst := reflect.ValueOf(config).Elem()
	s.setDefaults(dst)
	d := decoder{shape: s}
	object := any(orEmpty(given))
	if !normal(object, 0) {
		object = d.normalize("", object, 0)
	}
	if len(d.Violations) == 0 {
		d.value("", s.schema, object, dst)
	}
	if len(d.Violations) == 0 && s.resolved != nil {
		if err := s.resolved.Validate(object); err != nil {
			d.Add("", "the config does not match its schema: %v", err)
		}
	}
	return d.Violations
}

func orEmpty(object map[string]any) map[string]any {
	if object == nil {
		return map[string]any{}
	}
	return object
}

// decoder is one walk over a config.
type decoder struct {
	shape *shape
	Violations
}

// normal reports whether v is what normalize would return, so that there is no need of a copy: the walk changes nothing, and keeps nothing.
func normal(v any, depth int) bool {
	if depth > maxDepth {
		return false
	}
	switch v := v.(type) {
	case nil, bool, string:
		return true
	case float64:
		return !math.IsNaN(v) && !math.IsInf(v, 0)
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !normal(e, depth+1) })
	case map[string]any:
		for _, e := range v {
			if !normal(e, depth+1) {
				return false
			}
		}
		return true
	default:
		return false
	}
}

// normalize returns a copy of v made of nil, bool, float64, string, []any and map[string]any.
func (d *decoder) normalize(path string, v any, depth int) any {
	if depth > maxDepth {
		d.Add(cut(path), "nested more than %d deep; give a flatter value", maxDepth)
		return nil
	}
	switch v := v.(type) {
	case nil, bool, string:
		return v
	case float64:
		d.Check(!math.IsNaN(v) && !math.IsInf(v, 0), path, "%v is not a number in JSON; give a finite one", v)
		return v
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = d.normalize(Index(path, i), e, depth+1)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, key := range sortedKeys(v) {
			out[key] = d.normalize(Key(path, key), v[key], depth+1)
		}
		return out
	default:
		return d.normalizeGo(path, v)
	}
}

// normalizeGo takes a Go value for what encoding/json makes of it.
func (d *decoder) normalizeGo(path string, v any) any {
	var out any
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		d.Add(path, "a Go value of type %T is no JSON value: %v", v, err)
	}
	return out
}

// value decodes v into dst if it keeps to the schema.
func (d *decoder) value(path string, s *jsonschema.Schema, v any, dst reflect.Value) {
	if !d.hasType(path, s, v) {
		return
	}
	for dst.Kind() == reflect.Pointer {
		if dst.IsNil() {
			dst.Set(reflect.New(dst.Type().Elem()))
			d.shape.setDefaults(dst.Elem())
		}
		dst = dst.Elem()
	}
	if d.shape.traits[dst.Type()].leaf { // its own words are better than those about a pattern
		if d.leaf(path, v, dst) {
			d.constraints(path, s, v)
		}
		return
	}
	if !d.constraints(path, s, v) {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		d.object(path, s, v, dst)
	case []any:
		d.array(path, s, v, dst)
	default:
		d.leaf(path, v, dst)
	}
}

func (d *decoder) object(path string, s *jsonschema.Schema, v map[string]any, dst reflect.Value) {
	switch dst.Kind() {
	case reflect.Struct:
		d.fieldsOf(path, s, v, dst)
	case reflect.Map:
		d.entriesOf(path, s, v, dst)
	default:
		d.leaf(path, v, dst)
	}
}

// fieldsOf decodes an object into a struct. Fields whose key is missing keep what they have: the default.
func (d *decoder) fieldsOf(path string, s *jsonschema.Schema, v map[string]any, dst reflect.Value) {
	known := 0
	for _, name := range d.shape.keys[s] {
		property := s.Properties[name]
		given, ok := v[name]
		switch {
		case ok:
			known++
			d.value(Key(path, name), property, given, dst.FieldByIndex(d.shape.fields[dst.Type()][name]))
		case slices.Contains(s.Required, name):
			d.Add(Key(path, name), "is missing; %s%s", give(property), describe(property))
		}
	}
	if known < len(v) {
		d.unknown(path, s, v)
	}
}

// unknown reports the keys that the schema does not have.
func (d *decoder) unknown(path string, s *jsonschema.Schema, v map[string]any) {
	for _, name := range sortedKeys(v) {
		if s.Properties[name] == nil {
			d.Add(Key(path, name), "%s", unknownKey(name, s))
		}
	}
}

func unknownKey(name string, s *jsonschema.Schema) string {
	known := knownKeys(s)
	if len(known) == 0 {
		return fmt.Sprintf("there is no key %s here; leave it out, there are no keys at all", quote(name))
	}
	return fmt.Sprintf("there is no key %s here;%s the keys are %s", quote(name), didYouMean(name, known), strings.Join(known, ", "))
}

// knownKeys returns the keys of a struct in the order of its fields.
func knownKeys(s *jsonschema.Schema) []string {
	position := func(name string) int {
		if i := slices.Index(s.PropertyOrder, name); i >= 0 {
			return i
		}
		return len(s.PropertyOrder)
	}
	keys := sortedKeys(s.Properties)
	slices.SortStableFunc(keys, func(a, b string) int { return position(a) - position(b) })
	return keys
}

// entriesOf decodes an object into a map, in place of the default.
func (d *decoder) entriesOf(path string, s *jsonschema.Schema, v map[string]any, dst reflect.Value) {
	t := dst.Type()
	out := reflect.MakeMapWithSize(t, len(v))
	for _, key := range sortedKeys(v) {
		element := reflect.New(t.Elem()).Elem()
		d.shape.setDefaults(element)
		d.value(Key(path, key), orAny(s.AdditionalProperties), v[key], element)
		out.SetMapIndex(reflect.ValueOf(key).Convert(t.Key()), element)
	}
	dst.Set(out)
}

// array decodes an array into a slice or an array, in place of the default.
func (d *decoder) array(path string, s *jsonschema.Schema, v []any, dst reflect.Value) {
	switch dst.Kind() {
	case reflect.Slice:
		dst.Set(reflect.MakeSlice(dst.Type(), len(v), len(v)))
	case reflect.Array: // the schema has made sure of the length
	default:
		d.leaf(path, v, dst)
		return
	}
	for i, element := range v {
		d.shape.setDefaults(dst.Index(i))
		d.value(Index(path, i), orAny(s.Items), element, dst.Index(i))
	}
}

// orAny returns the schema, or one that allows anything where there is none.
func orAny(s *jsonschema.Schema) *jsonschema.Schema {
	if s == nil {
		return &jsonschema.Schema{}
	}
	return s
}

// text decodes a string into a string, or into what decodes itself from text, as encoding/json does, and reports whether that was possible. Most
// of most configs are such strings, and the way by JSON takes ten times as long.
func text(v any, dst reflect.Value) bool {
	s, ok := v.(string)
	if !ok || !utf8.ValidString(s) {
		return false
	}
	switch decoder := dst.Addr().Interface().(type) {
	case json.Unmarshaler:
		return false
	case encoding.TextUnmarshaler:
		dst.SetZero()                                  // nothing of the default shines through
		return decoder.UnmarshalText([]byte(s)) == nil // what is wrong is said on the long way
	}
	if dst.Kind() != reflect.String || dst.Type() == reflect.TypeFor[json.Number]() {
		return false
	}
	dst.SetString(s)
	return true
}

// leaf leaves a value to encoding/json, and reports whether that took it.
func (d *decoder) leaf(path string, v any, dst reflect.Value) bool {
	if text(v, dst) {
		return true
	}
	encoded, err := json.Marshal(v)
	if err == nil {
		fresh := reflect.New(dst.Type()) // nothing of the default shines through
		if err = json.Unmarshal(encoded, fresh.Interface()); err == nil {
			dst.Set(fresh.Elem())
			return true
		}
	}
	if dst.Kind() == reflect.Float32 && !isLeaf(dst.Type()) {
		d.Add(path, "%s is out of range; give a number from %g to %g", quote(v), -math.MaxFloat32, math.MaxFloat32)
		return false
	}
	problem := strings.TrimPrefix(err.Error(), "json: ")
	if !strings.Contains(problem, quote(v)) {
		problem = fmt.Sprintf("%s is refused: %s", quote(v), problem)
	}
	d.Add(path, "%s", problem)
	return false
}
