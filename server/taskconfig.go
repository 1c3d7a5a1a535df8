package server

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// configObject returns the config of a task as package plugin takes it, and whether it is one. A message can hold what JSON cannot, and
// structpb makes something of it: a string of NaN, and null of a value that is not there. Nobody meant that, so it is refused here. So is text
// that is not UTF-8, which comes only from the own process, and could not be sent in any answer.
func configObject(config *structpb.Struct, v *violations) (object map[string]any, ok bool) {
	const field = "task.config"
	var r configReader
	object, ok = r.object(config, 0)
	if !ok {
		v.jsonObject(field, config, 0)
		return nil, false
	}
	if r.most <= maxConfigBytes {
		return object, true
	}
	before := len(*v)
	size, err := jsonSize(object)
	v.check(err == nil, field, "this is no JSON object: %v", err)
	v.check(size <= maxConfigBytes, field, "%d bytes of JSON are too many; give at most %d", size, maxConfigBytes)
	return object, len(*v) == before
}

// configReader makes of a config what structpb.Struct.AsMap does, for as long as jsonObject has nothing against it: what is wrong is seldom looked
// for, and then in an order and with paths, which take their time.
type configReader struct {
	most int // the JSON of what was read has at most that many bytes; what has few needs not be encoded to be measured
}

// Bounds of bytes of JSON.
const (
	maxJSONChar   = len(`\u0000`) // of a byte of text
	maxJSONScalar = 32            // of a number, which has at most 25; of true, false and null
	maxJSONFrame  = len(`"":,`)   // of what is around an element besides its own text
)

func (r *configReader) object(object *structpb.Struct, depth int) (map[string]any, bool) {
	out := make(map[string]any, len(object.GetFields()))
	r.most += maxJSONFrame
	for key, value := range object.GetFields() {
		plain, ok := r.value(value, depth+1)
		if !ok || !r.text(key) {
			return nil, false
		}
		out[key] = plain
	}
	return out, true
}

func (r *configReader) list(list *structpb.ListValue, depth int) ([]any, bool) {
	out := make([]any, len(list.GetValues()))
	r.most += maxJSONFrame
	for i, value := range list.GetValues() {
		plain, ok := r.value(value, depth+1)
		if !ok {
			return nil, false
		}
		out[i] = plain
	}
	return out, true
}

func (r *configReader) value(value *structpb.Value, depth int) (plain any, ok bool) {
	if depth > maxConfigDepth {
		return nil, false
	}
	r.most += maxJSONScalar + maxJSONFrame
	switch kind := value.GetKind().(type) {
	case *structpb.Value_NullValue:
		return nil, true
	case *structpb.Value_BoolValue:
		return kind.BoolValue, true
	case *structpb.Value_NumberValue:
		n := kind.NumberValue
		return n, !math.IsNaN(n) && !math.IsInf(n, 0)
	case *structpb.Value_StringValue:
		return kind.StringValue, r.text(kind.StringValue)
	case *structpb.Value_StructValue:
		return r.object(kind.StructValue, depth)
	case *structpb.Value_ListValue:
		return r.list(kind.ListValue, depth)
	default:
		return nil, false
	}
}

func (r *configReader) text(text string) bool {
	r.most += maxJSONFrame + maxJSONChar*len(text)
	return utf8.ValidString(text)
}

// maxConfigDepth is how many objects and lists a config may have inside each other. No real one has that many; the paths of a bottomless
// one would take a lot of memory.
const maxConfigDepth = 100

func (v *violations) jsonObject(field string, object *structpb.Struct, depth int) {
	for _, key := range slices.Sorted(maps.Keys(object.GetFields())) {
		if !utf8.ValidString(key) {
			v.add(plugin.Key(field, key), "the key %s is not UTF-8; give one that is", quote(key))
		}
		v.jsonValue(plugin.Key(field, key), object.GetFields()[key], depth+1)
	}
}

func (v *violations) jsonValue(field string, value *structpb.Value, depth int) {
	if depth > maxConfigDepth {
		const whole = "task.config"
		if last := len(*v) - 1; last < 0 || (*v)[last].field != whole { // not for each element of a list down there
			v.add(whole, "it has more than %d objects and lists inside each other; give fewer", maxConfigDepth)
		}
		return
	}
	switch kind := value.GetKind().(type) {
	case nil:
		v.add(field, "the value has no kind; give a JSON value")
	case *structpb.Value_NumberValue:
		n := kind.NumberValue
		v.check(!math.IsNaN(n) && !math.IsInf(n, 0), field, "%v is no JSON number; give a finite one", n)
	case *structpb.Value_StringValue:
		if !utf8.ValidString(kind.StringValue) {
			v.add(field, "%s is not UTF-8; give a text that is", quote(kind.StringValue))
		}
	case *structpb.Value_StructValue:
		v.jsonObject(field, kind.StructValue, depth)
	case *structpb.Value_ListValue:
		for i, element := range kind.ListValue.GetValues() {
			v.jsonValue(plugin.Index(field, i), element, depth+1)
		}
	}
}

// jsonSize returns the number of bytes of an object as JSON, without any space.
func jsonSize(object map[string]any) (int, error) {
	var size byteCount
	encoder := json.NewEncoder(&size)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(object); err != nil {
		return 0, err
	}
	return int(size) - len("\n"), nil
}

// byteCount is a writer that only counts.
type byteCount int

func (c *byteCount) Write(p []byte) (int, error) {
	*c += byteCount(len(p))
	return len(p), nil
}
