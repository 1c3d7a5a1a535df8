package exec_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugins/exec"
)

// starts is how many commands TestStartsAndKills runs. -exec.starts 10000 takes minutes under the race detector.
var starts = flag.Int("exec.starts", 50, "how many commands TestStartsAndKills starts")

// A way is one in which a command ends. Its script writes $N to descriptor 9, and keeps that open in all of its processes, which is how the test
// learns of their end.
type way struct {
	name   string
	script string
	atOnce bool // canceled at once, whatever the command is doing; else when it has written $N
	right  func(error) bool
}

var ways = []way{
	{"ends by itself", `echo $N >&9; exit 3`, false, func(err error) bool {
		code, _ := supervisor.ExitCodeOf(err)
		return code == 3 || errors.Is(err, context.Canceled) // the cancellation may have been quicker
	}},
	{"obeys", `echo $N >&9; exec sleep 1000`, false, isCanceled},
	{"deaf", `trap '' TERM; echo $N >&9; sleep 1000; sleep 1000`, false, isCanceled},
	{"leaves a deaf child", `(trap '' TERM; echo $N >&9; exec sleep 1000) & wait`, false, isCanceled},
	{"canceled at once", `exec sleep 1000`, true, isCanceled},
}

func isCanceled(err error) bool { return errors.Is(err, context.Canceled) }

// Whatever way commands end: no zombie, no orphan, no descriptor is left.
func TestStartsAndKills(t *testing.T) {
	s := newSoak(t)
	if err := s.attempt(0); err != nil { // what the runtime opens once
		t.Fatal(err)
	}
	s.guard.Close()
	before := openCount(t)
	var crowd sync.WaitGroup
	next := make(chan int)
	for range 8 {
		crowd.Go(func() {
			for n := range next {
				if err := s.attempt(n); err != nil {
					t.Errorf("attempt %d: %v", n, err)
				}
			}
		})
	}
	for n := range *starts {
		next <- n
	}
	close(next)
	crowd.Wait()
	s.noOrphans(t)
	s.guard.Close() // only now, since it would kill orphans
	if err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil); !errors.Is(err, unix.ECHILD) {
		t.Errorf("waitid: %v, want that there are no children, dead or alive", err)
	}
	if after := openCount(t); after != before-2 { // both ends of the fifo are closed by now
		t.Errorf("%d descriptors are open, want %d", after, before-2)
	}
}

func openCount(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// soak runs many attempts, and cancels each when its command says so.
type soak struct {
	guard  *exec.Guard
	path   string
	hold   *os.File      // the fifo, so that it does not end before the test does
	heard  chan struct{} // closed when all who had the fifo open are gone
	mu     sync.Mutex
	cancel map[int]context.CancelFunc // by $N
}

func newSoak(t *testing.T) *soak {
	t.Helper()
	s := &soak{guard: exec.NewGuard(), path: filepath.Join(t.TempDir(), "fifo"), heard: make(chan struct{}), cancel: map[int]context.CancelFunc{}}
	if err := syscall.Mkfifo(s.path, 0o600); err != nil {
		t.Fatal(err)
	}
	read, err := os.OpenFile(s.path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // does not wait for a writer
	if err != nil {
		t.Fatal(err)
	}
	if s.hold, err = os.OpenFile(s.path, os.O_WRONLY, 0); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.heard)
		defer read.Close()
		for scan := bufio.NewScanner(read); scan.Scan(); {
			n, _ := strconv.Atoi(scan.Text())
			s.mu.Lock()
			s.cancel[n]()
			s.mu.Unlock()
		}
	}()
	return s
}

// attempt runs a command, and returns what is wrong with how it ends.
func (s *soak) attempt(n int) error {
	way := ways[n%len(ways)]
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s.mu.Lock()
	s.cancel[n] = cancel
	s.mu.Unlock()
	body, err := buildGuarded(s.guard, map[string]any{
		"command":    []string{"sh", "-c", `exec 9>"$FIFO"; ` + way.script},
		"env":        map[string]any{"FIFO": s.path, "N": strconv.Itoa(n)},
		"stop_grace": "1ms",
	})
	if err != nil {
		return err
	}
	if way.atOnce {
		go cancel()
	}
	if err := body.Run(ctx); !way.right(err) {
		return errors.New(way.name + ": got " + errorText(err))
	}
	return nil
}

func errorText(err error) string {
	if err == nil {
		return "success"
	}
	return err.Error()
}

// noOrphans waits until nobody has the fifo open any more, which is so at once.
func (s *soak) noOrphans(t *testing.T) {
	t.Helper()
	s.hold.Close()
	<-s.heard
}
