package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

// mustViolate compares the fields that an error complains of.
func mustViolate(t *testing.T, err error, fields string) {
	t.Helper()
	if fields == "" {
		if err != nil {
			t.Errorf("error: %v", err)
		}
		return
	}
	var invalid *SpecError
	if !errors.As(err, &invalid) || !errors.Is(err, ErrInvalidSpec) {
		t.Fatalf("error %v is not a SpecError", err)
	}
	var got []string
	for _, v := range invalid.Violations {
		got = append(got, v.Field)
		if !strings.Contains(err.Error(), v.Field+": "+v.Problem) {
			t.Errorf("%q does not name %s", err, v.Field)
		}
	}
	if want := strings.Fields(fields); !slices.Equal(got, want) {
		t.Errorf("complains of %v, want %v", got, want)
	}
}

func TestErrorMarks(t *testing.T) {
	marked := fmt.Errorf("run: %w", Fatal(ExitCode(RetryAfter(io.ErrUnexpectedEOF, time.Minute), 7)))
	if !IsFatal(marked) || !errors.Is(marked, io.ErrUnexpectedEOF) || marked.Error() != "run: unexpected EOF" {
		t.Errorf("%v: fatal %v", marked, IsFatal(marked))
	}
	if code, ok := ExitCodeOf(marked); code != 7 || !ok {
		t.Errorf("exit code %d, %v", code, ok)
	}
	if delay, ok := RetryAfterOf(marked); delay != time.Minute || !ok {
		t.Errorf("retry after %s, %v", delay, ok)
	}
	if Fatal(nil) != nil || ExitCode(nil, 1) != nil || RetryAfter(nil, 1) != nil {
		t.Error("nil was marked")
	}
	if delay, ok := RetryAfterOf(RetryAfter(io.EOF, -1)); delay != 0 || !ok {
		t.Errorf("a negative hint is %s, %v", delay, ok)
	}
	_, hasCode := ExitCodeOf(io.EOF)
	_, hasHint := RetryAfterOf(io.EOF)
	if IsFatal(io.EOF) || hasCode || hasHint {
		t.Error("a plain error is marked")
	}
	panicked := &PanicError{Value: io.EOF}
	if !errors.Is(panicked, io.EOF) || errors.Is(&PanicError{Value: "EOF"}, io.EOF) || panicked.Error() != "panic: EOF" {
		t.Errorf("%v does not unwrap as it should", panicked)
	}
}

func TestTaskError(t *testing.T) {
	uid := newUID()
	for _, c := range []struct {
		err  *TaskError
		want string
	}{
		{&TaskError{Name: "t", Err: ErrTaskNotFound}, `task "t": no such task`},
		{&TaskError{Name: "t", UID: uid, Err: ErrTaskExists}, fmt.Sprintf(`task "t" (uid %s): a live task has this name`, uid)},
	} {
		if c.err.Error() != c.want || !errors.Is(c.err, c.err.Err) {
			t.Errorf("%v, want %s", c.err, c.want)
		}
	}
}

func TestResultOf(t *testing.T) {
	for _, c := range []struct {
		err  error
		want verdict
	}{
		{io.EOF, failed},
		{context.Canceled, canceled},
		{fmt.Errorf("wrapped: %w", context.Canceled), canceled},
		{ErrRemoved, failed}, // of another supervisor
		{ErrShutdown, failed},
		{ErrTimeout, failed},
		{context.DeadlineExceeded, failed},
		{Fatal(context.Canceled), fatal},
		{errors.Join(io.EOF, Fatal(io.EOF)), fatal},
		{problem(""), failed},
	} {
		if got := newResult(c.err, false); got.verdict != c.want {
			t.Errorf("%v: verdict %d, want %d", c.err, got.verdict, c.want)
		}
	}
	for _, cause := range []error{ErrRemoved, ErrShutdown, &ReplacedError{}} {
		if got := newResult(cause, true); got.verdict != canceled {
			t.Errorf("%v of the own context: verdict %d", cause, got.verdict)
		}
	}
}

func TestReasonIsCutToFit(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"short", "boom", "boom"},
		{"invalid UTF-8", "a\xffb", "a\uFFFDb"},
		{"largest", strings.Repeat("x", MaxReason), strings.Repeat("x", MaxReason)},
		{"too long", strings.Repeat("x", MaxReason+1), strings.Repeat("x", MaxReason-3) + "…"},
		{"cut between runes", strings.Repeat("x", MaxReason-4) + "ääää", strings.Repeat("x", MaxReason-4) + "…"},
		{"nothing but continuations", strings.Repeat("\x80", 2*MaxReason), "…"},
		{"longer once it is valid", strings.Repeat("a\xff", MaxReason/2), strings.Repeat("a\uFFFD", (MaxReason-3)/4) + "a…"},
	} {
		if got := cutReason(c.text); got != c.want {
			t.Errorf("%s: %d bytes %.40q…, want %d bytes", c.name, len(got), got, len(c.want))
		}
	}
}

func TestUID(t *testing.T) {
	uid := newUID()
	if got, err := ParseUID(uid.String()); err != nil || got != uid {
		t.Errorf("%s: parsed %s, %v", uid, got, err)
	}
	for _, bad := range []string{"", "x", strings.ReplaceAll(uid.String(), "-", ""), "{" + uid.String() + "}", strings.Repeat("z", 36)} {
		if _, err := ParseUID(bad); err == nil {
			t.Errorf("%q was parsed", bad)
		}
	}
	if s := (UID{}).String(); s != "" || !(UID{}).IsZero() || uid.IsZero() {
		t.Errorf("the zero UID is %q", s)
	}
	for last := uid; ; { // later ones sort after earlier ones
		next := newUID()
		if slices.Compare(next[:], last[:]) <= 0 {
			t.Fatalf("%s after %s", next, last)
		}
		if last = next; last[6] != uid[6] || last[5] != uid[5] { // a few milliseconds later
			break
		}
	}
}

// Errors that are made of others match them, and say what they are about.
func TestErrorsThatCarryOthers(t *testing.T) {
	boom := problem("boom")
	for _, c := range []struct {
		err   error
		text  string
		match []error
	}{
		{&lateError{"timeout after 1s: boom", boom}, "timeout after 1s: boom", []error{ErrTimeout, boom}},
		{&DrainError{[]string{"a", "b"}}, "2 subscribers did not take the last events in time: a, b", nil},
		{&EndError{Snapshot{Outcome: OutcomeFailed, Reason: "boom", LastError: &LastError{Err: boom}}}, "ended FAILED: boom", []error{boom}},
		{&EndError{Snapshot{Outcome: OutcomeRejected}}, "ended REJECTED", nil},
		{&TaskLimitError{3}, "3 tasks are live, which is the limit", []error{ErrTaskLimit}},
		{&ReplacedError{Name: "t", UID: UID{6: 0x70}}, `replaced by task "t" (uid 00000000-0000-7000-0000-000000000000)`, []error{ErrRemoved}},
		{&ReplacedError{Name: "t"}, `to be replaced by a later task "t"`, []error{ErrRemoved}},
	} {
		if got := c.err.Error(); got != c.text {
			t.Errorf("%T says %q, want %q", c.err, got, c.text)
		}
		for _, other := range c.match {
			if !errors.Is(c.err, other) {
				t.Errorf("%T does not match %v", c.err, other)
			}
		}
		if errors.Is(c.err, io.EOF) {
			t.Errorf("%T matches anything", c.err)
		}
	}
}
