package reap

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// asReaper, set to the name of a scene, makes the test binary a process that adopts and plays it.
const asReaper = "REAP_TEST_AS_REAPER"

func TestMain(m *testing.M) {
	if scene := os.Getenv(asReaper); scene != "" {
		play(scene)
	}
	goleak.VerifyTestMain(m)
}
