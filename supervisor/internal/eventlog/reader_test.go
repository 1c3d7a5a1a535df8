package eventlog

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
)

func TestGap(t *testing.T) {
	for _, c := range []struct {
		gap   Gap
		zero  bool
		count uint64
	}{
		{Gap{}, true, 0}, {Gap{1, 1}, false, 1}, {Gap{5, 9}, false, 5},
	} {
		if c.gap.IsZero() != c.zero || c.gap.Count() != c.count {
			t.Errorf("%v: zero %v, count %d", c.gap, c.gap.IsZero(), c.gap.Count())
		}
	}
}

func TestClosingTheLogLosesNothing(t *testing.T) {
	for _, c := range []struct {
		name              string
		appended, readers int
		after             uint64
		want              []uint64
	}{
		{"empty", 0, 1, 0, []uint64{}},
		{"unread", 5, 1, 0, span(1, 5)},
		{"partly read", 5, 1, 3, span(4, 5)},
		{"all read", 5, 1, 5, []uint64{}},
		{"more than kept", 20, 1, 0, span(13, 20)},
		{"several readers", 5, 3, 0, span(1, 5)},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newTestLog(8)
			appendN(l, c.appended)
			l.Close()
			l.Close() // does nothing
			for range c.readers {
				r, buf, got := l.NewReader(c.after), make([]entry, 3), []uint64{}
				n, _, err := r.Next(t.Context(), buf)
				for ; err == nil; n, _, err = r.Next(t.Context(), buf) {
					got = append(got, sequences(t, buf[:n])...)
				}
				if !slices.Equal(got, c.want) || !errors.Is(err, ErrClosed) {
					t.Errorf("got %v, then %v", got, err)
				}
				if _, _, err := r.Next(t.Context(), buf); !errors.Is(err, ErrClosed) {
					t.Errorf("again: %v", err)
				}
			}
		})
	}
}

func TestAppendAfterCloseIsDropped(t *testing.T) {
	l := newTestLog(8)
	appendN(l, 3)
	l.Close()
	if a, b := l.Append(&entry{}), l.AppendAll(entry{}, entry{}); a != 0 || b != 0 || l.Last() != 3 {
		t.Errorf("Append %d, AppendAll %d, last %d", a, b, l.Last())
	}
}

func TestReaderAfterAnUnknownSequenceStartsAfterLast(t *testing.T) {
	l := newTestLog(8)
	appendN(l, 3)
	r := l.NewReader(1000)
	if r.Cursor() != 3 {
		t.Errorf("cursor %d", r.Cursor())
	}
	appendN(l, 1)
	buf := make([]entry, 2)
	if n, gap := r.TryNext(buf); n != 1 || buf[0].sequence != 4 || !gap.IsZero() {
		t.Errorf("%d values from %d on, gap %v", n, buf[0].sequence, gap)
	}
}

func TestNextReturnsTheErrorOfADoneContextAndKeepsTheValues(t *testing.T) {
	l := newTestLog(8)
	appendN(l, 2)
	r, buf := l.NewReader(0), make([]entry, 8)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n, gap, err := r.Next(ctx, buf); n != 0 || !gap.IsZero() || !errors.Is(err, context.Canceled) || r.Cursor() != 0 {
		t.Errorf("%d, %v, %v, cursor %d", n, gap, err, r.Cursor())
	}
	if n, _, err := r.Next(t.Context(), buf); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestContextEndsAWaitAndTheLogForgetsTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLog(8)
		r, buf := l.NewReader(0), make([]entry, 8)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { _, _, err := r.Next(ctx, buf); done <- err }()
		synctest.Wait()
		if got := l.parked.size.Load(); got != 1 {
			t.Errorf("%d readers wait", got)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if got := l.parked.size.Load(); got != 0 {
			t.Errorf("%d readers wait", got)
		}
	})
}

func TestEmptyBufferPanics(t *testing.T) {
	r := newTestLog(8).NewReader(0)
	mustPanic(t, func() { r.TryNext(nil) })
	mustPanic(t, func() { _, _, _ = r.Next(context.Background(), nil) })
}

// The steps are done in one goroutine, and after each the dispatcher is let run: what is in the channel is exactly what Ready promises.
func TestReady(t *testing.T) {
	const (
		arm   = "Ready"
		add   = "append"
		read  = "TryNext"
		take  = "receive"
		end   = "close log"
		leave = "close reader"
	)
	for _, c := range []struct {
		name   string
		steps  []string
		signal bool // in the channel at the end
		armed  bool // known to the log at the end
	}{
		{"idle", nil, false, false},
		{"nothing there", []string{arm}, false, true},
		{"armed twice", []string{arm, arm}, false, true},
		{"not armed", []string{add}, false, false},
		{"value before", []string{add, arm}, true, false},
		{"value after", []string{arm, add}, true, false},
		{"values before and after", []string{add, arm, add}, true, false},
		{"two values", []string{arm, add, add}, true, false},
		{"received", []string{arm, add, take}, false, false},
		{"received, more than read", []string{arm, add, add, take, arm}, true, false},
		{"received and read", []string{arm, add, take, read, arm}, false, true},
		{"read, not received", []string{arm, add, read, arm}, false, true},
		{"read, not received, next value", []string{arm, add, read, arm, add}, true, false},
		{"log closed before", []string{end, arm}, true, false},
		{"log closed after", []string{arm, end}, true, false},
		{"log closed, received", []string{arm, end, take, arm}, true, false},
		{"reader closed", []string{arm, leave}, false, false},
		{"reader closed, value", []string{arm, leave, add, arm}, false, false},
		{"reader closed with a signal", []string{arm, add, leave}, false, false},
		{"reader closed twice", []string{arm, leave, leave}, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newTestLog(8)
				r, buf := l.NewReader(0), make([]entry, 8)
				ch := r.seat.wake
				for _, step := range c.steps {
					switch step {
					case arm:
						if r.Ready() != (<-chan struct{})(ch) {
							t.Error("another channel")
						}
					case add:
						appendN(l, 1)
					case read:
						r.TryNext(buf)
					case take:
						<-ch
					case end:
						l.Close()
					case leave:
						r.Close()
					}
					synctest.Wait()
				}
				if got := len(ch) == 1; got != c.signal {
					t.Errorf("signal %v, want %v", got, c.signal)
				}
				if got := l.parked.size.Load() == 1; got != c.armed {
					t.Errorf("armed %v, want %v", got, c.armed)
				}
			})
		})
	}
}

func TestClosedReaderReadsNothing(t *testing.T) {
	l := newTestLog(8)
	appendN(l, 2)
	r, buf := l.NewReader(0), make([]entry, 8)
	r.Close()
	if n, gap := r.TryNext(buf); n != 0 || !gap.IsZero() {
		t.Errorf("%d values, gap %v", n, gap)
	}
	if _, _, err := r.Next(t.Context(), buf); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}
