package reap

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// reaped is the handler of a log that passes on the numbers of the processes that were reaped.
type reaped chan int64

func (r reaped) Enabled(context.Context, slog.Level) bool { return true }
func (r reaped) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r reaped) WithGroup(string) slog.Handler            { return r }
func (r reaped) Handle(_ context.Context, record slog.Record) error {
	record.Attrs(func(a slog.Attr) bool {
		if a.Key != "pid" {
			fmt.Fprintln(os.Stderr, record.Message, a)
			os.Exit(1)
		}
		r <- a.Value.Int64()
		return true
	})
	return nil
}

// scenes are what a process plays that adopts orphans, which is reaping meanwhile.
var scenes = map[string]func(reaped) error{
	"orphans":              orphansAreReaped,
	"the dead":             theDeadAreReaped,
	"own children":         ownChildrenAreLeft,
	"both at once":         bothAtOnce,
	"released":             releasedAreReaped,
	"nothing is left over": nothingIsLeft,
}

// play plays a scene, and exits.
func play(scene string) {
	err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	if err == nil && !Adopts() {
		err = errors.New("a subreaper does not know that it is one")
	}
	if err == nil {
		log := make(reaped, 1000)
		go func() {
			if err := orphans(context.Background(), slog.New(log), 0); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}()
		err = scenes[scene](log)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func TestScenes(t *testing.T) {
	for scene := range scenes {
		t.Run(scene, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), asReaper+"="+scene, "GORACE=atexit_sleep_ms=0")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// orphan is a process whose parent ends first, without having waited for it.
type orphan struct {
	pid  int64
	gate *os.File // it reads from the other end, and so ends when this is closed
}

// newOrphan has a shell leave a process behind which does what the script says once it may end.
func newOrphan(script string, status int) (*orphan, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	shell := exec.Command("sh", "-c", fmt.Sprintf("(read x <&3; %s) >/dev/null 2>&1 & echo $!; exit %d", script, status))
	shell.ExtraFiles = []*os.File{r}
	out, err := shell.Output()
	if want := fmt.Sprintf("exit status %d", status); status == 0 && err != nil || status > 0 && (err == nil || err.Error() != want) {
		return nil, fmt.Errorf("the shell ends with %w, want %s", err, want)
	}
	pid, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return &orphan{pid, w}, err
}

// end lets it end.
func (o *orphan) end() { o.gate.Close() }

// orphansAreReaped: those that end by themselves, by a signal, and those that have left the group and the session.
func orphansAreReaped(log reaped) error {
	for _, script := range []string{"exit 3", "kill -9 $$; exec sleep 1000", "exec setsid sh -c 'exit 3'", "exec true"} {
		o, err := newOrphan(strings.ReplaceAll(script, "$$", "$(sh -c 'echo $PPID')"), 0)
		if err != nil {
			return err
		}
		o.end()
		if got := <-log; got != o.pid {
			return fmt.Errorf("%s: %d was reaped, want %d", script, got, o.pid)
		}
	}
	return nil
}

// theDeadAreReaped: one that has ended when it is adopted. Its parent is cat, which waits for nobody.
func theDeadAreReaped(log reaped) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	parent := exec.Command("sh", "-c", "(read x <&3) & echo $!; exec cat")
	parent.ExtraFiles = []*os.File{r}
	in, err := parent.StdinPipe()
	if err != nil {
		return err
	}
	out, err := parent.StdoutPipe()
	if err != nil {
		return err
	}
	if err := parent.Start(); err != nil {
		return err
	}
	var dead int64
	var echo string
	fmt.Fprintln(in, "cat")
	if _, err := fmt.Fscanln(out, &dead); err != nil {
		return err
	}
	if _, err := fmt.Fscanln(out, &echo); err != nil || echo != "cat" { // the shell, which may wait, is cat now
		return fmt.Errorf("%q, %w", echo, err)
	}
	w.Close()
	if err := awaitEnd(dead); err != nil {
		return err
	}
	in.Close()
	if err := parent.Wait(); err != nil {
		return err
	}
	if got := <-log; got != dead {
		return fmt.Errorf("%d was reaped, want %d", got, dead)
	}
	return nil
}

// awaitEnd returns when a process has ended, whoever its parent is.
func awaitEnd(pid int64) error {
	pidfd, err := unix.PidfdOpen(int(pid), 0)
	if err != nil {
		return err
	}
	defer unix.Close(pidfd)
	for {
		if _, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, -1); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// ownChildrenAreLeft: a child that has ended is not touched however long nobody waits for it.
func ownChildrenAreLeft(log reaped) error {
	own := exec.Command("sh", "-c", "exit 7")
	if err := own.Start(); err != nil {
		return err
	}
	if err := awaitEnd(int64(own.Process.Pid)); err != nil {
		return err
	}
	o, err := newOrphan("exit 3", 0)
	if err != nil {
		return err
	}
	o.end()
	if got := <-log; got != o.pid { // in one look with the child, at the latest
		return fmt.Errorf("%d was reaped, want %d", got, o.pid)
	}
	var exit *exec.ExitError
	if err := own.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 7 {
		return fmt.Errorf("the child of our own: %w, want exit code 7", err)
	}
	return nil
}

// bothAtOnce starts children from many goroutines, each of which leaves an orphan: none loses its exit code, all orphans go.
func bothAtOnce(log reaped) error {
	const callers, rounds = 8, 25
	var mu sync.Mutex // guards what is below
	var failed []error
	orphans := map[int64]bool{}
	var calls sync.WaitGroup
	for caller := range callers {
		calls.Go(func() {
			for range rounds {
				o, err := newOrphan("exit 3", caller)
				mu.Lock()
				if err != nil {
					failed = append(failed, err)
				} else {
					orphans[o.pid] = true
				}
				mu.Unlock()
				if err == nil {
					o.end()
				}
			}
		})
	}
	calls.Wait()
	for range orphans {
		if pid := <-log; !orphans[pid] {
			failed = append(failed, fmt.Errorf("%d was reaped, and is no orphan", pid))
		}
	}
	return errors.Join(failed...)
}

// releasedAreReaped: who releases a child says that nobody will wait.
func releasedAreReaped(log reaped) error {
	own := exec.Command("true")
	if err := own.Start(); err != nil {
		return err
	}
	want := int64(own.Process.Pid)
	if err := own.Process.Release(); err != nil {
		return err
	}
	if err := exec.Command("true").Run(); err != nil { // the child may have ended before it was released, and somebody has to end after that
		return err
	}
	for got := <-log; got != want; got = <-log {
	}
	return nil
}

// nothingIsLeft: a tree of processes that breaks apart.
func nothingIsLeft(log reaped) error {
	tree := exec.Command("sh", "-c", `for i in 1 2 3; do (setsid sh -c "sh -c true & true & exec sh -c true" &) & done; wait`)
	if err := tree.Run(); err != nil {
		return err
	}
	for {
		err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		if errors.Is(err, unix.ECHILD) {
			return nil
		}
		<-log // that is left is reaped in a moment
	}
}

// What the kernel tells is read as it is meant.
func TestReadingOfProc(t *testing.T) {
	for stat, want := range map[string]bool{
		"7 (x) Z 5 7": true, "7 (x) Z 55 7": false, "7 (x) S 5 7": false, "7 (x) Z 5) S 1 7": false, "7 (a) Z) Z 5": true, "7 (x)": false, "": false,
	} {
		if got := isZombie([]byte(stat), 5); got != want {
			t.Errorf("%q: %t, want %t", stat, got, want)
		}
	}
	for info, want := range map[string]int{"pos:\t0\nPid:\t12\nNSpid:\t12\n": 12, "Pid:\t-1\n": -1, "pos:\t0\n": 0, "Pid:\tx\n": 0} {
		if got, ok := pidIn([]byte(info)); got != want || ok != (want != 0) {
			t.Errorf("%q: %d, %t, want %d", info, got, ok, want)
		}
	}
}

// A process that is none that adopts has nothing to do, and ends when it is told to.
func TestNothingToReap(t *testing.T) {
	if Adopts() {
		t.Skip("this process adopts orphans")
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- Orphans(ctx, slog.New(slog.DiscardHandler)) }()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "exit 7")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, bufio.NewReader(out)); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 7 {
		t.Error(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
