package layout

import (
	"slices"
	"testing"
	"testing/fstest"
)

func TestWalkProduction(t *testing.T) {
	tree := fstest.MapFS{}
	for _, name := range []string{
		"supervisor/actor.go", "supervisor/actor_test.go", "supervisor/exec_windows.go", "supervisor/testdata/bad.go",
		"gen/taskvisor/v1/task.pb.go", "client/gen/x.go", ".cache/x.go", ".tools/tool.go", "Makefile",
	} {
		tree[name] = &fstest.MapFile{}
	}
	var got []string
	err := walkProduction(tree, func(name string, _ []byte) error {
		got = append(got, name)
		return nil
	})
	want := []string{"client/gen/x.go", "supervisor/actor.go", "supervisor/exec_windows.go"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}
