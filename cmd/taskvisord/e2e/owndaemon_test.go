//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// ownDaemon is the section of README.md that builds a daemon.
const ownDaemon = "## Your own daemon"

// What the commands of that section say, and the test does in other words.
const (
	saveIt = "# save the program above as main.go\n"
	clone  = "../taskvisor"
	runIt  = "./greeterd\n"
)

// ownLines is how many lines of Go a daemon of one's own may take: fewer than this.
const ownLines = 40

// TestOwnDaemon does what the section says, in an empty folder: it builds the program, and plays the session against it. It needs no network: the
// modules are those that this repository was built with.
func TestOwnDaemon(t *testing.T) {
	s := session{document: "README.md", mayRun: mayRun, ids: identities{}}
	isIt := func(heading string) bool { return heading == ownDaemon }
	text := sections(s.read(t), isIt)
	dir := t.TempDir()
	program := filepath.Join(dir, "main.go")
	source := block(t, text, "go")
	if n := strings.Count(source, "\n"); n >= ownLines {
		t.Errorf("the program has %d lines, want fewer than %d", n, ownLines)
	}
	if err := os.WriteFile(program, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	buildOwn(t, dir, program, block(t, text, "sh"))
	d := startProgram(t, filepath.Join(dir, "greeterd", "greeterd"), dir)
	s.standIns = []string{documentedAddr, d.addr}
	s.play(t, isIt)
}

func block(t *testing.T, text, mark string) string {
	t.Helper()
	found, err := readBlock(text, mark)
	if err != nil {
		t.Fatalf("README.md, %s: %v", ownDaemon, err)
	}
	return found
}

// buildOwn runs the commands up to the last, which starts the daemon.
func buildOwn(t *testing.T, dir, program, script string) {
	t.Helper()
	checkout, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{saveIt, clone, runIt} {
		if strings.Count(script, part) != 1 {
			t.Fatalf("README.md, %s: the commands have to contain %q once:\n%s", ownDaemon, part, script)
		}
	}
	script = strings.NewReplacer(saveIt, "cp '"+program+"' main.go\n", clone, "'"+checkout+"'", runIt, "").Replace(script)
	build := exec.CommandContext(t.Context(), "sh", "-ec", script)
	build.Dir = dir
	build.Env = append(os.Environ(), "GOPROXY=off", "GOSUMDB=off", "GOFLAGS=", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("README.md, %s: %v\n%s", ownDaemon, err, out)
	}
}
