package manifests

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// heredoc is a file that the commands of the guide write.
var heredoc = regexp.MustCompile(`(?sm)^cat > (\S+) <<'END'\n(.*?)END\n`)

// The overlay that the guide has people write renders, and passes all checks; its daemon starts.
func TestTheOverlayOfTheGuide(t *testing.T) {
	guide, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	tree := t.TempDir()
	if err := os.CopyFS(tree, os.DirFS(".")); err != nil {
		t.Fatal(err)
	}
	mine := filepath.Join(tree, "overlays", "mine")
	if err := os.Mkdir(mine, 0o755); err != nil {
		t.Fatal(err)
	}
	files := heredoc.FindAllStringSubmatch(string(guide), -1)
	if len(files) != 2 {
		t.Fatalf("the guide writes %d files, want a kustomization and tasks", len(files))
	}
	for _, file := range files {
		if err := os.WriteFile(filepath.Join(mine, file[1]), []byte(file[2]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := newPod(t, mine)
	for name, check := range checks {
		for _, wrong := range check(p) {
			t.Errorf("%s: %s", name, wrong)
		}
	}
	if image := p.sidecar().Image; image != "REGISTRY/taskvisord:v1.2.3" {
		t.Errorf("the image is %s", image)
	}
	serve(t, p)
}
