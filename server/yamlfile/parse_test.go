package yamlfile

import (
	"fmt"
	"strings"
	"testing"

	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// Each mistake in the syntax, with the exact message. The words after the line are those of the parsers.
func TestParseProblems(t *testing.T) {
	tests := []struct{ name, file, text, want string }{
		{"open bracket", "a.yaml", "a: 1\nb: [1, 2\nc: 3\n", "a.yaml:3: is not YAML: did not find expected ',' or ']', while parsing a flow sequence that begins on line 2"},
		{"tab", "a.yaml", "a:\n\tb: 1\n", "a.yaml:2: is indented by a tab, which YAML does not allow; use blanks"},
		{"colon in a value", "a.yaml", "a: b: c\n", "a.yaml:1: is not YAML: mapping values are not allowed in this context"},
		{"unknown anchor", "a.yaml", "\na: *b\n", "a.yaml:2: is not YAML: unknown anchor 'b' referenced"},
		{"Latin-1", "a.yaml", "a: 1\nb: caf\xe9\n", "a.yaml:2: is not text in UTF-8; save the file as UTF-8"},
		{"binary", "a.yaml", "\x7fELF", "a.yaml:1: has a control character in it; remove it, or write it as an escape in double quotes"},
		{"NUL", "a.yaml", "a: 1\r\n\r\nb: \x00", "a.yaml:3: has a control character in it; remove it, or write it as an escape in double quotes"},
		{"second document", "a.yaml", "a: 1\n---\n]", "a.yaml:3: is not YAML: did not find expected node content"},
		{"JSON, trailing comma", "a.json", "{\n\"a\": 1,\n}", "a.json:3: is not JSON: invalid character '}' looking for beginning of object key string"},
		{"JSON, second value", "a.JSON", "{}\n{\"a\" 1}", "a.JSON:2: is not JSON: invalid character '1' after object key"},
		{"JSON, cut off", "a.json", "{\"a\": [1,\n", "a.json:2: is not JSON: it ends in the middle of a value"},
		{"JSON, YAML in it", "a.json", "a: 1\n", "a.json:1: is not JSON: invalid character 'a' looking for beginning of value"},
		{"JSON, half a pair", "a.json", "{\n\"a\": \"\\ud83d!\"}", "a.json:2: has half of a surrogate pair, \\ud800 to \\udfff, in a text; write the whole pair, or the character itself"},
		{"JSON, Latin-1", "a.json", "{\"a\":\n\"caf\xe9\"}", "a.json:2: is not text in UTF-8; save the file as UTF-8"},
		{"JSON, deep", "a.json", "\n" + strings.Repeat("[", 100) + strings.Repeat("]", 100), "a.json:2: has values nested deeper than 64"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Parse(tt.file, []byte(tt.text)).Problems().Error(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestParseKeepsDocumentsBeforeAMistake(t *testing.T) {
	for name, text := range map[string]string{"a.yaml": "a: 1\n---\nb: 2\n---\n]", "a.json": "{} {} ]"} {
		f := Parse(name, []byte(text))
		if len(f.Documents()) != 2 || len(f.Problems()) != 1 {
			t.Errorf("%s: got %d documents and problems %q, want 2 and 1", name, len(f.Documents()), f.Problems())
		}
	}
}

func TestParseSkipsEmptyDocuments(t *testing.T) {
	for name, text := range map[string]string{
		"c.json": "[\"\ufffd\", \"\x7f\", \"\\uFFFD\\ud83d\\ude00\"]", "a.yaml": "---\n# nothing\n---\n~\n---\na: 1\n---\n", "b.yaml": "\ufeffa: 1", "a.json": "null\n{}\nnull",
	} {
		f := Parse(name, []byte(text))
		if len(f.Documents()) != 1 || f.Problems() != nil {
			t.Errorf("%s: got %d documents and problems %q, want 1 and none", name, len(f.Documents()), f.Problems())
		}
	}
	for _, name := range []string{"a.yaml", "a.json"} {
		if f := Parse(name, nil); f.Documents() != nil || f.Problems() != nil {
			t.Errorf("%s: an empty file has documents or problems", name)
		}
	}
}

// Guarantee: "files of more than MaxSize bytes, values nested deeper than MaxDepth and more than MaxValues values, aliases expanded, are
// problems like any other."
func TestLimits(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("x0: &x0 [a, a, a, a, a, a, a, a, a, a]\n")
	for i := range 9 {
		fmt.Fprintf(&bomb, "x%d: &x%d [%s*x%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*x%d, ", i), 9), i)
	}
	tests := []struct{ name, text, want string }{
		{"too large", strings.Repeat("#", MaxSize+1), "t.yaml: has more than 16777216 bytes, which is all that is read; split it"},
		{"too deep", "config: {a: " + strings.Repeat("[", 70) + strings.Repeat("]", 70) + "}", "t.yaml:1: config.a" + strings.Repeat("[0]", 64) + ": is nested deeper than 64 values; does an alias contain itself?"},
		{"endless list", "config: {a: &a [*a]}", "t.yaml:1: config.a" + strings.Repeat("[0]", 64) + ": is nested deeper than 64 values; does an alias contain itself?"},
		{"endless mapping", "restart: &a {limit: *a}", "t.yaml:1: restart.limit.limit: is no known field; there are count, window"},
		{"endless merge", "restart: &a\n  <<: *a", "t.yaml:1: restart: is nested deeper than 64 values; does an alias contain itself?"},
		{"billion laughs", "config:\n  " + strings.ReplaceAll(bomb.String(), "\n", "\n  "), "t.yaml:2: config.x5[7][8][8][8][8][9]: brings the file to more than 1000000 values; do aliases multiply?"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := read(t, tt.text, &taskvisorv1.TaskSpec{})
			if len(got) == 0 || got[0].Error() != tt.want {
				t.Errorf("got  %.300s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestProblemsAreBounded(t *testing.T) {
	got := read(t, strings.Repeat("x: y\n", 1000), &taskvisorv1.TaskSpec{})
	if len(got) != 101 {
		t.Fatalf("got %d problems, want 101", len(got))
	}
	if want := "t.yaml:101: and 900 more problems in this file; repair these first"; got[100].Error() != want {
		t.Errorf("got %s, want %s", got[100], want)
	}
}

func TestLocate(t *testing.T) {
	const text = `
name: web
restart:
  maxRetries: 3
config:
  command: [sh, -c, x]
  env:
    a.b: c
    d: e
`
	f := Parse("t.yaml", []byte(text))
	root := f.Documents()[0]
	tests := []struct {
		path string
		line int
	}{
		{"", 2},
		{"name", 2},
		{"restart", 4},
		{"restart.max_retries", 4},
		{"restart.interval", 4},
		{"config.command[2]", 6},
		{"config.command[7]", 6},
		{"config.command[x]", 6},
		{`config.env["a.b"]`, 8},
		{"config.env.d", 9},
		{"zzz.y", 2},
		{"name.first", 2},
	}
	for _, tt := range tests {
		if got := Locate(root, tt.path).Line; got != tt.line {
			t.Errorf("Locate(%s) is on line %d, want %d", tt.path, got, tt.line)
		}
	}
}

func TestScalar(t *testing.T) {
	f := Parse("t.yaml", []byte("a: 0x10\nb: yes\nc: [x]\nd:\ne: 'x y'"))
	var got []string
	for _, field := range f.Fields(f.Documents()[0], "") {
		if text, ok := f.Scalar(field.Value, field.Name); ok {
			got = append(got, text)
		}
	}
	if want := "[0x10 yes x y]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
	const want = "t.yaml:3: c: wants a single value, not a list\nt.yaml:4: d: wants a single value, not nothing"
	if got := f.Problems().Error(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestKindsOfNodes(t *testing.T) {
	f := Parse("t.yaml", []byte("a: &a [x]\nb: *a\nc: {}\nd: ~"))
	want := map[string][3]bool{"a": {true, false, false}, "b": {true, false, false}, "c": {false, true, false}, "d": {false, false, true}}
	for _, field := range f.Fields(f.Documents()[0], "") {
		if got := [3]bool{IsList(field.Value), IsMapping(field.Value), IsNull(field.Value)}; got != want[field.Name] {
			t.Errorf("%s: got %v, want %v", field.Name, got, want[field.Name])
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"listen", "exec-allow", "max-tasks", "log-level", "log-format"}
	for name, want := range map[string]string{
		"lsiten": "listen", "exec_allow": "exec-allow", "maxTasks": "max-tasks", "max-task": "max-tasks", "LOG-LEVEL": "log-level",
		"tls-cert": "", "x": "", "": "", "loglevels": "log-level", strings.Repeat("a", 100): "",
	} {
		if got := Nearest(name, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestProblemsSort(t *testing.T) {
	problems := Problems{{File: "b", Line: 1, Text: "x"}, {File: "a", Line: 2, Text: "y"}, {File: "a", Line: 2, Path: "p", Text: "x"}, {File: "a", Text: "z"}}
	problems.Sort()
	if got, want := problems.Error(), "a: z\na:2: y\na:2: p: x\nb:1: x"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
