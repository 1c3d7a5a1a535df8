package layout

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A block of Go in README is part of an Example, which is run like any test: so it compiles, and does what README says. A whole program is
// built and run end to end instead.
func TestGoInREADMEIsPartOfAnExample(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(filepath.FromSlash(root), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := goBlocks(string(readme))
	if len(blocks) == 0 {
		t.Error("README has no block of Go")
	}
	examples := exampleFiles(t)
	for _, block := range blocks {
		found := strings.HasPrefix(block, "package main\n")
		for _, text := range examples {
			found = found || strings.Contains(text, block)
		}
		if !found {
			t.Errorf("no Example has these lines:\n%s", block)
		}
	}
}

// goBlocks returns the blocks of Go in a text, without indentation.
func goBlocks(markdown string) (blocks []string) {
	_, rest, more := strings.Cut(markdown, "```go\n")
	for more {
		var block string
		block, rest, _ = strings.Cut(rest, "```")
		blocks = append(blocks, trimLines(block))
		_, rest, more = strings.Cut(rest, "```go\n")
	}
	return blocks
}

// trimLines removes the indentation, which README does without.
func trimLines(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String()
}

// exampleFiles returns the text of all files with Examples, without indentation.
func exampleFiles(t *testing.T) (texts []string) {
	t.Helper()
	tree := os.DirFS(filepath.FromSlash(root))
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasPrefix(d.Name(), "example_") || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := fs.ReadFile(tree, name)
		texts = append(texts, trimLines(string(text)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}
