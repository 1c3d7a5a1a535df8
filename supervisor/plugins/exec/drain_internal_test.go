//go:build unix

package exec

import (
	"context"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/taskvisor/taskvisor/supervisor"
)

// written is a sink that keeps all lines.
type written struct {
	mu    sync.Mutex
	lines []string
}

func (w *written) line(_ stream, text []byte, _ bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, string(text))
}

// newWritten returns the output of a command that wrote text to stdout and is gone. orphan has stdout open, as a process may that left the group.
func newWritten(t *testing.T, text string) (o *output, w *written, orphan io.WriteCloser) {
	t.Helper()
	w = &written{}
	o, err := newOutput(w)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.closeAll)
	if _, err := o.write[stdout].WriteString(text); err != nil {
		t.Fatal(err)
	}
	held, err := syscall.Dup(int(o.write[stdout].Fd()))
	if err != nil {
		t.Fatal(err)
	}
	return o, w, os.NewFile(uintptr(held), "orphan")
}

// "All that the processes of the group have written is read, however busy the machine is": even where patience is over before reading begins.
func TestAllThatWasWrittenIsReadHoweverLate(t *testing.T) {
	const fits = 64 << 10 // what a pipe holds
	for name, text := range map[string]string{
		"nothing":     "",
		"last words":  "no database\n",
		"unended":     "no data",
		"a full pipe": strings.Repeat(strings.Repeat("x", 127)+"\n", fits/128),
	} {
		for _, held := range []bool{false, true} {
			o, w, orphan := newWritten(t, text)
			if !held {
				orphan.Close()
			}
			o.start()
			if all := o.finish(-time.Hour); all == held {
				t.Errorf("%s: everybody has let go of the output: %v, want %v", name, all, !held)
			}
			if got, want := strings.Join(w.lines, "\n"), strings.TrimSuffix(text, "\n"); got != want {
				t.Errorf("%s, held open %v: read %d bytes %.40q, want %d", name, held, len(got), got, len(want))
			}
			orphan.Close()
		}
	}
}

// Whoever writes as fast as is read does not hang the attempt.
func TestAFloodFromOutsideOfTheGroupIsNotListenedToForEver(t *testing.T) {
	o, _, orphan := newWritten(t, "")
	var flood sync.WaitGroup
	flood.Go(func() {
		chunk := []byte(strings.Repeat("more and more\n", 4096))
		for {
			if _, err := orphan.Write(chunk); err != nil { // once nobody reads any more
				return
			}
		}
	})
	o.start()
	if o.finish(0) {
		t.Error("everybody has let go of the output, want that somebody has not")
	}
	flood.Wait()
	orphan.Close()
}

// A process that is about to let go of the output is waited for.
func TestMoreIsWaitedForUntilPatienceIsOver(t *testing.T) {
	o, w, orphan := newWritten(t, "first\n")
	o.start()
	finished := make(chan bool)
	go func() { finished <- o.finish(time.Hour) }()
	if _, err := io.WriteString(orphan, "second\n"); err != nil {
		t.Fatal(err)
	}
	orphan.Close()
	if !<-finished {
		t.Error("somebody holds the output open, want that nobody does")
	}
	if got := strings.Join(w.lines, " "); got != "first second" {
		t.Errorf("read %q", got)
	}
}

// "Each line is also a heartbeat."
func TestEachLineIsAHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sup, err := supervisor.New(supervisor.Config{})
		if err != nil {
			t.Fatal(err)
		}
		spec := supervisor.Once("chatty", supervisor.TaskFunc(func(ctx context.Context) error {
			for range 3 {
				time.Sleep(9 * time.Second)
				pulseSink{ctx}.line(stdout, nil, false)
			}
			return ctx.Err()
		}))
		spec.HeartbeatTimeout = 10 * time.Second
		snap, err := sup.Add(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		if snap, err = sup.Wait(t.Context(), supervisor.ByUID(snap.UID)); err != nil || snap.Outcome != supervisor.OutcomeCompleted {
			t.Errorf("outcome %s, reason %s, %v", snap.Outcome, snap.Reason, err)
		}
		if err := sup.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
