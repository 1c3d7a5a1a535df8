package supervisor

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// talks is a body that says something with its context.
func talks(say func(ctx context.Context) error) Spec {
	spec := plain(Restartable("a", TaskFunc(say)))
	spec.CaptureOutput = true
	return spec
}

func TestOutputLogs(t *testing.T) {
	write := func(texts ...string) func(context.Context) error {
		return func(ctx context.Context) error {
			for _, text := range texts {
				if n, err := io.WriteString(Output(ctx), text); n != len(text) || err != nil {
					return fmt.Errorf("wrote %d of %d: %w", n, len(text), err)
				}
			}
			return nil
		}
	}
	tests := []struct {
		name string
		body func(context.Context) error
		want string
	}{
		{"lines", write("one\ntwo\n"), `OUT1(STDOUT, "one") OUT1(STDOUT, "two")`},
		{"a line in pieces", write("o", "n", "e\nt", "wo\n"), `OUT1(STDOUT, "one") OUT1(STDOUT, "two")`},
		{"a line without its end", write("one\ntwo"), `OUT1(STDOUT, "one") OUT1(STDOUT, "two")`},
		{"line ends of other systems, and empty lines", write("one\r\n\r\n\n"), `OUT1(STDOUT, "one") OUT1(STDOUT, "") OUT1(STDOUT, "")`},
		{"nothing", write("", ""), ``},
		{"no text", write("a\xffb\n"), `OUT1(STDOUT, "a` + "\uFFFD" + `b")`},
		{"both streams", func(ctx context.Context) error {
			OutputLine(ctx, Stderr, "one")
			OutputLine(ctx, Stdout, "two")
			return nil
		}, `OUT1(STDERR, "one") OUT1(STDOUT, "two")`},
		{"a line begun is not lost to a line that is whole", func(ctx context.Context) error {
			_ = write("begun")(ctx)
			OutputLine(ctx, Stderr, "whole")
			return nil
		}, `OUT1(STDERR, "whole") OUT1(STDOUT, "begun")`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, Config{})
				r.add(talks(test.body))
				r.sleepUntil(0)
				want := strings.Join(strings.Fields("0s: A D(a) S1 "+test.want+" STOPPED1(0s) X1(COMPLETED) R(COMPLETED)"), " ")
				mustLog(t, strings.ReplaceAll(r.log(), "D S1", "D(a) S1"), want)
			})
		})
	}
}

func TestOutputLineIsCutAtMaxLine(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		fits := strings.Repeat("x", MaxLine)
		r.add(talks(func(ctx context.Context) error {
			for range 3 {
				_, _ = io.WriteString(Output(ctx), fits[:MaxLine/2])
			}
			_, _ = io.WriteString(Output(ctx), strings.Repeat("ü", MaxLine)+"\n"+fits+"\n")
			OutputLine(ctx, Stderr, fits+"x")
			return nil
		}))
		r.sleepUntil(0)
		cut := fits[:MaxLine-len("…")] + "…"
		if got, want := outputs(r.events()), []string{cut, fits, cut}; strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("got %d lines: %.9000q", len(got), got)
		}
	})
}

// outputs returns the lines of the log.
func outputs(events []Event) (lines []string) {
	for _, e := range events {
		if e.Kind == TaskOutput {
			lines = append(lines, e.Line)
		}
	}
	return lines
}

func TestOutputGoesNowhere(t *testing.T) {
	if Output(context.Background()) != io.Discard || Captures(context.Background()) {
		t.Error("the context of nobody captures")
	}
	OutputLine(context.Background(), Stdout, "to nobody")
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		spec := talks(func(ctx context.Context) error {
			if Captures(ctx) {
				t.Error("captures, though nobody asked")
			}
			OutputLine(ctx, Stdout, "unasked")
			_, err := io.WriteString(Output(ctx), "unasked\n")
			return err
		})
		spec.CaptureOutput = false
		r.add(spec)
		r.sleepUntil(0)
		if got := outputs(r.events()); got != nil {
			t.Errorf("got %q", got)
		}
	})
}

// What a goroutine of an attempt writes after the attempt is over belongs to no attempt, not to the next one either.
func TestOutputAfterTheAttemptIsDiscarded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		var first context.Context
		r.add(talks(func(ctx context.Context) error {
			if first == nil {
				first = ctx
				return problem("boom")
			}
			_, _ = io.WriteString(Output(first), "late begun")
			OutputLine(first, Stdout, "late")
			_, _ = io.WriteString(Output(ctx), "in time\n")
			return nil
		}))
		r.sleepUntil(time.Minute)
		if got := outputs(r.events()); len(got) != 1 || got[0] != "in time" {
			t.Errorf("got %q", got)
		}
	})
}

// "Lines beyond Config.OutputRate are dropped, and counted in Event.Lost of the next one."
func TestOutputIsLimitedAndLossesAreTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{OutputRate: 10, OutputBurst: 3})
		spec := talks(func(ctx context.Context) error {
			for i := range 5 {
				fmt.Fprintln(Output(ctx), i)
			}
			time.Sleep(100 * time.Millisecond)
			for i := range 4 {
				fmt.Fprintln(Output(ctx), 5+i)
			}
			return nil
		})
		r.add(spec)
		r.sleepUntil(time.Minute)
		want := `
			0s: A D S1 OUT1(STDOUT, "0") OUT1(STDOUT, "1") OUT1(STDOUT, "2")
			100ms: OUT1(lost 2, STDOUT, "5") OUT1(lost 3, STDOUT, "") STOPPED1(100ms) X1(COMPLETED) R(COMPLETED)`
		mustLog(t, r.log(), want)
	})
}

// "Negative: no limit."
func TestOutputWithoutLimit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{OutputRate: -1})
		r.add(talks(func(ctx context.Context) error {
			for range 1000 {
				OutputLine(ctx, Stdout, "more")
			}
			return nil
		}))
		r.sleepUntil(time.Minute)
		if got := len(outputs(r.events())); got != 1000 {
			t.Errorf("%d lines", got)
		}
	})
}

// A restart does not fill the allowance: a task that restarts quickly must not have more than one that runs on.
func TestOutputAllowanceIsThatOfTheTask(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{OutputRate: 1, OutputBurst: 2})
		spec := Periodic("a", 10*time.Millisecond, TaskFunc(func(ctx context.Context) error {
			OutputLine(ctx, Stdout, "again")
			return nil
		}))
		spec.CaptureOutput = true
		r.add(spec)
		r.sleepUntil(10*time.Second + 5*time.Millisecond)
		if got := len(outputs(r.events())) - countLost(r.events()); got != 2+10 {
			t.Errorf("%d lines in 10 s", got)
		}
	})
}

// countLost returns how many events tell of nothing but lost lines.
func countLost(events []Event) (n int) {
	for _, e := range events {
		if e.Kind == TaskOutput && e.Line == "" && e.Lost > 0 {
			n++
		}
	}
	return n
}

func TestOutputFromManyGoroutines(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{OutputBurst: 1000})
		const writers, lines = 10, 20
		r.add(talks(func(ctx context.Context) error {
			var all sync.WaitGroup
			for range writers {
				all.Go(func() {
					for range lines {
						fmt.Fprintln(Output(ctx), "a whole line")
					}
				})
			}
			all.Wait()
			return nil
		}))
		synctest.Wait()
		got := outputs(r.events())
		if len(got) != writers*lines {
			t.Errorf("%d lines", len(got))
		}
		for _, line := range got {
			if line != "a whole line" {
				t.Errorf("got %q", line)
			}
		}
	})
}
