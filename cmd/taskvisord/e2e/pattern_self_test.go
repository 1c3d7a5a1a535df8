//go:build e2e

package e2e

import "testing"

const (
	uidA = "01975a4e-0000-7000-8000-00000000000a"
	uidB = "01975a4e-0000-7000-8000-00000000000b"
	uidC = "01975a4e-0000-7000-8000-00000000000c"
)

func TestMatch(t *testing.T) {
	for name, tt := range map[string]struct {
		documented, printed string
		want                bool
	}{
		"same":                       {`{"a": 1, "b": ["x", null]}`, `{"b": ["x", null], "a": 1}`, true},
		"another value":              {`{"a": 1}`, `{"a": 2}`, false},
		"another type":               {`{"a": "1"}`, `{"a": 1}`, false},
		"missing key":                {`{"a": 1, "b": 2}`, `{"a": 1}`, false},
		"surplus key":                {`{"a": 1}`, `{"a": 1, "b": 2}`, false},
		"keys left out":              {`{"a": 1, ...}`, `{"a": 1, "b": 2}`, true},
		"missing although left out":  {`{"a": 1, ...}`, `{"b": 2}`, false},
		"missing element":            {`[1, 2]`, `[1]`, false},
		"surplus element":            {`[1]`, `[1, 2]`, false},
		"elements left out":          {`[..., 2, ..., 4]`, `[1, 2, 3, 4]`, true},
		"no element left out":        {`[1, ..., 2]`, `[1, 2]`, true},
		"element after dots missing": {`[1, ..., 5]`, `[1, 2, 3, 4]`, false},
		"fewer documents":            {`{"a":1}{"a":2}`, `{"a":1}`, false},
		"documents left out":         {"{\"a\":1}\n...\n{\"a\":3}", `{"a":1}{"a":2}{"a":3}`, true},
		"times":                      {`{"t": "2026-01-01T00:00:00Z"}`, `{"t": "2026-11-23T01:02:03.456789Z"}`, true},
		"time and text":              {`{"t": "2026-01-01T00:00:00Z"}`, `{"t": "now"}`, false},
		"sequences":                  {`{"sequence": "3"}`, `{"sequence": "44"}`, true},
		"another number":             {`{"exit": "3"}`, `{"exit": "44"}`, false},
		"durations":                  {`{"duration": "0.001s"}`, `{"duration": "1.2s"}`, true},
		"another interval":           {`{"interval": "1s"}`, `{"interval": "2s"}`, false},
		"uids":                       {`["` + uidA + `", "` + uidA + `"]`, `["` + uidB + `", "` + uidB + `"]`, true},
		"uids that do not agree":     {`["` + uidA + `", "` + uidA + `"]`, `["` + uidB + `", "` + uidC + `"]`, false},
		"uid and text":               {`["` + uidA + `"]`, `["tick"]`, false},
		"epochs that do not agree":   {`[{"epoch":"1"},{"epoch":"1"}]`, `[{"epoch":"2"},{"epoch":"3"}]`, false},
		"a vain try is forgotten":    {`[..., {"uid":"` + uidA + `","n":2}]`, `[{"uid":"` + uidB + `","n":1},{"uid":"` + uidC + `","n":2}]`, true},
	} {
		err := compare(identities{}, tt.documented, tt.printed)
		if (err == nil) != tt.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMatchLines(t *testing.T) {
	for name, tt := range map[string]struct {
		documented, printed string
		want                bool
	}{
		"same":           {"a\nb\n", "a\nb\n", true},
		"another line":   {"a\nb\n", "a\nc\n", false},
		"fewer":          {"a\n", "a\nb\n", false},
		"left out":       {"a\n  ...\nd\n", "a\nb\nc\nd\n", true},
		"only dots":      {"...\n", "a\nb\n", true},
		"blanks at ends": {"a\n", "a  \n", true},
		"uids":           {"task " + uidA + " is\n", "task " + uidB + " is\n", true},
		"times":          {"at 2026-01-01T00:00:00Z\n", "at 2026-11-23T01:02:03.4Z\n", true},
		"numbers":        {"exit status 3\n", "exit status 4\n", false},
		"times of day":   {"02:00:31.118  STOPPED  attempt 1\n", "12:30:00.000  STOPPED   attempt 23\n", true},
		"another word":   {"02:00:31.118  STOPPED  attempt 1\n", "12:30:00.000  FAILED   attempt 1\n", false},
		"a table":        {"a  1   0  1.9s\n", "a   12  0  160ms\n", true},
		"a longer table": {"a  1   0  1.9s\n", "a   12  0\n", false},
	} {
		if err := compare(identities{}, tt.documented, tt.printed); (err == nil) != tt.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestItemsOfAStream(t *testing.T) {
	documented := "{\"events\":[{\"kind\":\"A\"},{\"kind\":\"B\"}],...}\n...\n{\"events\":[{\"kind\":\"D\"}]}"
	for printed, want := range map[string]bool{
		`{"events":[{"kind":"A"}]}{"cursor":{}}{"events":[{"kind":"B"},{"kind":"C"},{"kind":"D"}]}`:               true,
		`{"events":[{"kind":"A"},{"kind":"B"}],"cursor":{}}{"events":[{"kind":"D"},{"kind":"E"}]}{"events":[{"ki`: true,
		`{"events":[{"kind":"B"},{"kind":"A"},{"kind":"D"}]}`:                                                     false,
		`{"events":[{"kind":"A"},{"kind":"B"}]}`:                                                                  false,
		``:                                                                                                        false,
	} {
		if got := compareStream(identities{}, documented, printed) == nil; got != want {
			t.Errorf("%s: %t", printed, got)
		}
	}
}

func TestLinesOfAStream(t *testing.T) {
	for printed, want := range map[string]bool{
		"00:00:01.000  A\n00:00:02.000  B\n00:00:02.000  C\n00:00:03.000  D\n00:00:04.000  E\n": true,
		"00:00:01.000  A\n00:00:02.000  B\n":                                                    false,
		"00:00:01.000  B\n00:00:02.000  A\n00:00:03.000  D\n":                                   false,
		"": false,
	} {
		if got := compareStream(identities{}, "10:00:00.000  A\n10:00:00.000  B\n...\n10:00:01.000  D\n", printed) == nil; got != want {
			t.Errorf("%s: %t", printed, got)
		}
	}
}

func TestIdentitiesInCommands(t *testing.T) {
	ids := identities{uidA: uidB}
	if got := ids.apply(`-d '{"uid":"` + uidA + `"}'`); got != `-d '{"uid":"`+uidB+`"}'` {
		t.Errorf("got %s", got)
	}
}
