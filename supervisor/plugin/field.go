package plugin

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// fieldIndex tells which field of a struct has a key, as reflect.Value.FieldByIndex takes it.
type fieldIndex map[string][]int

// newFieldIndex indexes t. It refuses fields that the schema library and encoding/json see with different eyes.
func newFieldIndex(t reflect.Type) (fieldIndex, error) {
	index := fieldIndex{}
	for _, f := range reflect.VisibleFields(t) {
		name, options := jsonTag(f)
		switch {
		case f.Anonymous:
			if err := checkEmbedded(f); err != nil {
				return nil, err
			}
		case !f.IsExported() || name == "-" && options == "":
		case strings.Contains(options, ",string"):
			return nil, fmt.Errorf(`field %s has the option "string" in its json tag, which a schema cannot say; remove it`, f.Name)
		case index[name] != nil:
			return nil, fmt.Errorf("two fields have the key %q; rename one", name)
		default:
			index[name] = f.Index
		}
	}
	return index, nil
}

// jsonTag returns the key of a field, and the options in its json tag from the first comma on.
func jsonTag(f reflect.StructField) (name, options string) {
	tag := f.Tag.Get("json")
	if i := strings.IndexByte(tag, ','); i >= 0 {
		tag, options = tag[:i], tag[i:]
	}
	if tag == "" {
		tag = f.Name
	}
	return tag, options
}

func checkEmbedded(f reflect.StructField) error {
	if f.Type.Kind() != reflect.Struct || isLeaf(f.Type) || f.Tag.Get("json") != "" {
		return fmt.Errorf("%s is embedded; embed only plain structs without a json tag, or give it a field name", f.Name)
	}
	return nil
}

// isLeaf reports whether values of t decode themselves, so that nobody else looks inside.
func isLeaf(t reflect.Type) bool {
	return isText(t) || t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]())
}

// isText reports whether values of t are strings in JSON because they decode themselves from text.
func isText(t reflect.Type) bool {
	return t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}
