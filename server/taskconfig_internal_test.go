package server

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"
	"pgregory.net/rapid"
)

// drawValue draws a value that a message can hold, and now and then one that JSON cannot.
func drawValue(t *rapid.T, depth int) *structpb.Value {
	kinds := 7
	if depth > 4 {
		kinds = 5
	}
	switch rapid.IntRange(0, kinds).Draw(t, "kind") {
	case 0:
		return structpb.NewNullValue()
	case 1:
		return structpb.NewBoolValue(rapid.Bool().Draw(t, "bool"))
	case 2:
		return structpb.NewNumberValue(rapid.OneOf(rapid.Float64(), rapid.Just(-math.MaxFloat64), rapid.Just(-1.2345678901234567e-6)).Draw(t, "number"))
	case 3, 4:
		return structpb.NewStringValue(rapid.OneOf(rapid.String(), rapid.Just("\x00\x01\u2028")).Draw(t, "text"))
	case 5:
		return rapid.SampledFrom([]*structpb.Value{
			nil, {}, structpb.NewNumberValue(math.NaN()), structpb.NewNumberValue(math.Inf(-1)), structpb.NewStringValue("\xff"),
			structpb.NewStructValue(nil), structpb.NewListValue(nil),
		}).Draw(t, "odd")
	case 6:
		list := &structpb.ListValue{}
		for range rapid.IntRange(0, 3).Draw(t, "elements") {
			list.Values = append(list.Values, drawValue(t, depth+1))
		}
		return structpb.NewListValue(list)
	default:
		return structpb.NewStructValue(drawObject(t, depth+1))
	}
}

func drawObject(t *rapid.T, depth int) *structpb.Struct {
	object := &structpb.Struct{Fields: map[string]*structpb.Value{}}
	for range rapid.IntRange(0, 3).Draw(t, "keys") {
		object.Fields[rapid.OneOf(rapid.String(), rapid.Just("\x01"), rapid.SampledFrom([]string{"a", "\xff"})).Draw(t, "key")] = drawValue(t, depth)
	}
	return object
}

// The short way through a config comes to what the library makes of it, and gives way to the long one whenever that has something to say.
func TestConfigsAreReadAsTheyAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		config := drawObject(t, 0)
		var r configReader
		object, ok := r.object(config, 0)
		var v violations
		v.jsonObject("task.config", config, 0)
		if ok != (len(v) == 0) {
			t.Fatalf("ok is %v, with %v", ok, v)
		}
		if !ok {
			return
		}
		if want := config.AsMap(); !reflect.DeepEqual(object, want) {
			t.Errorf("got %v, want %v", object, want)
		}
		if size, err := jsonSize(object); err != nil || size > r.most {
			t.Errorf("at most %d bytes of JSON, and it has %d, %v", r.most, size, err)
		}
	})
}

// Nested values count wherever they are, at the depth that is allowed and beyond.
func TestConfigsAreReadToTheirDepth(t *testing.T) {
	for name, wrap := range map[string]func(*structpb.Value) *structpb.Value{
		"objects": func(v *structpb.Value) *structpb.Value {
			return structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{"a": v}})
		},
		"lists": func(v *structpb.Value) *structpb.Value {
			return structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{v}})
		},
	} {
		value := structpb.NewBoolValue(true)
		for depth := 1; depth <= maxConfigDepth+1; depth++ {
			var v violations
			_, ok := configObject(&structpb.Struct{Fields: map[string]*structpb.Value{"a": value}}, &v)
			if want := depth <= maxConfigDepth; ok != want || len(v) == 0 != want {
				t.Errorf("%d %s: ok is %v, with %v", depth-1, name, ok, v)
			}
			value = wrap(value)
		}
	}
}

// What is about as large as is allowed is measured to the byte, escapes included.
func TestConfigsAreMeasured(t *testing.T) {
	for _, char := range []string{"x", "\x01", "é"} {
		const frame = len(`{"a":""}`)
		each := len(char)
		if char < " " {
			each = maxJSONChar
		}
		fits := (maxConfigBytes - frame) / each
		for _, n := range []int{fits, fits + 1} {
			var v violations
			text := structpb.NewStringValue(strings.Repeat(char, n))
			_, ok := configObject(&structpb.Struct{Fields: map[string]*structpb.Value{"a": text}}, &v)
			if want := n == fits; ok != want || len(v) == 0 != want {
				t.Errorf("%d times %q: ok is %v, with %v", n, char, ok, v)
			}
		}
	}
}
