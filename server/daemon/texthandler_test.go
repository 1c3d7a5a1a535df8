package daemon

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/slogtest"
	"time"
	"unicode/utf8"
)

// textLines logs to a handler for people and returns the lines without their times.
func textLines(level slog.Level, write func(log *slog.Logger)) []string {
	var out bytes.Buffer
	write(slog.New(newTextHandler(&out, level)))
	return timeless(out.String())
}

func checkLines(t *testing.T, got, want []string) {
	t.Helper()
	if a, b := strings.Join(got, "\n"), strings.Join(want, "\n"); a != b {
		t.Errorf("got\n%s\nwant\n%s", a, b)
	}
}

func TestTextLines(t *testing.T) {
	got := textLines(slog.LevelInfo, func(log *slog.Logger) {
		log.Info("a sentence")
		log.Debug("not seen")
		log.Warn("with attributes", "n", 3, "text", "plain", "words", "two words", "empty", "", "quote", `"`, "pair", "a=b", "nothing", nil)
		log.Error("values", "took", 1234567*time.Nanosecond, "at", time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), "error", errors.New("no such file"))
		log.Info("TASK_STARTING", "task", "web", "uid", "019", "sequence", 7, "attempt", 12, "x", 1)
		log.Info("TASK_ADDED", "task", "a-name-of-a-task-that-is-longer-than-the-column-is-wide")
		log.Info("ALL_STOPPED_WITHIN_GRACE", "task", "web")
		log.Info("TASK_ADDED", "task", "")
	})
	checkLines(t, got, []string{
		`INFO  a sentence`,
		`WARN  with attributes n=3 text=plain words="two words" empty="" quote="\"" pair="a=b" nothing=<nil>`,
		`ERROR values took=1.23ms at=2026-01-02T03:04:05.000000006Z error="no such file"`,
		`INFO  TASK_STARTING         web      #12  x=1`,
		`INFO  TASK_ADDED            a-name-of-a-task-that-is-longer-than-the-column-is-wide`,
		`INFO  ALL_STOPPED_WITHIN_GRACE web`,
		`INFO  TASK_ADDED            ""`,
	})
}

// What a caller sends can neither begin a line nor steer a terminal.
func TestTextLinesCannotBeForged(t *testing.T) {
	const evil = "x\n2026-01-01T00:00:00.000Z INFO  FORGED\x1b[31m\u202e\xff"
	var out bytes.Buffer
	log := slog.New(newTextHandler(&out, slog.LevelInfo))
	log.Info(evil)
	log.Info("value", "v", evil)
	log.Info("task", "task", evil)
	log.Info("group", slog.Group("g", "v", evil))
	log.With("v", evil).WithGroup("g").Info("with", "w", errors.New(evil))
	if lines := strings.Count(out.String(), "\n"); lines != 5 {
		t.Errorf("%d lines", lines)
	}
	if strings.ContainsAny(out.String(), "\x1b\u202e\r") || !utf8.Valid(out.Bytes()) {
		t.Errorf("not all of it is printable text: %q", out.String())
	}
}

func TestTextHandlerGroups(t *testing.T) {
	got := textLines(slog.LevelDebug, func(log *slog.Logger) {
		log.With("a", 1).WithGroup("g").With("b", 2).WithGroup("").WithGroup("h").Debug("m", "c", 3, slog.Group("i", "d", 4), slog.Group("", "e", 5), slog.Group("empty"))
		derived := log.With("task", "web")
		derived.With("x", 1).Info("one", "attempt", 2)
		derived.Info("two") // not changed by what was derived from it
	})
	checkLines(t, got, []string{
		`DEBUG m a=1 g.b=2 g.h.c=3 g.h.i.d=4 g.h.e=5`,
		`INFO  one                   web      #2   x=1`,
		`INFO  two                   web`,
	})
}

// The column of names is as wide as the widest name so far, so that lines align as soon as the names are known.
func TestTextColumns(t *testing.T) {
	got := textLines(slog.LevelInfo, func(log *slog.Logger) {
		log.Info("A", "task", "x", "attempt", 1)
		log.Info("B", "task", "größer-als-acht", "attempt", 1) // refused for its ö
		log.Info("C", "task", "larger-than-8", "attempt", 1)
		log.Info("D", "task", "x", "attempt", 1)
	})
	checkLines(t, got, []string{
		`INFO  A                     x        #1`,
		`INFO  B                     "größer-als-acht" #1`,
		`INFO  C                     larger-than-8     #1`,
		`INFO  D                     x                 #1`,
	})
}

// The rules of slog for handlers, checked by its own kit on lines that are taken apart again.
func TestTextHandlerConforms(t *testing.T) {
	var out bytes.Buffer
	results := func() (all []map[string]any) {
		for line := range strings.Lines(out.String()) {
			all = append(all, parseTextLine(strings.TrimSuffix(line, "\n")))
		}
		return all
	}
	if err := slogtest.TestHandler(newTextHandler(&out, slog.LevelInfo), results); err != nil {
		t.Error(err)
	}
}

// parseTextLine reads a line whose values have no blanks.
func parseTextLine(line string) map[string]any {
	top := map[string]any{}
	words := strings.Fields(line)
	if _, err := time.Parse(time.RFC3339, words[0]); err == nil {
		top[slog.TimeKey] = words[0]
		words = words[1:]
	}
	top[slog.LevelKey], top[slog.MessageKey] = words[0], words[1]
	for _, word := range words[2:] {
		key, value, _ := strings.Cut(word, "=")
		m := top
		path := strings.Split(key, ".")
		for _, group := range path[:len(path)-1] {
			if _, ok := m[group]; !ok {
				m[group] = map[string]any{}
			}
			m = m[group].(map[string]any)
		}
		m[path[len(path)-1]] = value
	}
	return top
}

func TestRoundDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 1: "1ns", 999: "999ns", 1234: "1.23µs", 213456789: "213ms", 999999: "1ms", 59999 * time.Millisecond: "1m0s",
		-1234567: "-1.23ms", time.Hour + 2*time.Minute + 3*time.Second: "1h2m0s",
	} {
		if got := roundDuration(d).String(); got != want {
			t.Errorf("%d: got %s, want %s", d, got, want)
		}
	}
}
