package supervisor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// textPanics is an error that has no text.
type textPanics struct{}

func (textPanics) Error() string { panic("no text") }

// methodPanics is an error whose other methods panic.
type methodPanics struct{}

func (methodPanics) Error() string   { return "methods" }
func (methodPanics) Is(error) bool   { panic("is") }
func (methodPanics) As(any) bool     { panic("as") }
func (methodPanics) Unwrap() []error { panic("unwrap") }

// slices cannot be compared with ==.
type slicesError []string

func (e slicesError) Error() string { return strings.Join(e, ",") }

// What comes from a body is code of somebody else. None of it may hurt more than its own attempt.
func TestHostileBodies(t *testing.T) {
	var nilPtr *PanicError
	for _, c := range []struct {
		name string
		step step
		want string // beginning of the reason
	}{
		{"Error panics", ends(0, returns(textPanics{})), "panic: no text"},
		{"Is panics", ends(0, returns(methodPanics{})), "panic: as"},
		{"wrapped Is panics", ends(0, returns(fmt.Errorf("outer: %w", methodPanics{}))), "panic: as"},
		{"incomparable", ends(0, returns(slicesError{"a", "b"})), "a,b"},
		{"nil pointer as an error", ends(0, func(context.Context) error { return nilPtr }), "panic: runtime error: invalid memory address"},
		{"panic with an error without text", panics(0, textPanics{}), "panic: %!v(PANIC=Error method: no text)"},
		{"panic with nil pointer", panics(0, nilPtr), "panic: <nil>"},
		{"runtime panic", ends(0, func(context.Context) error { return []error{}[len("x")] }), "panic: runtime error: index out of range"},
		{"huge text", ends(0, returns(problem(strings.Repeat("x", 1<<20)))), "xxx"},
		{"invalid text", ends(0, returns(problem("a\xff\x00b"))), "a\uFFFD\x00b"},
		{"no text", ends(0, returns(problem(""))), ""},
		{"Goexit after panic", ends(0, func(ctx context.Context) error {
			defer func() { _ = exits(0).play(ctx) }()
			panic("first")
		}), errGoexit.Error()},
		{"panic during Goexit", ends(0, func(ctx context.Context) error {
			defer panic("second")
			return exits(0).play(ctx)
		}), errGoexit.Error()},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, Config{MaxConcurrent: 1})
				spec := Once("t", plays(c.step))
				end := r.end(ByUID(r.add(spec).UID))
				if end.Outcome != OutcomeFailed || end.LastError == nil || !strings.HasPrefix(end.LastError.Reason, c.want) {
					t.Fatalf("outcome %s, %.100q", end.Outcome, end.LastError.Reason)
				}
				synctest.Wait() // it is given back after the end is on record
				if !r.permits.TryAcquire(1) {
					t.Error("the permit is lost")
				}
			})
		})
	}
}

func TestPanicKeepsItsStack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		end := r.end(ByUID(r.add(Once("t", TaskFunc(culprit))).UID))
		var p *PanicError
		if !errors.As(end.LastError.Err, &p) || p.Value != any(io.EOF) || !errors.Is(end.LastError.Err, io.EOF) {
			t.Fatalf("last error %v", end.LastError.Err)
		}
		if !strings.Contains(string(p.Stack), "supervisor.culprit") {
			t.Errorf("stack:\n%s", p.Stack)
		}
	})
}

func culprit(context.Context) error { panic(io.EOF) }

// Config.Context gives values, and no cancellation; a body may derive contexts and cancel them as it likes.
func TestContextOfABody(t *testing.T) {
	type key struct{}
	bubble(t, func(t *testing.T) {
		parent, cancel := context.WithCancel(context.WithValue(context.Background(), key{}, "value"))
		cancel()
		var logged bytes.Buffer
		r := newRig(t, Config{Context: parent, Logger: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))})
		snap := r.add(plain(Restartable("t", TaskFunc(func(ctx context.Context) error {
			child, cancel := context.WithCancel(ctx)
			grandchild, cancelToo := context.WithTimeout(child, time.Second)
			defer cancelToo()
			info, ok := Attempt(grandchild)
			if !ok || info.Task != "t" || ctx.Value(key{}) != "value" || ctx.Err() != nil {
				t.Errorf("context: %+v, %v, %v", info, ctx.Value(key{}), ctx.Err())
			}
			cancel()
			Logger(grandchild).Info("hello")
			if info.Attempt == 1 {
				return fmt.Errorf("the child: %w", problem(grandchild.Err().Error()))
			}
			if ctx.Err() != nil {
				t.Error("the child canceled its parent")
			}
			return nil
		}))))
		if end := r.end(ByUID(snap.UID)); end.Outcome != OutcomeCompleted || end.Attempt != 2 {
			t.Errorf("end %s after %d attempts", end.Outcome, end.Attempt)
		}
		want := fmt.Sprintf("level=INFO msg=hello task=t uid=%s attempt=1\nlevel=INFO msg=hello task=t uid=%[1]s attempt=2\n", snap.UID)
		if logged.String() != want {
			t.Errorf("logged:\n%swant:\n%s", logged.String(), want)
		}
	})
	if _, ok := Attempt(context.Background()); ok {
		t.Error("the background is an attempt")
	}
	if Logger(context.Background()) != slog.Default() {
		t.Error("the background has a logger")
	}
}

// The cause of a cancellation says who wanted it; afterwards, the context of every attempt is done.
func TestCauses(t *testing.T) {
	for _, c := range []struct {
		name string
		want error
		act  func(r *rig)
		end  step
	}{
		{"removal", ErrRemoved, func(r *rig) { _, _ = r.Remove(context.Background(), ByName("t"), 0) }, hangs()},
		{"shutdown", ErrShutdown, func(r *rig) { _ = r.Shutdown(context.Background()) }, hangs()},
		{"timeout", ErrTimeout, func(*rig) { time.Sleep(2 * time.Second) }, hangs()},
		{"its end", context.Canceled, func(*rig) { time.Sleep(2 * time.Second) }, succeeds(time.Millisecond)},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, Config{Timeout: time.Second})
				var ctx context.Context
				snap := r.add(Once("t", TaskFunc(func(c2 context.Context) error {
					ctx = c2
					return c.end.play(c2)
				})))
				synctest.Wait()
				c.act(r)
				r.end(ByUID(snap.UID))
				if cause := context.Cause(ctx); cause != c.want || ctx.Err() != context.Canceled { //nolint:errorlint // the cause itself is promised
					t.Errorf("cause %v, error %v", cause, ctx.Err())
				}
			})
		})
	}
}

// The caller's map is the caller's own once Add has returned.
func TestLabelsAreCopied(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		labels := map[string]string{"team": "blue"}
		spec := Once("t", plays(succeeds(time.Second)))
		spec.Labels = labels
		snap := r.add(spec)
		for i := range 100 {
			labels["team"] = "red"
			labels[fmt.Sprint(i)] = "x"
		}
		end := r.end(ByUID(snap.UID))
		for _, e := range r.events() {
			if len(e.Labels) != 1 || e.Labels["team"] != "blue" {
				t.Errorf("%s has labels %v", e.Kind, e.Labels)
			}
		}
		if end.Spec.Labels["team"] != "blue" {
			t.Errorf("labels %v", end.Spec.Labels)
		}
	})
}

// Match may panic: nothing is locked then.
func TestMatchPanics(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		r.addBody("t", hangs())
		func() {
			defer func() { _ = recover() }()
			r.List(ListOptions{Match: func(*Snapshot) bool { panic("match") }})
		}()
		synctest.Wait()
		r.mustState(ByName("t"), StateRunning)
	})
}
