// Package filewatch tells when files may have changed.
//
// # Guarantees
//
//   - A change of a file, its replacement by another one under the same name, and the exchange of a symbolic link in its folder, which is how
//     Kubernetes updates the files of a Secret, are told within Settle where the system notifies of such things.
//   - All other changes, such as those behind links to other folders or on a network file system, are told within the interval.
//   - Telling too often is possible, never too seldom: who is told reads the files and compares.
package filewatch

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Settle is how long changes may go on before they are told: those who write a certificate and its key, one after the other, mean one change.
const Settle = 100 * time.Millisecond

// Watcher watches the folders of files. Make one with New, before the files are read for the first time, so that nothing is missed.
type Watcher struct {
	notifier *fsnotify.Watcher // nil when the system does not notify
	interval time.Duration
}

// New returns a watcher that looks after the files every interval, whatever the system notifies of. The error says why there will be no notifications; the
// watcher works without them.
func New(files []string, interval time.Duration) (*Watcher, error) {
	w := &Watcher{interval: interval}
	notifier, err := fsnotify.NewWatcher()
	if err != nil {
		return w, err
	}
	w.notifier = notifier
	var failed []error
	for _, file := range files {
		failed = append(failed, notifier.Add(filepath.Dir(file))) // a folder twice is watched once
	}
	return w, errors.Join(failed...)
}

// Close ends a watcher that does not run.
func (w *Watcher) Close() error {
	if w.notifier == nil {
		return nil
	}
	return w.notifier.Close()
}

// Run calls changed, one call at a time, whenever files may have changed, until ctx is done. It closes the watcher.
func (w *Watcher) Run(ctx context.Context, changed func()) {
	defer func() { _ = w.Close() }() // nobody can do anything about it
	var events chan fsnotify.Event
	var failures chan error
	if w.notifier != nil {
		events, failures = w.notifier.Events, w.notifier.Errors
	}
	tick := time.NewTicker(w.interval)
	defer tick.Stop()
	var settled <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-events:
		case <-failures: //nolint:errcheck // such as too many events: what was lost is looked for
		case <-settled:
			settled = nil
			changed()
			continue
		case <-tick.C:
			changed()
			continue
		}
		if settled == nil { // else it would never come while a folder is busy
			settled = time.After(Settle)
		}
	}
}
