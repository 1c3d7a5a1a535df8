package label_test

import (
	"testing"

	"github.com/taskvisor/taskvisor/server/internal/label"
)

func parse(t testing.TB, text string) label.Selector {
	t.Helper()
	s, err := label.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// "!= and notin also select what lacks the key": each operator, with the value, another one, an empty one, and without the key.
func TestMatch(t *testing.T) {
	has := []map[string]string{{"a": "b"}, {"a": "c"}, {"a": ""}, {"z": "b"}, {}, nil}
	for text, want := range map[string][6]bool{
		"":                  {true, true, true, true, true, true},
		"a=b":               {true, false, false, false, false, false},
		"a!=b":              {false, true, true, true, true, true},
		"a in (b,c)":        {true, true, false, false, false, false},
		"a notin (b,c)":     {false, false, true, true, true, true},
		"a in (x,y,)":       {false, false, true, false, false, false},
		"a":                 {true, true, true, false, false, false},
		"!a":                {false, false, false, true, true, true},
		"a=":                {false, false, true, false, false, false},
		"a!=":               {true, true, false, true, true, true},
		"a,a!=b":            {false, true, true, false, false, false},
		"!a,z":              {false, false, false, true, false, false},
		"a=b,a=c":           {false, false, false, false, false, false},
		"A":                 {false, false, false, false, false, false},
		"a in (B,C,x,y,bb)": {false, false, false, false, false, false},
	} {
		s := parse(t, text)
		for i, labels := range has {
			if got := s.Match(labels); got != want[i] {
				t.Errorf("%q selects %v: %t", text, labels, got)
			}
		}
	}
}

// "The zero value has none and selects all."
func TestZeroSelector(t *testing.T) {
	var s label.Selector
	if !s.IsEmpty() || !s.Match(nil) || !s.Match(map[string]string{"a": "b"}) || s.String() != "" {
		t.Errorf("got %q, empty %t", s, s.IsEmpty())
	}
}

const long = "app=web,tier in (front,back,middle),zone notin (a,b),env,!legacy,owner!=nobody"

func longLabels() map[string]string {
	return map[string]string{"app": "web", "tier": "back", "zone": "c", "env": "", "team": "x", "release": "stable"}
}

// "Match allocates nothing."
func TestMatchAllocatesNothing(t *testing.T) {
	s, labels := parse(t, long), longLabels()
	if !s.Match(labels) {
		t.Fatalf("%q does not select %v", s, labels)
	}
	if n := testing.AllocsPerRun(100, func() { s.Match(labels) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkMatch(b *testing.B) {
	labels := longLabels()
	for _, text := range []string{"", "app=web", "!legacy", "tier in (front,back,middle)", long} {
		s := parse(b, text)
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !s.Match(labels) {
					b.Fatal("no match")
				}
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := label.Parse(long); err != nil {
			b.Fatal(err)
		}
	}
}
