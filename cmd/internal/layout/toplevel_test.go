package layout

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// topLevel is all that a visitor sees at the top of the repository. Files that begin with a dot are not looked at.
var topLevel = []string{
	"LICENSE", "Makefile", "README.md", "buf.gen.yaml", "buf.yaml", "go.mod", "go.sum",
	"client", "cmd", "gen", "proto", "server", "supervisor",
}

func TestTopLevelIsExactlyTheList(t *testing.T) {
	names, err := listTopLevel(t)
	if err != nil {
		t.Fatal(err)
	}
	missing, surplus := compareTopLevel(names)
	for _, name := range missing {
		t.Errorf("%s is missing at the top of the repository", name)
	}
	for _, name := range surplus {
		t.Errorf("%s is at the top of the repository: find it a place in one of the folders", name)
	}
}

// listTopLevel returns what git has, so that the scratch files of a developer do not matter; outside of a clone, for instance in an unpacked
// archive, it returns what is there.
func listTopLevel(t *testing.T) ([]string, error) {
	t.Helper()
	if !isClone(t) {
		t.Log("no git clone: looking at the folder itself")
		return listFolder()
	}
	out, err := exec.CommandContext(t.Context(), "git", "-C", root, "ls-files", "-z", "--cached").Output()
	if err != nil {
		return nil, err
	}
	return firstElements(strings.Split(strings.TrimRight(string(out), "\x00"), "\x00")), nil
}

// isClone reports whether the root is that of a git repository which git can read. A folder of an other repository does not count: its
// index may know nothing of this one.
func isClone(t *testing.T) bool {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", "-C", root, "rev-parse", "--show-prefix").Output()
	return err == nil && strings.TrimSpace(string(out)) == ""
}

func listFolder() ([]string, error) {
	entries, err := os.ReadDir(filepath.FromSlash(root))
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, err
}

func firstElements(paths []string) (names []string) {
	for _, path := range paths {
		name, _, _ := strings.Cut(path, "/")
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// compareTopLevel returns the difference between the visible names and the list.
func compareTopLevel(names []string) (missing, surplus []string) {
	for _, name := range topLevel {
		if !slices.Contains(names, name) {
			missing = append(missing, name)
		}
	}
	for _, name := range names {
		if !slices.Contains(topLevel, name) && !strings.HasPrefix(name, ".") {
			surplus = append(surplus, name)
		}
	}
	return missing, surplus
}

func TestTopLevelCanFail(t *testing.T) {
	paths := []string{".gitignore", ".ci/run", "docs/index.md", "docs/more.md", "main.go"}
	for _, name := range topLevel[1:] {
		paths = append(paths, name+"/x", name+"/y")
	}
	missing, surplus := compareTopLevel(firstElements(paths))
	if !slices.Equal(missing, topLevel[:1]) || !slices.Equal(surplus, []string{"docs", "main.go"}) {
		t.Errorf("missing %q, surplus %q", missing, surplus)
	}
}
