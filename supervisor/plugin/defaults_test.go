package plugin_test

import (
	"reflect"
	"strings"
	"testing"
)

// wheel has a default of its own, wherever it stands.
type wheel struct {
	Spokes int    `json:"spokes,omitempty" jsonschema:"how many"`
	Rim    string `json:"rim,omitempty" jsonschema:"of which material"`
}

func (w *wheel) SetDefaults() { w.Spokes, w.Rim = 32, "alloy" }

type bicycle struct {
	Front wheel            `json:"front,omitzero" jsonschema:"wheel"`
	Rear  wheel            `json:"rear,omitzero" jsonschema:"wheel"`
	Spare *wheel           `json:"spare,omitempty" jsonschema:"wheel"`
	Shop  []wheel          `json:"shop,omitempty" jsonschema:"wheels"`
	Named map[string]wheel `json:"named,omitempty" jsonschema:"wheels"`
}

// SetDefaults knows better than wheel.
func (b *bicycle) SetDefaults() { b.Rear.Spokes = 36 }

func TestStructsInsideHaveTheirDefaults(t *testing.T) {
	r := newRegistry(t, define[bicycle]("bicycle"))
	for text, want := range map[string]bicycle{
		`{}`: {Front: wheel{32, "alloy"}, Rear: wheel{36, "alloy"}},
		`{"front":{"spokes":0},"rear":{"rim":""}}`: {Front: wheel{0, "alloy"}, Rear: wheel{36, ""}},
		`{"spare":{"rim":"wood"},"shop":[{},{"spokes":1}],"named":{"a":{}}}`: {
			Front: wheel{32, "alloy"}, Rear: wheel{36, "alloy"}, Spare: &wheel{32, "wood"},
			Shop: []wheel{{32, "alloy"}, {1, "alloy"}}, Named: map[string]wheel{"a": {32, "alloy"}},
		},
	} {
		task, err := r.Build("bicycle", object(t, text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := task.(body).config; !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", text, got, want)
		}
	}
	schema := string(r.List()[0].Schema)
	for _, place := range []string{`"front":{`, `"spare":{`, `"shop":{"type":"array","items":{`, `"named":{"type":"object","description":"wheels","additionalProperties":{`} {
		_, after, found := strings.Cut(schema, place)
		if end := strings.Index(after, `"additionalProperties":false`); !found || end < 0 || !strings.Contains(after[:end], `"description":"how many","default":32`) {
			t.Errorf("no default after %s in %s", place, schema)
		}
	}
	if !strings.Contains(schema, `"default":36`) {
		t.Errorf("the default of the bicycle is not in %s", schema)
	}
}
