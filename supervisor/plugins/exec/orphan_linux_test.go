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

// On Linux the command dies with the daemon even when that is killed by SIGKILL.
func TestTheCommandDiesWithTheDaemonEvenWhenThatIsKilled(t *testing.T) {
	path, opened := fifo(t)
	daemon := osexec.Command(os.Args[0])
	daemon.Env = append(os.Environ(), asDaemon+`=exec 9>"`+path+`"; echo ready >&9; exec sleep 1000`)
	daemon.Stderr = os.Stderr
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	f := <-opened
	if _, err := bufio.NewReader(f).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if err := daemon.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = daemon.Wait() // "signal: killed"
	expectEOF(t, f)
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
