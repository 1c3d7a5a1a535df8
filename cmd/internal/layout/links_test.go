package layout

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// link is a link of Markdown; one with a scheme leads out of the repository and is not looked at.
var link = regexp.MustCompile(`\]\(([^)#\s]+)[^)]*\)`)

// TestLinksLeadSomewhere: a reader with two minutes does not look for what has moved.
func TestLinksLeadSomewhere(t *testing.T) {
	for _, document := range []string{"README.md", "cmd/taskvisord/kubernetes/README.md"} {
		text, err := os.ReadFile(path.Join(root, document))
		if err != nil {
			t.Fatal(err)
		}
		dead, checked := deadLinks(os.DirFS(path.Join(root, path.Dir(document))), string(text))
		for _, target := range dead {
			t.Errorf("%s links to %s, which is not there", document, target)
		}
		if checked == 0 {
			t.Errorf("%s: no link was checked", document)
		}
	}
}

// deadLinks returns the targets that are not in the tree, and how many targets it looked for.
func deadLinks(tree fs.FS, markdown string) (dead []string, checked int) {
	for _, m := range link.FindAllStringSubmatch(markdown, -1) {
		target := m[1]
		if strings.Contains(target, "://") {
			continue
		}
		checked++
		if _, err := fs.Stat(tree, path.Clean(target)); err != nil {
			dead = append(dead, target)
		}
	}
	return dead, checked
}

func TestDeadLinksAreFound(t *testing.T) {
	dead, checked := deadLinks(os.DirFS("."), "[a](doc.go) [b](doc.go#x), [c](./doc.go)\n[d](gone.go) [e](https://example.com/gone) [f](gone/)")
	if !slices.Equal(dead, []string{"gone.go", "gone/"}) || checked != 5 {
		t.Errorf("dead %q, checked %d", dead, checked)
	}
}
