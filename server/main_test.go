package server_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// beProcess is set for a test binary that another test started, to be a process that it can kill.
const beProcess = "TASKVISOR_TEST_PROCESS"

func TestMain(m *testing.M) {
	switch name := os.Getenv(beProcess); name {
	case "":
		goleak.VerifyTestMain(m)
	case "watchers":
		fmt.Fprintln(os.Stderr, watchersProcess())
		os.Exit(1)
	default:
		fmt.Fprintf(os.Stderr, "no process %q\n", name)
		os.Exit(2)
	}
}
