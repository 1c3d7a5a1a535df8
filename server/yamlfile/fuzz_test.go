package yamlfile

import (
	"encoding/json"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

var seeds = []string{
	"",
	"name: a\nplugin: exec\nconfig: {command: [sh, -c, exit 3]}\nrestart: {mode: RESTART_MODE_ALWAYS, interval: 1.5s}\n",
	"backoff: &b {first: 250ms, factor: 1e1}\n<<: {timeout: 1h}\nlabels: {<<: [{a: b}], c.d/e: 'f'}\n---\nadmission: {slot: x}\n...\n%YAML 1.1\n---\n",
	"a: &a [*a, *a]\n? {b: c}\n: !!binary x\n<<: *a\n",
	"config: {a: 0x10, b: .inf, c: 1_000, d: 12345678901234567890, e: 2020-01-01, f: ~, g: 1e400, h: -0}\n",
	`{"name": "\ud83d\ude00", "config": {"a": [1, 2.5, null, true, "x"]}, "backoff": {"factor": 1e3}, "timeout": "1s"}`,
	"{\"a\": 1}\n{\"a\": [",
	"\xef\xbb\xbfname: |\n  text\n\tb\n",
}

// FuzzMessage: nothing makes it panic, hang or grow, every problem has a place, and what has no problem is a message that can be sent.
func FuzzMessage(f *testing.F) {
	for _, seed := range seeds {
		f.Add("a.yaml", []byte(seed))
		f.Add("a.json", []byte(seed))
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		file := Parse(name, data)
		lines := 1
		for _, r := range string(data) {
			if strings.ContainsRune("\n\r\u0085\u2028\u2029", r) { // what YAML takes for the end of a line
				lines++
			}
		}
		for _, document := range file.Documents() {
			spec := &taskvisorv1.TaskSpec{}
			file.Message(document, "", spec)
			if _, err := proto.Marshal(spec); err != nil && file.Count() == 0 {
				t.Errorf("no problem, but no message either: %v", err)
			}
			Locate(document, "config.command[0]")
		}
		for _, p := range file.Problems() {
			if p.File != name || p.Line < 0 || p.Line > lines+1 || p.Text == "" {
				t.Errorf("bad problem %#v in %d lines", p, lines)
			}
		}
	})
}

// FuzzJSON: of JSON, all that is accepted here is accepted by protojson, and means the same there.
func FuzzJSON(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file := Parse("a.json", data)
		if len(file.Documents()) != 1 || !json.Valid(data) {
			return
		}
		got, want := &taskvisorv1.TaskSpec{}, &taskvisorv1.TaskSpec{}
		file.Message(file.Documents()[0], "", got)
		if file.Count() > 0 || hasGoDuration(got, data) {
			return
		}
		if err := protojson.Unmarshal(data, want); err != nil {
			t.Fatalf("accepted %s, which protojson refuses: %v", data, err)
		}
		if !proto.Equal(got, want) {
			t.Errorf("%s\ngot  %v\nwant %v", data, got, want)
		}
	})
}

// hasGoDuration reports whether one of the durations may be written in a way that only Go has.
func hasGoDuration(spec *taskvisorv1.TaskSpec, data []byte) bool {
	if spec.GetTimeout() == nil && spec.GetRestart() == nil && spec.GetBackoff() == nil {
		return false
	}
	return protojson.Unmarshal(data, &taskvisorv1.TaskSpec{}) != nil
}
