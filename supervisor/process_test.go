package supervisor

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// processes are what a test binary can be told to do instead of running tests: see beBody.
var processes = map[string]func() int{"hostile": hostileProcess, "idle": idleProcess, "idleBare": idleBareProcess}

func runProcess(name string) int {
	p, ok := processes[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "no process %q\n", name)
		return 2
	}
	return p()
}

// startProcess runs the test binary as the named process and returns what it wrote.
func startProcess(t testing.TB, name string, env ...string) (output string, err error) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), append(env, beBody+"="+name)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
