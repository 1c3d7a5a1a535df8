//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// codeOf is the code that belongs to each reason. A reason that is not here is none that a call may be refused with.
var codeOf = map[string]codes.Code{
	"INVALID_FIELD": codes.InvalidArgument, "UNKNOWN_PLUGIN": codes.InvalidArgument, "PLUGIN_DISABLED": codes.PermissionDenied,
	"TASK_EXISTS": codes.AlreadyExists, "REQUEST_ID_REUSED": codes.AlreadyExists, "TASK_NOT_FOUND": codes.NotFound,
	"SLOT_BUSY": codes.FailedPrecondition, "QUEUE_FULL": codes.ResourceExhausted, "SUPERSEDED": codes.Aborted,
	"CURSOR_EXPIRED": codes.OutOfRange, "TASK_STUCK": codes.DeadlineExceeded, "TASK_LIMIT": codes.ResourceExhausted,
	"STREAM_LIMIT": codes.ResourceExhausted, "PRINCIPAL_STREAM_LIMIT": codes.ResourceExhausted, "SIZE_LIMIT": codes.ResourceExhausted,
	"UNAUTHENTICATED": codes.Unauthenticated, "ROLE_REQUIRED": codes.PermissionDenied,
}

// judge reports whether a call came to an answer. It fails the test if that is none of those that are allowed: "OK" or reasons. What came to no answer
// is forgiven to a caller whose connection was cut.
func (a *chaosCaller) judge(what fmt.Stringer, err error, allowed ...string) (answered bool) {
	a.t.Helper()
	code, reason := status.Code(err), reasonOf(err)
	switch {
	case a.cut && reason == "" && (code == codes.Unavailable || code == codes.Canceled):
		a.counts.cut++
		return false
	case err == nil && slices.Contains(allowed, "OK"):
		return true
	case err != nil && reason != "" && slices.Contains(allowed, reason) && code == codeOf[reason]:
		a.counts.refused++
		return true
	}
	a.t.Errorf("caller %d (%s): %.500s\nended with %s %s: %v\nallowed is %s", a.number, chaosRoles[a.kind], what, code, reason, err, strings.Join(allowed, ", "))
	return true
}

// chaosCounts are what has happened to a caller.
type chaosCounts struct{ calls, adds, refused, cut, silent, streams, events, lost, resumes int }

func (c *chaosCounts) add(o *chaosCounts) {
	c.calls += o.calls
	c.adds += o.adds
	c.refused += o.refused
	c.cut += o.cut
	c.silent += o.silent
	c.streams += o.streams
	c.events += o.events
	c.lost += o.lost
	c.resumes += o.resumes
}

func (c *chaosCounts) String() string {
	return fmt.Sprintf("%d calls, %d of them added a task, %d were refused, %d cut off, %d connections went silent; %d streams, %d of them resumed, brought %d events and "+
		"told of %d lost ones", c.calls, c.adds, c.refused, c.cut, c.silent, c.streams, c.resumes, c.events, c.lost)
}

// disturbance is a time in which answers may be late. There may be several at once.
type disturbance struct {
	now   atomic.Int64  // how many there are
	times atomic.Uint64 // how many there were
}

func (d *disturbance) begin() {
	d.now.Add(1)
	d.times.Add(1)
}

func (d *disturbance) end() { d.now.Add(-1) }

// mark returns what since compares with.
func (d *disturbance) mark() uint64 {
	if d.now.Load() > 0 {
		return 0 // of which since says that there was one
	}
	return d.times.Load() + 1
}

// since reports whether there was a disturbance at or after a mark.
func (d *disturbance) since(mark uint64) bool { return mark == 0 || d.times.Load()+1 != mark }

// chaosTimes are how long calls of AddTask took.
type chaosTimes struct {
	mu    sync.Mutex // guards what is below
	all   []time.Duration
	quiet []time.Duration // without those that met a disturbance
}

func (c *chaosTimes) add(took time.Duration, disturbed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, took)
	if !disturbed {
		c.quiet = append(c.quiet, took)
	}
}

func (c *chaosTimes) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprintf("p50 %s, p99 %s of %d; p99 %s of the %d while the daemon was neither stopped nor without files",
		quantile(c.all, 0.5), quantile(c.all, 0.99), len(c.all), quantile(c.quiet, 0.99), len(c.quiet))
}

func quantile(times []time.Duration, q float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(times))
	return sorted[int(q*float64(len(sorted)-1))].Round(10 * time.Microsecond)
}
