package bodytest

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/taskvisor/taskvisor/supervisor"
)

// A Life is one attempt of a body under a supervisor, whose progress a test watches.
type Life struct {
	t   testing.TB
	sup *supervisor.Supervisor
	ref supervisor.Ref
}

// Begin starts an attempt, which has to give signs of life once in a minute.
func Begin(t testing.TB, body supervisor.Task) *Life {
	t.Helper()
	sup, err := supervisor.New(supervisor.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sup.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	spec := supervisor.Once("task", body)
	spec.HeartbeatTimeout = time.Minute
	snap, err := sup.Add(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return &Life{t, sup, supervisor.ByUID(snap.UID)}
}

// Await waits until the body says that it is so far.
func (l *Life) Await(progress string) {
	l.t.Helper()
	for {
		snap, err := l.sup.Get(l.ref)
		switch {
		case err != nil:
			l.t.Fatal(err)
		case snap.Progress == progress:
			return
		case snap.State == supervisor.StateFinished:
			l.t.Fatalf("the attempt has ended with %s %s, at %q; want %q", snap.Outcome, snap.Reason, snap.Progress, progress)
		}
		runtime.Gosched()
	}
}

// End returns the task once the attempt is over.
func (l *Life) End() supervisor.Snapshot {
	l.t.Helper()
	snap, err := l.sup.Wait(l.t.Context(), l.ref)
	if err != nil {
		l.t.Fatal(err)
	}
	return snap
}
