//go:build e2e && linux

package e2e

import (
	"debug/elf"
	"slices"
	"testing"
)

// TestBinaryIsStatic: it has to start in an image in which there is no libc and no loader.
func TestBinaryIsStatic(t *testing.T) {
	f, err := elf.Open(bin.daemon)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		libraries, err := f.ImportedLibraries()
		t.Errorf("the daemon needs a loader for %q, %v", libraries, err)
	}
}
