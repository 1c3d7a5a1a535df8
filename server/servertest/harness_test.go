package servertest_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/servertest"
)

// use lets a task run on a harness, to its end.
func use(t *testing.T, h *servertest.Harness) {
	t.Helper()
	h.Add("task", servertest.Wait)
	resp, err := h.Tasks.RemoveTask(t.Context(), &pb.RemoveTaskRequest{Name: "task"})
	if err != nil || resp.GetTask().GetState() != pb.TaskState_TASK_STATE_FINISHED {
		t.Errorf("removed: %v, %v", resp, err)
	}
}

// "New works inside a testing/synctest bubble, where time is virtual, and outside."
func TestNewWorksInsideABubbleAndOutside(t *testing.T) {
	use(t, servertest.New(t))
	synctest.Test(t, func(t *testing.T) {
		h := servertest.New(t)
		begin := time.Now()
		time.Sleep(time.Hour)
		use(t, h)
		if took := time.Since(begin); took != time.Hour {
			t.Errorf("it took %v", took)
		}
	})
}

// A test may shut down by itself, or make no call at all.
func TestHarnessThatIsNotUsed(t *testing.T) {
	servertest.New(t)
	if err := servertest.New(t, servertest.WithoutLeakCheck()).Server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// tb is a test whose failures and cleanups are ours.
type tb struct {
	testing.TB
	failures []string
	cleanups []func()
}

func (t *tb) Errorf(format string, args ...any) {
	t.failures = append(t.failures, fmt.Sprintf(format, args...))
}
func (t *tb) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }

func (t *tb) end() {
	for len(t.cleanups) > 0 {
		last := len(t.cleanups) - 1
		f := t.cleanups[last]
		t.cleanups = t.cleanups[:last]
		f()
	}
}

// "A goroutine that is left makes the test fail."
func TestALeakMakesTheTestFail(t *testing.T) {
	stop := make(chan struct{})
	defer close(stop)
	for _, leak := range []bool{false, true} {
		inner := &tb{TB: t}
		h := servertest.New(inner)
		use(t, h)
		if leak {
			go func() { <-stop }()
		}
		inner.end()
		if got := strings.Join(inner.failures, "\n"); (got != "") != leak {
			t.Errorf("leak %t: %q", leak, got)
		}
	}
}
