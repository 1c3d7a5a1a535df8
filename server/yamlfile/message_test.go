package yamlfile

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"pgregory.net/rapid"

	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// read reads the only document of a file as a message of the type of want.
func read(t *testing.T, text string, into proto.Message) Problems {
	t.Helper()
	f := Parse("t.yaml", []byte(text))
	for _, doc := range f.Documents() {
		f.Message(doc, "", into)
	}
	return f.Problems()
}

func TestMessageReadsEveryField(t *testing.T) {
	const text = `
base: &base
  first: 250ms
  jitter: JITTER_NONE
spec:
  name: web/1
  plugin: exec
  config:
    command: [sh, -c, "exit 3"]
    env: {A: "1", B: null}
    size: 1e3
    when: 2026-01-02
    hex: 0x10
    on: true
  restart:
    mode: RESTART_MODE_ALWAYS
    interval: 1m30s
    max_retries: 0o17
    limit: {count: "5", window: 3600s}
  backoff:
    <<: *base
    max: "8s"
    factor: 1.5
    resetAfter: 1h
    first: 1s
  timeout:
  labels:
    app.kubernetes.io/name: "1.10"
    <<: [{extra: x}, {extra: y}]
  capture_output: true
`
	f := Parse("a.yaml", []byte(text))
	got := &taskvisorv1.TaskSpec{}
	f.Message(f.Fields(f.Documents()[0], "")[1].Value, "spec", got)
	if problems := f.Problems(); problems != nil {
		t.Fatal(problems)
	}
	config, err := structpb.NewStruct(map[string]any{
		"command": []any{"sh", "-c", "exit 3"}, "env": map[string]any{"A": "1", "B": nil},
		"size": 1000, "when": "2026-01-02", "hex": 16, "on": true,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := &taskvisorv1.TaskSpec{
		Name: "web/1", Plugin: "exec", Config: config,
		Restart: &taskvisorv1.RestartPolicy{
			Mode: taskvisorv1.RestartMode_RESTART_MODE_ALWAYS, Interval: durationpb.New(90 * time.Second), MaxRetries: 15,
			Limit: &taskvisorv1.RestartLimit{Count: 5, Window: durationpb.New(time.Hour)},
		},
		Backoff: &taskvisorv1.BackoffPolicy{
			First: durationpb.New(time.Second), Max: durationpb.New(8 * time.Second), Factor: 1.5,
			Jitter: taskvisorv1.Jitter_JITTER_NONE, ResetAfter: durationpb.New(time.Hour),
		},
		Labels:        map[string]string{"app.kubernetes.io/name": "1.10", "extra": "x"},
		CaptureOutput: true,
	}
	if !proto.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// Each mistake, with the exact message.
func TestMessageProblems(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"unknown field", "nmae: x", `t.yaml:1: nmae: is no known field; did you mean name?`},
		{"unknown field, nothing near", "\nzzz: x", `t.yaml:2: zzz: is no known field; there are name, plugin, config, restart, backoff, timeout, labels, admission, capture_output, heartbeat_timeout`},
		{"unknown nested field", "restart:\n  retries: 3", `t.yaml:2: restart.retries: is no known field; there are mode, interval, max_retries, limit, schedule, time_zone`},
		{"twice", "name: a\nname: b", `t.yaml:2: name: is given twice, first on line 1; remove one`},
		{"twice in two cases", "capture_output: true\ncaptureOutput: true", `t.yaml:2: captureOutput: is given twice, as capture_output and as captureOutput; remove one`},
		{"number for text", "name: 5", `t.yaml:1: name: wants text, not the number 5; put it in quotes: "5"`},
		{"bool for text", "name: true", `t.yaml:1: name: wants text, not true; put it in quotes: "true"`},
		{"version label", "labels:\n  version: 1.10", `t.yaml:2: labels.version: wants text, not the number 1.10; put it in quotes: "1.10"`},
		{"null label", "labels: {a: }", `t.yaml:1: labels.a: wants text, not nothing`},
		{"label key", "labels: {a.b/c: [x]}", `t.yaml:1: labels["a.b/c"]: wants text, not a list`},
		{"key that is no text", "labels: {5: x}", `t.yaml:1: labels["5"]: wants text, not the number 5; put it in quotes: "5"`},
		{"key that is a list", "? [a]\n: b", `t.yaml:1: [""]: wants text, not a list`},
		{"list for text", "name: [a]", `t.yaml:1: name: wants text, not a list`},
		{"text for mapping", "restart: always", `t.yaml:1: restart: wants a mapping, not "always"`},
		{"list for document", "- name: a", `t.yaml:1: wants a mapping, not a list`},
		{"enum, short", "restart: {mode: on-failure}", `t.yaml:1: restart.mode: wants RESTART_MODE_ON_FAILURE, not "on-failure"`},
		{"enum, wrong", "restart: {mode: SOMETIMES}", `t.yaml:1: restart.mode: wants one of RESTART_MODE_NEVER, RESTART_MODE_ON_FAILURE, RESTART_MODE_ALWAYS, not "SOMETIMES"`},
		{"enum, number", "restart: {mode: 3}", `t.yaml:1: restart.mode: wants one of RESTART_MODE_NEVER, RESTART_MODE_ON_FAILURE, RESTART_MODE_ALWAYS, not the number 3`},
		{"enum, mapping", "restart: {mode: {}}", `t.yaml:1: restart.mode: wants one of RESTART_MODE_NEVER, RESTART_MODE_ON_FAILURE, RESTART_MODE_ALWAYS, not a mapping`},
		{"duration without unit", "timeout: 5", `t.yaml:1: timeout: wants a duration with a unit, such as 250ms, 1.5s or 5m, not the number 5`},
		{"duration without unit, quoted", `timeout: "5"`, `t.yaml:1: timeout: wants a duration with a unit, such as 250ms, 1.5s or 5m, not "5"`},
		{"duration in words", "timeout: soon", `t.yaml:1: timeout: wants a duration such as 250ms, 1.5s or 5m, not "soon"`},
		{"duration too long", "timeout: 9999999h", `t.yaml:1: timeout: wants a duration such as 250ms, 1.5s or 5m, not "9999999h"`},
		{"negative count", "restart: {max_retries: -1}", `t.yaml:1: restart.max_retries: wants a whole number from 0 to 4294967295, not the number -1`},
		{"broken count", "restart: {max_retries: 1.5}", `t.yaml:1: restart.max_retries: wants a whole number from 0 to 4294967295, not the number 1.5`},
		{"large count", "restart: {max_retries: 4294967296}", `t.yaml:1: restart.max_retries: wants a whole number from 0 to 4294967295, not the number 4294967296`},
		{"count in words", "restart: {max_retries: many}", `t.yaml:1: restart.max_retries: wants a whole number from 0 to 4294967295, not "many"`},
		{"infinite factor", "backoff: {factor: .inf}", `t.yaml:1: backoff.factor: wants a finite number, not the number .inf`},
		{"huge factor", "backoff: {factor: 1e999999999}", `t.yaml:1: backoff.factor: wants a finite number, not "1e999999999"`},
		{"factor too large", "backoff: {factor: 1e309}", `t.yaml:1: backoff.factor: wants a finite number, not "1e309"`},
		{"fraction", `backoff: {factor: "1/2"}`, `t.yaml:1: backoff.factor: wants a finite number, not "1/2"`},
		{"yes", "capture_output: yes", `t.yaml:1: capture_output: wants true or false, not "yes"`},
		{"config", "config: [a]", `t.yaml:1: config: wants a mapping, not a list`},
		{"config rounds", "config:\n  id: [12345678901234567890]", `t.yaml:2: config.id[0]: is 12345678901234567890, which JSON would round to 12345678901234567168; put it in quotes: "12345678901234567890"`},
		{"config tag", "config: {a: !!binary eA==}", `t.yaml:1: config.a: has the tag !!binary, which means nothing here; remove the tag`},
		{"text tag", "name: !name x", `t.yaml:1: name: has the tag !name, which means nothing here; remove the tag`},
		{"config twice", "config: {a: {b: 1, b: 2}}", `t.yaml:1: config.a.b: is given twice, first on line 1; remove one`},
		{"merge of text", "restart:\n  <<: x", `t.yaml:2: restart.<<: wants a mapping or a list of mappings to merge, not "x"`},
		{"long value", "name: [a]\ntimeout: " + strings.Repeat("ä", 100), "t.yaml:1: name: wants text, not a list\n" +
			`t.yaml:2: timeout: wants a duration such as 250ms, 1.5s or 5m, not "` + strings.Repeat("ä", 60) + `…"`},
		{"all of them", "restart:\n  mode: x\n  limit: {count: -1, window: 1}\nname: 1\ntimeout: soon", strings.Join([]string{
			`t.yaml:2: restart.mode: wants one of RESTART_MODE_NEVER, RESTART_MODE_ON_FAILURE, RESTART_MODE_ALWAYS, not "x"`,
			`t.yaml:3: restart.limit.count: wants a whole number from 0 to 4294967295, not the number -1`,
			`t.yaml:3: restart.limit.window: wants a duration with a unit, such as 250ms, 1.5s or 5m, not the number 1`,
			`t.yaml:4: name: wants text, not the number 1; put it in quotes: "1"`,
			`t.yaml:5: timeout: wants a duration such as 250ms, 1.5s or 5m, not "soon"`,
		}, "\n")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := read(t, tt.text, &taskvisorv1.TaskSpec{}).Error(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// Guarantee: "Message accepts what protojson writes for the message."
func TestMessageAcceptsWhatProtojsonWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anySpec().Draw(t, "spec")
		text, err := protojson.MarshalOptions{
			Multiline: rapid.Bool().Draw(t, "multiline"), UseProtoNames: rapid.Bool().Draw(t, "proto names"),
		}.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		f := Parse("a.json", text)
		got := &taskvisorv1.TaskSpec{}
		f.Message(f.Documents()[0], "", got)
		if problems := f.Problems(); problems != nil {
			t.Fatalf("%s\n%s", text, problems)
		}
		if !proto.Equal(got, want) {
			t.Fatalf("%s\ngot  %v\nwant %v", text, got, want)
		}
	})
}

func anySpec() *rapid.Generator[*taskvisorv1.TaskSpec] {
	return rapid.Custom(func(t *rapid.T) *taskvisorv1.TaskSpec {
		duration := func(name string) *durationpb.Duration {
			if rapid.Bool().Draw(t, name+" set") {
				return durationpb.New(time.Duration(rapid.Int64().Draw(t, name)))
			}
			return nil
		}
		return &taskvisorv1.TaskSpec{
			Name:   rapid.String().Draw(t, "name"),
			Config: anyStruct(t, 2),
			Restart: &taskvisorv1.RestartPolicy{
				Mode:       taskvisorv1.RestartMode(rapid.Int32Range(0, 3).Draw(t, "mode")),
				Interval:   duration("interval"),
				MaxRetries: rapid.Uint32().Draw(t, "retries"),
			},
			Backoff: &taskvisorv1.BackoffPolicy{
				First: duration("first"), Factor: rapid.Float64().Draw(t, "factor") + 0, // + 0, as -0 is read as 0
				Jitter: taskvisorv1.Jitter(rapid.Int32Range(0, 4).Draw(t, "jitter")),
			},
			Timeout:       duration("timeout"),
			Labels:        rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "labels"),
			CaptureOutput: rapid.Bool().Draw(t, "capture"),
		}
	})
}

func anyStruct(t *rapid.T, depth int) *structpb.Struct {
	s := &structpb.Struct{Fields: map[string]*structpb.Value{}}
	for _, key := range rapid.SliceOfN(rapid.String(), 0, 4).Draw(t, "keys") {
		switch kind := rapid.IntRange(0, 5).Draw(t, "kind"); {
		case kind == 0:
			s.Fields[key] = structpb.NewNullValue()
		case kind == 1:
			s.Fields[key] = structpb.NewBoolValue(rapid.Bool().Draw(t, "bool"))
		case kind == 2:
			s.Fields[key] = structpb.NewNumberValue(float64(rapid.Int32().Draw(t, "number")) / 8)
		case kind == 3 && depth > 0:
			s.Fields[key] = structpb.NewStructValue(anyStruct(t, depth-1))
		case kind == 4 && depth > 0:
			s.Fields[key] = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{structpb.NewStructValue(anyStruct(t, depth-1))}})
		default:
			s.Fields[key] = structpb.NewStringValue(rapid.String().Draw(t, "string"))
		}
	}
	return s
}

// A field of a kind that value does not know would be refused in every file: add the kind there.
func TestMessageKnowsTheKindOfEveryField(t *testing.T) {
	known := map[protoreflect.Kind]bool{
		protoreflect.StringKind: true, protoreflect.BoolKind: true, protoreflect.Uint32Kind: true,
		protoreflect.DoubleKind: true, protoreflect.EnumKind: true, protoreflect.MessageKind: true,
	}
	special := map[protoreflect.FullName]bool{"google.protobuf.Duration": true, "google.protobuf.Struct": true}
	var walk func(protoreflect.MessageDescriptor)
	walk = func(message protoreflect.MessageDescriptor) {
		for i := range message.Fields().Len() {
			field := message.Fields().Get(i)
			if !known[field.Kind()] {
				t.Errorf("%s is a %s, which Message cannot read", field.FullName(), field.Kind())
			}
			nested := field.Message()
			if nested == nil || special[nested.FullName()] {
				continue
			}
			if nested.ParentFile().Package() == "google.protobuf" {
				t.Errorf("%s is a %s, which Message would read as any message", field.FullName(), nested.FullName())
			}
			walk(nested)
		}
	}
	walk((&taskvisorv1.TaskSpec{}).ProtoReflect().Descriptor())
}

func TestMessageRefusesKindsThatItDoesNotKnow(t *testing.T) {
	got := read(t, "sequence: 5", &taskvisorv1.Cursor{}).Error()
	if want := "t.yaml:1: sequence: cannot be given in a file"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestMessageReadsLists(t *testing.T) {
	got := &taskvisorv1.TaskFilter{}
	problems := read(t, "names: [a, 5, b]\nstates: [TASK_STATE_RUNNING]\nuids: x", got).Error()
	want := &taskvisorv1.TaskFilter{Names: []string{"a", "b"}, States: []taskvisorv1.TaskState{taskvisorv1.TaskState_TASK_STATE_RUNNING}}
	if !proto.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	const wantProblems = "t.yaml:1: names[1]: wants text, not the number 5; put it in quotes: \"5\"\nt.yaml:3: uids: wants a list, not \"x\""
	if problems != wantProblems {
		t.Errorf("got  %s\nwant %s", problems, wantProblems)
	}
}
