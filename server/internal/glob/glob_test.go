package glob_test

import (
	"errors"
	"path"
	"testing"
	"unicode/utf8"

	"github.com/taskvisor/taskvisor/server/internal/glob"
)

var patterns = []string{
	"", "a", "web/1", "*", "**", "a*", "*a", "*a*", "a*b*c", "web/*", "*/*", "*-canary", "?", "a?c", "??", "*?", "?*", "/", "a/",
	"[a-c]", "[^a-c]", "[abx-z]", "[^/]", "[/]", "a[/]b", "*[/a]*b", `\*`, `a\?`, `[\]]`, `[\-x]`, `[a-\]]`, `\\`, "[a-é]", "é", "[é]", "[^é]*",
	"*ab*ab", "*a?b*[0-9]", "worker-[0-9]*", "\x00", "\x01", "\x80", "[\x00-\x01]", "[z-a]", "[^z-a]",
	// These are none.
	"[", "[a", "[]", "[]a]", "[^]", "a[", `\`, `a\`, "[a-]", "[-a]", `[\`, "[a-", "*[", "x[a\xff]",
}

var names = []string{
	"", "a", "b", "c", "ab", "abc", "aab", "abab", "ab/ab", "a/b", "/", "a/", "/a", "web/1", "web/a/b", "web", "x-canary", "x/y-canary", "worker-7",
	"worker-7x", "worker-", "*", "a?", "]", "-", `\`, "\x00", "\x01", "axb3", "a/b/c", "aXbXc", "~", "a*b",
}

// "Compile refuses what path.Match refuses, and Match says what path.Match says, of each name that is ASCII."
func TestAsPathMatch(t *testing.T) {
	bad := 0
	for _, pattern := range patterns {
		if compare(t, pattern, ""); t.Failed() {
			return
		}
		if _, err := glob.Compile(pattern); err != nil {
			bad++
		}
		for _, name := range names {
			compare(t, pattern, name)
		}
		for c := range byte(utf8.RuneSelf) {
			compare(t, pattern, string(rune(c)))
		}
	}
	if bad != 14 {
		t.Errorf("%d of the patterns are none", bad)
	}
}

func compare(t *testing.T, pattern, name string) {
	t.Helper()
	g, err := glob.Compile(pattern)
	if _, want := path.Match(pattern, ""); !errors.Is(err, want) {
		t.Errorf("%q: error %v, want %v", pattern, err, want)
	}
	if err != nil {
		return
	}
	if want, _ := path.Match(pattern, name); g.Match(name) != want {
		t.Errorf("%q matches %q: %t, want %t", pattern, name, g.Match(name), want)
	}
}

// "Other characters of a name are matched by nothing."
func TestNamesThatAreNotASCII(t *testing.T) {
	for _, pattern := range []string{"é", "[é]", "[^a]", `\é`} {
		g, err := glob.Compile(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if g.Match("é") {
			t.Errorf("%q matches", pattern)
		}
	}
}

func TestZeroGlob(t *testing.T) {
	var g glob.Glob
	if !g.Match("") || g.Match("a") {
		t.Error("the zero value matches something else than the empty name")
	}
}

// "Match allocates nothing."
func TestMatchAllocatesNothing(t *testing.T) {
	for _, pattern := range patterns {
		g, err := glob.Compile(pattern)
		if err != nil {
			continue
		}
		if n := testing.AllocsPerRun(10, func() {
			for _, name := range names {
				g.Match(name)
			}
		}); n != 0 {
			t.Errorf("%q: %v allocations", pattern, n)
		}
	}
}

// FuzzMatch compares with path.Match.
func FuzzMatch(f *testing.F) {
	for i, pattern := range patterns {
		f.Add(pattern, names[i%len(names)])
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		ascii := []byte(name)
		for i := range ascii {
			ascii[i] %= utf8.RuneSelf
		}
		compare(t, pattern, string(ascii))
	})
}

func BenchmarkMatch(b *testing.B) {
	const name = "web/worker-17"
	for _, pattern := range []string{name, "web/*", "*/worker-17", "web/worker-[0-9]*", "w*/w*-1?"} {
		g, err := glob.Compile(pattern)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("compiled/"+pattern, func(b *testing.B) {
			for b.Loop() {
				if !g.Match(name) {
					b.Fatal("no match")
				}
			}
		})
		b.Run("path.Match/"+pattern, func(b *testing.B) {
			for b.Loop() {
				if ok, _ := path.Match(pattern, name); !ok {
					b.Fatal("no match")
				}
			}
		})
	}
}
