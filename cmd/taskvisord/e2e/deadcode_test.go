//go:build e2e

package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestNoTemplatesInTheBinaries: package text/template calls methods by names that it learns when it runs, so that the linker has to keep every exported
// method of everything, more than 2 MB. Cobra brings it along as soon as one of its templates is used. The name of a function that is linked is in the
// table of functions, which is there for stack traces.
func TestNoTemplatesInTheBinaries(t *testing.T) {
	for _, path := range []string{bin.daemon, bin.taskvisor} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte("text/template.(*Template)")) {
			t.Errorf("%s has text/template in it; go build -ldflags=-dumpdep ./cmd/%[1]s tells on whose behalf", filepath.Base(path))
		}
		if !bytes.Contains(data, []byte("github.com/spf13/cobra.(*Command)")) {
			t.Errorf("%s: no function of cobra is found, so this test finds none at all", filepath.Base(path))
		}
	}
}
