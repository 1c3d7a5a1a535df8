//go:build e2e

package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// comments has the comment of each element of some protobuf source: of a message, enum or service under its full name, of what is in it under
// "full.name/element".
type comments map[string]string

var (
	packageLine = regexp.MustCompile(`^package ([\w.]+);`)
	openingLine = regexp.MustCompile(`^(?:message|enum|service) (\w+) \{(\}?)`)
	elementLine = regexp.MustCompile(`^(?:rpc (\w+)|.*?(\w+) = \d+\b)`)
)

// readComments reads source that is formatted one element a line, as buf and grpcurl both print it. pkg is the package, for source that does
// not say it. Declarations inside of others are not expected: the contract has none.
func readComments(source, pkg string) comments {
	found := comments{}
	var comment []string
	var block string
	for line := range strings.Lines(source) {
		line = strings.TrimSpace(line)
		if text, ok := strings.CutPrefix(line, "//"); ok {
			comment = append(comment, strings.TrimSpace(text))
			continue
		}
		said := strings.Join(comment, " ")
		comment = nil
		if m := packageLine.FindStringSubmatch(line); m != nil {
			pkg = m[1]
		} else if m := openingLine.FindStringSubmatch(line); m != nil {
			block = pkg + "." + m[1]
			found[block] = said
		} else if m := elementLine.FindStringSubmatch(line); m != nil && block != "" {
			found[block+"/"+m[1]+m[2]] = said
		}
	}
	return found
}

// contract returns the comments of all of proto/.
func contract(t *testing.T) comments {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "proto", "taskvisor", "v1", "*.proto"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no proto files: %v", err)
	}
	all := comments{}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(all, readComments(string(source), ""))
	}
	return all
}

func TestReadComments(t *testing.T) {
	const source = `
// Package.
package a.b;

// Service S
// does this.
service S {
  // Call does that.
  rpc Call(In) returns (stream Out);
}

// Empty message.
message Empty {}

message Bare {
  repeated .a.b.S things = 12 [deprecated = true];
  // Map of 3 = 4.
  map<string, string> labels = 7;
}
`
	got := readComments(source, "")
	want := comments{
		"a.b.S": "Service S does this.", "a.b.S/Call": "Call does that.", "a.b.Empty": "Empty message.",
		"a.b.Bare": "", "a.b.Bare/things": "", "a.b.Bare/labels": "Map of 3 = 4.",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
