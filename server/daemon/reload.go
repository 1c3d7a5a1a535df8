package daemon

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/taskvisor/taskvisor/server/daemon/internal/filewatch"
)

// reloadInterval is how often files are looked at when the system does not notify of their changes.
const reloadInterval = 10 * time.Second

// secretFile is a file that the daemon reads again when it changes.
type secretFile struct {
	setting string // that names the file
	path    string
	data    []byte
	mode    os.FileMode
	err     error // why it cannot be read
}

// readSecret reads the file that the setting names.
func readSecret(setting, path string) secretFile {
	f := secretFile{setting: setting, path: path}
	info, err := os.Stat(path)
	if err != nil {
		f.err = err
		return f
	}
	f.mode = info.Mode()
	f.data, f.err = readBounded(path)
	return f
}

// Modes that make a file one of others as well.
const (
	othersRead  = 0o004
	othersWrite = 0o002
)

// loading is what comes of a reading of files: it is put into force only if there are no problems.
type loading struct {
	problems []string
	warnings []string
	summary  []any     // for the log
	expires  time.Time // zero for never
	apply    func()    // puts what was read into force
}

// reloader reads files that belong together, at the start and whenever they change. What is wrong with them then is logged, and what was in
// force stays. It belongs to one goroutine at a time.
type reloader struct {
	what  string                     // for the log: "certificate"
	files map[string]string          // paths by the name of the setting
	order []string                   // the settings, in the order in which they are read
	judge func([]secretFile) loading // says what is wrong with the files

	log      *slog.Logger
	last     [sha256.Size]byte // of what was read last, good or bad
	warnings []string          // about what is in force since the start
	expires  time.Time         // of what is in force; zero for never, and once that was logged

	state reloadState // for others
}

// load reads the files for the first time, and puts what they have into force unless there are problems.
func (r *reloader) load() (problems []string) {
	files := r.read()
	l := r.judge(files)
	if l.problems != nil {
		return l.problems
	}
	r.last, r.warnings, r.expires = fingerprint(files), l.warnings, l.expires
	l.apply()
	r.state.success(l.expires)
	return nil
}

// run reloads the files until ctx is done, also for what has changed since load.
func (r *reloader) run(ctx context.Context) {
	var paths []string
	for _, setting := range r.order {
		paths = append(paths, r.files[setting])
	}
	watcher, err := filewatch.New(paths, reloadInterval)
	if err != nil {
		r.log.Warn(fmt.Sprintf("changes of the %s are noticed within %s, not at once", r.what, reloadInterval), "reason", err)
	}
	r.check()
	watcher.Run(ctx, r.check)
}

func (r *reloader) read() (files []secretFile) {
	for _, setting := range r.order {
		files = append(files, readSecret(setting, r.files[setting]))
	}
	return files
}

// check reads the files, and puts what they have into force if that is new.
func (r *reloader) check() {
	defer r.checkExpiry()
	files := r.read()
	now := fingerprint(files)
	if now == r.last {
		return
	}
	r.last = now
	l := r.judge(files)
	if l.problems != nil {
		failures := r.state.failure()
		for _, problem := range l.problems {
			r.log.Error("the "+r.what+" is not reloaded, the former stays in force", "reason", problem, "failures", failures)
		}
		return
	}
	l.apply()
	r.expires = l.expires
	r.state.success(l.expires)
	r.log.Info("the "+r.what+" is reloaded", l.summary...)
	for _, warning := range l.warnings {
		r.log.Warn(warning)
	}
}

// checkExpiry says, once, that what is in force is no longer good: whoever was to renew the files has not.
func (r *reloader) checkExpiry() {
	if !r.expires.IsZero() && time.Now().After(r.expires) {
		r.log.Error("the "+r.what+" has expired, and clients refuse it; renew it, and it is reloaded", "expired", r.expires)
		r.expires = time.Time{}
	}
}

// fingerprint is another one when anything is other than before that judge looks at.
func fingerprint(files []secretFile) (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, f := range files {
		fmt.Fprintf(h, "%d %o %v %d\n", len(f.path), f.mode, f.err, len(f.data))
		h.Write(f.data)
	}
	return [sha256.Size]byte(h.Sum(nil))
}
