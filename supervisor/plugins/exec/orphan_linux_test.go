package exec_test

import (
	"bufio"
	"os"
	osexec "os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"
)

// startDaemon starts a process that runs a script as a task, and returns once the script has written a line to $FIFO, which is what it is to keep open.
func startDaemon(t *testing.T, script string, env ...string) (daemon *osexec.Cmd, lifeline *os.File) {
	t.Helper()
	path, opened := fifo(t)
	daemon = osexec.Command(os.Args[0])
	daemon.Env = append(append(os.Environ(), asDaemon+"="+script, "FIFO="+path), env...)
	daemon.Stderr = os.Stderr
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	lifeline = <-opened
	if _, err := bufio.NewReader(lifeline).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	return daemon, lifeline
}

func kill(t *testing.T, daemon *osexec.Cmd) {
	t.Helper()
	if err := daemon.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = daemon.Wait() // "signal: killed"
}

// No process that a command has started outlives a daemon that has a guard, however the daemon ends.
func TestNothingOutlivesTheDaemon(t *testing.T) {
	for name, script := range map[string]string{
		"the command":                       `exec 9>"$FIFO"; echo ready >&9; exec sleep 1000`,
		"a child":                           `exec 9>"$FIFO"; sleep 1000 & echo ready >&9; wait`,
		"a child that is deaf":              `exec 9>"$FIFO"; trap '' TERM; sleep 1000 & echo ready >&9; wait`,
		"a child without environment":       `exec 9>"$FIFO"; env -i sleep 1000 & echo ready >&9; wait`,
		"a child with a session of its own": `setsid sh -c 'exec 9>"$FIFO"; echo ready >&9; exec sleep 1000' & wait`,
		"one that went into the background": `(setsid sh -c 'exec 9>"$FIFO"; (sleep 1000 &); echo ready >&9' &); exec sleep 1000`,
		"one that does so all the time":     `spin() { setsid sh -c 'exec 9>"$FIFO"; sleep 1000 & echo ready >&9'; }; spin; while :; do spin & wait; done`,
	} {
		t.Run(name, func(t *testing.T) {
			daemon, lifeline := startDaemon(t, script)
			kill(t, daemon)
			expectEOF(t, lifeline)
		})
	}
}

// Nor does one that runs as another user, with a guard or by the parent-death signal, which a change of the user clears.
func TestNothingOfAnotherUserOutlivesTheDaemon(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can run commands as other users")
	}
	for name, script := range map[string]string{
		"the command":                       `exec 9>"$FIFO"; echo ready >&9; exec sleep 1000`,
		"a child with a session of its own": `setsid sh -c 'exec 9>"$FIFO"; echo ready >&9; exec sleep 1000' & wait`,
	} {
		t.Run(name, func(t *testing.T) {
			daemon, lifeline := startDaemon(t, script, asUser+"=54321:23456")
			kill(t, daemon)
			expectEOF(t, lifeline)
		})
	}
}

// A clean exit makes no difference: what left the group of a command may outlive the attempt, but not the daemon.
func TestNothingOutlivesADaemonThatHasEndedByItself(t *testing.T) {
	daemon, lifeline := startDaemon(t, `mkfifo "$FIFO.go"; setsid sh -c 'exec 9>"$FIFO"; echo ready >&9; echo >"$FIFO.go"; exec sleep 1000 >&- 2>&-' & read x <"$FIFO.go"`)
	if err := daemon.Wait(); err != nil {
		t.Error(err)
	}
	expectEOF(t, lifeline)
}

// The parent-death signal is sent when the thread dies that forked. Goroutines that end while they hold a thread make threads die all the time.
func TestTheCommandOutlivesThreadsThatDie(t *testing.T) {
	path, opened := fifo(t)
	if err := syscall.Mkfifo(path+".go", 0o600); err != nil { // opening it to write waits until the command reads
		t.Fatal(err)
	}
	l := sh(t, `exec 9>"`+path+`"; echo ready; read x < "`+path+`.go" && exit 42`)
	l.expect("stdout", "ready")
	f := <-opened
	var dying sync.WaitGroup
	gate := make(chan struct{})
	for range 64 {
		dying.Go(func() {
			runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
			<-gate
		})
	}
	close(gate)
	dying.Wait()
	if err := os.WriteFile(path+".go", []byte("go\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if reason, _, _ := failure(t, l.wait()); reason != "exit status 42" {
		t.Errorf("reason %q, want that the command lived on", reason)
	}
	expectEOF(t, f)
}
