//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// root of the repository, as seen from this package.
const root = "../../.."

// bin has the paths of the programs that these tests run.
var bin struct{ daemon, taskvisor, grpcurl, probe string }

func TestMain(m *testing.M) {
	enterSandbox() // and does not return if that is what this process is for
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "taskvisor-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err = findTools(); err == nil {
		err = buildBinaries(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// findTools sets the paths of the tools. A missing tool is an error and not a reason to skip: an end-to-end suite that runs nothing looks
// exactly like one that passes.
func findTools() error {
	dir := os.Getenv("TASKVISOR_E2E_BIN")
	if dir == "" {
		return errors.New("TASKVISOR_E2E_BIN is not set: run the tests with `make e2e`, or name the folder that has grpcurl and grpc-health-probe")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	for name, path := range map[string]*string{"grpcurl": &bin.grpcurl, "grpc-health-probe": &bin.probe} {
		if *path, err = exec.LookPath(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("no %s in TASKVISOR_E2E_BIN: run `make tools`: %w", name, err)
		}
	}
	return nil
}

// buildBinaries builds what people get, not what tests like.
func buildBinaries(dir string) error {
	bin.daemon, bin.taskvisor = filepath.Join(dir, "taskvisord"), filepath.Join(dir, "taskvisor")
	build := makeCommand("build", "BIN="+dir)
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", build, err, out)
	}
	return nil
}
