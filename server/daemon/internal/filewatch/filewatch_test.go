package filewatch

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// watched runs a watcher until the end of the test, and returns on what it tells of changes.
func watched(t *testing.T, w *Watcher) <-chan struct{} {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	told, ended := make(chan struct{}, 100), make(chan struct{})
	go func() {
		defer close(ended)
		w.Run(ctx, func() { told <- struct{}{} })
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return told
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// "A change of a file, its replacement by another one under the same name, and the exchange of a symbolic link in its folder are told." The interval is one
// that no test waits for.
func TestChangesAreTold(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	must(t, os.Mkdir(at("..1"), 0o700))
	must(t, os.Mkdir(at("..2"), 0o700))
	must(t, os.WriteFile(at("..1/f"), []byte("1"), 0o600))
	must(t, os.WriteFile(at("..2/f"), []byte("2"), 0o600))
	must(t, os.Symlink("..1", at("..data")))
	must(t, os.Symlink("..data/f", at("f")))
	must(t, os.WriteFile(at("g"), nil, 0o600))
	w, err := New([]string{at("f"), at("g")}, time.Hour)
	must(t, err)
	told := watched(t, w)
	for name, change := range map[string]func(){
		"write": func() { must(t, os.WriteFile(at("g"), []byte("new"), 0o600)) },
		"replace": func() {
			must(t, os.WriteFile(at("g.new"), nil, 0o600))
			must(t, os.Rename(at("g.new"), at("g")))
		},
		"mode": func() { must(t, os.Chmod(at("g"), 0o400)) },
		"as Kubernetes does": func() {
			must(t, os.Symlink("..2", at("..data_tmp")))
			must(t, os.Rename(at("..data_tmp"), at("..data")))
		},
		"remove": func() { must(t, os.Remove(at("f"))) },
	} {
		change()
		select {
		case <-told:
		case <-t.Context().Done():
			t.Fatalf("%s is not told", name)
		}
	}
}

// "All other changes are told within the interval", also when the system does not notify at all.
func TestTheIntervalNeedsNoNotifications(t *testing.T) {
	w, err := New([]string{filepath.Join(t.TempDir(), "no", "f")}, time.Millisecond)
	if err == nil {
		t.Error("a folder that is not there is watched")
	}
	told := watched(t, w)
	<-told
	<-told
	bare := watched(t, &Watcher{interval: time.Millisecond})
	<-bare
}

// A folder in which something happens all the time does not keep a change from being told.
func TestABusyFolder(t *testing.T) {
	dir := t.TempDir()
	w, err := New([]string{filepath.Join(dir, "f")}, time.Hour)
	must(t, err)
	told := watched(t, w)
	for {
		must(t, os.WriteFile(filepath.Join(dir, "other"), nil, 0o600))
		select {
		case <-told:
			return
		default:
		}
	}
}

func TestCloseOfAWatcherThatDoesNotRun(t *testing.T) {
	w, err := New([]string{filepath.Join(t.TempDir(), "f")}, time.Hour)
	must(t, err)
	must(t, w.Close())
	must(t, (&Watcher{}).Close())
}
