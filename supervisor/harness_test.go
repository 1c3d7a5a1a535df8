package supervisor

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

// beBody is set for a test binary that another test started to see it die, or to have a process of its own to measure.
const beBody = "TASKVISOR_TEST_PROCESS"

func TestMain(m *testing.M) {
	flag.Parse()
	if name := os.Getenv(beBody); name != "" {
		os.Exit(runProcess(name))
	}
	goleak.VerifyTestMain(m)
}

// forever is longer than any test runs in virtual time.
const forever = 100 * 365 * 24 * time.Hour

// A step is what a body does in one attempt: it works for a while, then ends.
type step struct {
	work time.Duration                   // how long it works, unless it is canceled before
	deaf time.Duration                   // how long it goes on after it was canceled
	end  func(ctx context.Context) error // how it ends when its work is done
	late func(ctx context.Context) error // how it ends when it was canceled; nil: with the error of the context
}

func returns(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

func ends(work time.Duration, end func(context.Context) error) step {
	return step{work: work, end: end}
}

func succeeds(work time.Duration) step { return ends(work, returns(nil)) }

func fails(work time.Duration, reason string) step { return ends(work, returns(problem(reason))) }

func panics(work time.Duration, value any) step {
	return ends(work, func(context.Context) error { panic(value) })
}

func exits(work time.Duration) step {
	return ends(work, func(context.Context) error {
		runtime.Goexit()
		return nil
	})
}

// hangs until it is canceled.
func hangs() step { return succeeds(forever) }

// deaf makes the step go on for d after it was canceled and then end with err.
func (s step) ignoring(d time.Duration, err error) step {
	s.deaf, s.late = d, returns(err)
	return s
}

// canceledWith makes the step end with err when it is canceled.
func (s step) canceledWith(err error) step { return s.ignoring(0, err) }

// problem is an error that tests compare by its text.
type problem string

func (p problem) Error() string { return string(p) }

// script is the body of a task as data: one step for each attempt, the last one again and again. It notices when two attempts overlap.
type script struct {
	steps   []step
	running atomic.Int32
	overlap atomic.Bool
}

func plays(steps ...step) *script { return &script{steps: steps} }

// Run plays the step of the attempt.
func (b *script) Run(ctx context.Context) error {
	if b.running.Add(1) > 1 {
		b.overlap.Store(true)
	}
	defer b.running.Add(-1)
	info, _ := Attempt(ctx)
	s := b.steps[min(int(info.Attempt), len(b.steps))-1]
	return s.play(ctx)
}

func (s step) play(ctx context.Context) error {
	if s.work <= 0 && ctx.Err() == nil {
		// Without a timer: those that expire at once are run by whoever looks at them, with a race context that the whole bubble
		// shares; two at a time crash the race detector of Go 1.26 (runtime.timer.unlockAndRun).
		return s.end(ctx)
	}
	done := time.NewTimer(s.work)
	defer done.Stop()
	select {
	case <-done.C:
		return s.end(ctx)
	case <-ctx.Done():
	}
	if s.deaf > 0 {
		time.Sleep(s.deaf)
	}
	if s.late != nil {
		return s.late(ctx)
	}
	return ctx.Err()
}

// rig is a supervisor under test, in a synctest bubble. When the test ends it is shut down, and its whole log must make sense.
type rig struct {
	*Supervisor
	t     testing.TB
	began time.Time
}

// bubble runs f in virtual time.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

func newRig(t testing.TB, config Config) *rig {
	t.Helper()
	s, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Supervisor: s, t: t, began: time.Now()}
	t.Cleanup(func() {
		_ = s.Shutdown(context.Background())
		checkLog(t, r.events())
		r.checkEmpty()
	})
	return r
}

// add adds a task that must be accepted.
func (r *rig) add(spec Spec) Snapshot {
	r.t.Helper()
	snap, err := r.Add(context.Background(), spec)
	if err != nil {
		r.t.Fatalf("Add(%q): %v", spec.Name, err)
	}
	return snap
}

// addBody adds a restartable task with delays of one second and no jitter.
func (r *rig) addBody(name string, steps ...step) Snapshot {
	r.t.Helper()
	return r.add(plain(Restartable(name, plays(steps...))))
}

// plain gives a spec delays that are easy to follow: 1 s, 2 s, 4 s, … 30 s.
func plain(spec Spec) Spec {
	spec.Backoff = BackoffPolicy{First: time.Second, Factor: 2, Max: 30 * time.Second, Jitter: JitterNone}
	return spec
}

// sleepUntil waits until d after the beginning of the test, and for everything to come to rest then.
func (r *rig) sleepUntil(d time.Duration) {
	time.Sleep(time.Until(r.began.Add(d)))
	synctest.Wait()
}

// end waits for the end of a life, also past a time in which its body is stuck.
func (r *rig) end(ref Ref) Snapshot {
	r.t.Helper()
	t, err := r.find(ref)
	if err != nil {
		r.t.Fatal(err)
	}
	snap, err := t.await(context.Background(), nil, (*task).endedLocked)
	if err != nil {
		r.t.Fatal(err)
	}
	return snap
}

func (r *rig) mustState(ref Ref, want State) Snapshot {
	r.t.Helper()
	snap, err := r.Get(ref)
	if err != nil {
		r.t.Fatalf("Get: %v", err)
	}
	if snap.State != want {
		r.t.Fatalf("state is %s, want %s", snap.State, want)
	}
	return snap
}

// events returns the log from its beginning to now.
func (r *rig) events() []Event {
	r.t.Helper()
	n := r.Cursor().Sequence
	if n == 0 {
		return nil
	}
	events := make([]Event, n)
	reader, err := r.Read(Cursor{Epoch: r.Cursor().Epoch})
	if err != nil {
		r.t.Fatalf("Read: %v", err)
	}
	defer reader.Close()
	got, gap, err := reader.Next(context.Background(), events)
	if err != nil || !gap.IsZero() || uint64(got) != n {
		r.t.Fatalf("Next: %d of %d events, gap %v, error %v", got, n, gap, err)
	}
	return events
}

// log renders the log from its beginning to now.
func (r *rig) log() string { return render(r.events(), r.began) }

// checkEmpty waits for bodies that the shutdown abandoned, and finds tasks that have left an entry behind.
func (r *rig) checkEmpty() {
	r.t.Helper()
	for range 1000 {
		if len(r.List(ListOptions{})) == 0 {
			return
		}
		time.Sleep(time.Minute)
	}
	for _, snap := range r.List(ListOptions{}) {
		r.t.Errorf("task %q is listed as %s after the shutdown", snap.Spec.Name, snap.State)
	}
}

var kindAbbreviations = map[Kind]string{
	TaskAddRequested: "A", TaskAdded: "D", TaskStarting: "S", TaskStopped: "STOPPED", TaskFailed: "FAILED", TimeoutHit: "TIMEOUT",
	BackoffScheduled: "BACKOFF", ActorExhausted: "X", ActorDead: "DEAD", TaskRemoveRequested: "Q", TaskRemoved: "R",
	ShutdownRequested: "SHUTDOWN", AllStoppedWithinGrace: "ALL_STOPPED", GraceExceeded: "GRACE_EXCEEDED", TaskOutput: "OUT",
	ControllerSubmitted: "SUBMITTED", ControllerRejected: "REJECTED", ControllerSlotTransition: "SLOT",
	SubscriberOverflow: "OVERFLOW", SubscriberPanicked: "SUBSCRIBER_PANICKED",
}

// render writes events in the notation of DESIGN §5: a line for each moment, in it a word for each event. The number is that of
// the attempt; in brackets are duration, timeout or delay, source, outcome, exit code and reason, as far as the event has them. The name
// of the task precedes when there is more than one. Reasons that are sentinels are abbreviated.
func render(events []Event, began time.Time) string {
	names := map[string]bool{}
	for i := range events {
		if events[i].Task != "" {
			names[events[i].Task] = true
		}
	}
	var b strings.Builder
	last := time.Duration(-1)
	for i := range events {
		e := &events[i]
		if at := e.Time.Sub(began); at != last {
			last = at
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(at.String() + ":")
		}
		b.WriteByte(' ')
		if len(names) > 1 && e.Task != "" {
			b.WriteString(e.Task + ".")
		}
		b.WriteString(word(e))
	}
	return b.String()
}

var shortReasons = strings.NewReplacer(ErrRemoved.Error(), "removed", ErrShutdown.Error(), "shutdown", errGoexit.Error(), "goexit")

// word renders one event.
func word(e *Event) string {
	w, ok := kindAbbreviations[e.Kind]
	if !ok {
		w = e.Kind.String()
	}
	if e.Attempt != 0 {
		w += strconv.FormatUint(e.Attempt, 10)
	}
	always, _ := KindFields(e.Kind)
	var args []string
	for _, d := range []struct {
		field Fields
		value time.Duration
	}{{FieldDuration, e.Duration}, {FieldTimeout, e.Timeout}, {FieldDelay, e.Delay}} {
		if always.Has(d.field) {
			args = append(args, d.value.String())
		}
	}
	if e.Subscriber != "" {
		args = append(args, e.Subscriber)
	}
	if e.Lost != 0 {
		args = append(args, fmt.Sprintf("lost %d", e.Lost))
	}
	if e.Slot != "" && e.Slot != e.Task {
		args = append(args, e.Slot)
	}
	if e.SlotState != 0 {
		args = append(args, e.PreviousSlotState.String()+"→"+e.SlotState.String())
	}
	if always.Has(FieldDepth) {
		args = append(args, fmt.Sprintf("depth %d", e.Depth))
	}
	if e.Rejection != 0 {
		args = append(args, e.Rejection.String())
	}
	if e.Source != 0 {
		args = append(args, e.Source.String())
	}
	if e.Outcome != 0 {
		args = append(args, e.Outcome.String())
	}
	if e.HasExitCode {
		args = append(args, fmt.Sprintf("exit %d", e.ExitCode))
	}
	if e.Reason != "" && e.Rejection == 0 && e.Outcome != OutcomeRejected {
		reason, _, _ := strings.Cut(e.Reason, "; it is at ") // the stack of a body that is stuck
		args = append(args, shortReasons.Replace(reason))
	}
	if e.Stream != 0 {
		args = append(args, e.Stream.String(), strconv.Quote(e.Line))
	}
	if len(args) == 0 {
		return w
	}
	return w + "(" + strings.Join(args, ", ") + ")"
}

// unindent removes the indentation with which a table holds a log.
func unindent(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n")
}

// mustLog compares a log with what a table says.
func mustLog(t testing.TB, got, want string) {
	t.Helper()
	if want = unindent(want); got != want {
		t.Errorf("log:\n%s\nwant:\n%s", got, want)
	}
}
