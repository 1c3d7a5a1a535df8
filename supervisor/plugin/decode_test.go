package plugin_test

import (
	"context"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

func TestAConfigFillsTheStruct(t *testing.T) {
	r := newRegistry(t, newMachine())
	for text, want := range map[string]machine{
		`{"name":"a"}`:                 {Name: "a"},
		`{"name":"a","count":-2.0}`:    {Name: "a", Count: -2}, // JSON has one kind of number
		`{"name":"a","port":65535}`:    {Name: "a", Port: 65535},
		`{"name":"äöüßé"}`:             {Name: "äöüßé"}, // characters, not bytes
		`{"name":"a","parts":[]}`:      {Name: "a", Parts: []part{}},
		`{"name":"a","any":[1,null]}`:  {Name: "a", Any: []any{1.0, nil}},
		`{"name":"a","wait":"1h1.5s"}`: {Name: "a", Wait: plugin.Duration(time.Hour + 1500*time.Millisecond)},
		`{"name":"a","zone":"z","count":9007199254740991,"ratio":0.5,"color":"red","tags":["x",""],"pair":[1,-1],"env":{"A.b":"c"},"part":{"weight":1},
		  "spare":{"weight":2,"note":"n"},"parts":[{"weight":3},{"weight":4}],"shelf":{"top":{"weight":5}},"any":{"x":{}},"on":true}`: {
			zone: zone{"z"}, Name: "a", Count: 1<<53 - 1, Ratio: 0.5, Color: "red", Tags: []string{"x", ""}, Pair: [2]int{1, -1}, Env: map[string]string{"A.b": "c"},
			Part: part{Weight: 1}, Spare: &part{2, "n"}, Parts: []part{{Weight: 3}, {Weight: 4}}, Shelf: map[string]part{"top": {Weight: 5}},
			Any: map[string]any{"x": map[string]any{}}, On: true,
		},
	} {
		task, err := r.Build("machine", object(t, text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := task.(body).config; !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", text, got, want)
		}
	}
}

// Go programs build configs out of their own values, not of what encoding/json has decoded.
func TestGoValuesAreTakenForWhatJSONMakesOfThem(t *testing.T) {
	r := newRegistry(t, newMachine())
	task, err := r.Build("machine", map[string]any{
		"name": color("red"), "tags": []string{"x"}, "count": int32(7), "wait": plugin.Duration(time.Second), "spare": &part{Weight: 1}, "any": time.Unix(0, 0).UTC(),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := machine{Name: "red", Tags: []string{"x"}, Count: 7, Wait: plugin.Duration(time.Second), Spare: &part{Weight: 1}, Any: "1970-01-01T00:00:00Z"}
	if got := task.(body).config; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	_, err = r.Build("machine", map[string]any{"name": make(chan int), "ratio": math.NaN(), "any": []any{math.Inf(-1)}})
	want2 := []string{
		"any[0]: -Inf is not a number in JSON; give a finite one",
		"name: a Go value of type chan int is no JSON value: json: unsupported type: chan int",
		"ratio: NaN is not a number in JSON; give a finite one",
	}
	if got := violations(t, err); !slices.Equal(got, want2) {
		t.Errorf("violations %q, want %q", got, want2)
	}
}

// Nothing is ignored, nothing is converted; all that is wrong is told, each with its path, the value and the remedy.
func TestEachViolationIsTold(t *testing.T) {
	r := newRegistry(t, newMachine())
	for text, want := range map[string][]string{
		`{}`:                                  {"name: is missing; give a string: what it is called"},
		`{"name":null}`:                       {"name: null is no value here; leave the key out, or give a string"},
		`{"name":""}`:                         {`name: "" has 0 characters; give 1 to 5`},
		`{"name":"abcdef"}`:                   {`name: "abcdef" has 6 characters; give 1 to 5`},
		`{"name":1}`:                          {"name: 1 is a number; give a string"},
		`{"name":"a","port":65536}`:           {"port: 65536 is out of range; give an integer from 0 to 65535"},
		`{"name":"a","port":-1}`:              {"port: -1 is out of range; give an integer from 0 to 65535"},
		`{"name":"a","port":1.5}`:             {"port: 1.5 is no integer; give an integer from 0 to 65535"},
		`{"name":"a","port":"80"}`:            {`port: "80" is a string; give an integer from 0 to 65535`},
		`{"name":"a","count":1e300}`:          {"count: 1e+300 is out of range; give an integer from -9007199254740991 to 9007199254740991"},
		`{"name":"a","count":true}`:           {"count: true is a boolean; give an integer"},
		`{"name":"a","ratio":1e300}`:          {"ratio: 1e+300 is out of range; give a number from -3.4028234663852886e+38 to 3.4028234663852886e+38"},
		`{"name":"a","wait":5}`:               {`wait: 5 is a number; give a string such as "1.5s"`},
		`{"name":"a","wait":"5"}`:             {`wait: "5" is not a duration; give numbers with units, such as "1.5s", "250ms" or "1h30m"`},
		`{"name":"a","wait":"-5s"}`:           {`wait: "-5s" is not a duration; give numbers with units, such as "1.5s", "250ms" or "1h30m"`},
		`{"name":"a","wait":"9999999h"}`:      {`wait: "9999999h" is too long; give at most "2562047h"`},
		`{"name":"a","color":"gren"}`:         {`color: "gren" is not allowed; did you mean "green"? give one of "red", "green", "blue"`},
		`{"name":"a","color":"black"}`:        {`color: "black" is not allowed; give one of "red", "green", "blue"`},
		`{"name":"a","color":1}`:              {`color: 1 is a number; give one of "red", "green", "blue"`},
		`{"name":"a","tags":"x"}`:             {`tags: "x" is a string; give an array of strings, here ["x"]`},
		`{"name":"a","tags":[1,"x"]}`:         {"tags[0]: 1 is a number; give a string"},
		`{"name":"a","tags":[null]}`:          {"tags[0]: null is no value here; leave the key out, or give a string"},
		`{"name":"a","tags":["","",""]}`:      {`tags: ["","",""] has 3 elements; give at most 2`},
		`{"name":"a","pair":[1]}`:             {"pair: [1] has 1 elements; give exactly 2"},
		`{"name":"a","pair":{}}`:              {"pair: {} is an object; give an array of integers"},
		`{"name":"a","env":{}}`:               {"env: {} has 0 keys; give at least 1"},
		`{"name":"a","env":[]}`:               {"env: [] is an array; give an object of strings"},
		`{"name":"a","env":{"A B":1}}`:        {`env["A B"]: 1 is a number; give a string`},
		`{"name":"a","zone":"Z"}`:             {`zone: "Z" does not match the pattern ^[a-z]+$; give a string`},
		`{"name":"a","part":{}}`:              {"part.weight: is missing; give a number of more than 0: in kg"},
		`{"name":"a","part":{"weight":0}}`:    {"part.weight: 0 is out of range; give a number of more than 0"},
		`{"name":"a","part":"x"}`:             {`part: "x" is a string; give an object`},
		`{"name":"a","spare":null}`:           {"spare: null is no value here; leave the key out, or give an object"},
		`{"name":"a","spare":{"weight":"x"}}`: {`spare.weight: "x" is a string; give a number`},
		`{"name":"a","shelf":{"top":{"wieght":1}}}`: {
			"shelf.top.weight: is missing; give a number: in kg",
			`shelf.top.wieght: there is no key "wieght" here; did you mean "weight"? the keys are weight, note`,
		},
		`{"name":"a","parts":[{"weight":1},{"weight":1,"x":2}]}`: {`parts[1].x: there is no key "x" here; the keys are weight, note`},
		`{"name":"a","on":"true"}`:                               {`on: "true" is a string; give a boolean`},
		`{"name":"a","Name":"b"}`: {
			`Name: there is no key "Name" here; did you mean "name"? the keys are zone, name, port, count, ratio, wait, color, tags, pair, env, part, spare, parts, shelf, any, on`,
		},
		`{"name":"a","hidden":1,"Unseen":2,"-":3}`: {
			`-: there is no key "-" here; the keys are zone, name, port, count, ratio, wait, color, tags, pair, env, part, spare, parts, shelf, any, on`,
			`Unseen: there is no key "Unseen" here; the keys are zone, name, port, count, ratio, wait, color, tags, pair, env, part, spare, parts, shelf, any, on`,
			`hidden: there is no key "hidden" here; the keys are zone, name, port, count, ratio, wait, color, tags, pair, env, part, spare, parts, shelf, any, on`,
		},
		`{"port":-1,"on":1,"x":2}`: { // in the order of the fields, unknown keys last
			"name: is missing; give a string: what it is called",
			"port: -1 is out of range; give an integer from 0 to 65535",
			"on: 1 is a number; give a boolean",
			`x: there is no key "x" here; the keys are zone, name, port, count, ratio, wait, color, tags, pair, env, part, spare, parts, shelf, any, on`,
		},
	} {
		config := object(t, text)
		_, err := r.Build("machine", config)
		if got := violations(t, err); !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", text, got, want)
		}
		if !reflect.DeepEqual(config, object(t, text)) {
			t.Errorf("%s: was changed to %v", text, config)
		}
	}
}

func TestNilIsTheEmptyConfig(t *testing.T) {
	r := newRegistry(t, define[struct{}]("empty"))
	if _, err := r.Build("empty", nil); err != nil {
		t.Error(err)
	}
	_, err := r.Build("empty", object(t, `{"a":1}`))
	if got, want := violations(t, err), []string{`a: there is no key "a" here; leave it out, there are no keys at all`}; !slices.Equal(got, want) {
		t.Errorf("violations %q, want %q", got, want)
	}
}

func TestDeepNestingIsRefused(t *testing.T) {
	type config struct {
		Any any `json:"any"`
	}
	d := define[config]("deep")
	d.Example.Any = "shallow"
	r := newRegistry(t, d)
	nest := func(depth int) (v any) {
		for range depth {
			v = []any{v}
		}
		return v
	}
	if _, err := r.Build("deep", map[string]any{"any": nest(63)}); err != nil {
		t.Error(err)
	}
	_, err := r.Build("deep", map[string]any{"any": nest(64)})
	want := "any" + strings.Repeat("[0]", 20) + "[…: nested more than 64 deep; give a flatter value"
	if got := violations(t, err); !slices.Equal(got, []string{want}) {
		t.Errorf("violations %q, want %q", got, want)
	}
}

// An answer has to fit into the trailers of an RPC, whatever was asked.
func TestAnErrorIsBounded(t *testing.T) {
	r := newRegistry(t, newMachine())
	config := map[string]any{"name": strings.Repeat("ä", 1000), strings.Repeat("k", 1000): strings.Repeat("v", 1000)}
	for i := range 1000 {
		config["x"+strings.Repeat("y", i)] = 1
	}
	_, err := r.Build("machine", config)
	lines := violations(t, err)
	if len(lines) != 33 || lines[32] != ": and 970 more violations; repair these first" {
		t.Errorf("%d violations, the last one %q", len(lines), lines[len(lines)-1])
	}
	if want := `name: "` + strings.Repeat("ä", 31) + `… has 1000 characters; give 1 to 5`; lines[0] != want {
		t.Errorf("got %q, want %q", lines[0], want)
	}
	if n := len(err.Error()); n > 16<<10 {
		t.Errorf("the text of the error has %d bytes", n)
	}
}

// Fields of a type that decodes itself: nobody else looks inside.

type upper struct{ text string }

func (u *upper) UnmarshalText(text []byte) error {
	u.text = strings.ToUpper(string(text))
	return nil
}
func (u upper) MarshalText() ([]byte, error) { return []byte(u.text), nil }

func TestATypeMayDecodeItself(t *testing.T) {
	type config struct {
		When time.Time `json:"when,omitzero"`
		Up   upper     `json:"up,omitzero"`
	}
	r := newRegistry(t, define[config]("self"))
	task, err := r.Build("self", object(t, `{"when":"2026-01-02T03:04:05Z","up":"abc"}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := task.(body).config, (config{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), upper{"ABC"}}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	_, err = r.Build("self", object(t, `{"when":"soon","up":5}`))
	want := []string{
		`when: parsing time "soon" as "2006-01-02T15:04:05Z07:00": cannot parse "soon" as "2006"`,
		"up: 5 is a number; give a string",
	}
	if got := violations(t, err); !slices.Equal(got, want) {
		t.Errorf("violations %q, want %q", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	for _, text := range []string{
		`{}`, `{"name":"a"}`, `{"name":"a","parts":[{"weight":3}],"any":[[[]]],"env":{"":"x"}}`, `{"name":null,"pair":[1e400]}`,
		`{"name":"a","wait":"1h","shelf":{"x":{"weight":1e-9}},"count":-0}`, `{"port":65536.5,"ratio":3.5e38}`, `[]`, `{"Name":"\ud800"}`,
	} {
		f.Add([]byte(text))
	}
	r, err := plugin.NewRegistry(newMachine())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) { checkDecode(t, r, text) })
}

// checkDecode checks what holds for every config: what is accepted survives a round trip through the struct, and what is refused says where and why.
func checkDecode(t *testing.T, r *plugin.Registry, text []byte) {
	var config map[string]any
	if !isObject(text, &config) {
		return
	}
	task, err := r.Build("machine", config)
	if err != nil {
		for _, line := range violations(t, err) {
			if len(line) > 4<<10 || strings.ContainsAny(line, "\n") {
				t.Errorf("violation %q", line)
			}
		}
		return
	}
	if err := task.Run(context.Background()); err != nil {
		t.Error(err)
	}
	again, err := r.Build("machine", toObject(t, task.(body).config))
	if err != nil {
		t.Fatalf("%s: accepted, but not what became of it: %v", text, err)
	}
	if got, want := again.(body).config, task.(body).config; !reflect.DeepEqual(toObject(t, got), toObject(t, want)) {
		t.Errorf("%s:\n first %+v\n again %+v", text, want, got)
	}
}
