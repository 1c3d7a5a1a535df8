package top

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"plain":                                 "plain",
		"":                                      "",
		"two\nlines\r\tand a tab":               "two lines  and a tab",
		"\x1b[2J\x07\x7f":                       " [2J  ",
		"\u009b2J":                              " 2J",
		"\u2028\u2029":                          "  ",
		"a\u202eb\u2066c\u200fd":                "abcd",
		"👩\u200d💻 👍🏽 ❤\ufe0f":                   "👩💻 👍 ❤",
		"\u0301e\u0301\u0302\u0303\u0304\u0305": "e\u0301\u0302\u0303",
		"\ue0b0":                                "",
		"a\xffb":                                "a\ufffdb",
		strings.Repeat("x", maxText+9):          strings.Repeat("x", maxText+1),
	} {
		if got := clean(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// TestFit has both ways of terminals to count columns agree on what is clean, for what people write.
func TestFit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom([]rune("aZ 0é界🚒\u0301\u200d\ufe0f👍🏽…"))).Draw(t, "text")
		n := rapid.IntRange(0, 30).Draw(t, "columns")
		for _, got := range []string{fit(text, n, false), fit(text, n, true), fitName(text, n)} {
			if ansi.StringWidth(got) != n || ansi.StringWidthWc(got) != n {
				t.Fatalf("%q in %d columns: %q takes %d, or %d", text, n, got, ansi.StringWidth(got), ansi.StringWidthWc(got))
			}
		}
		for _, line := range wrap(text, n) {
			if width(line) > max(n, 2) {
				t.Fatalf("%q in %d columns: %q", text, n, line)
			}
		}
		if got, want := strings.Join(wrap(text, max(n, 2)), ""), clean(text); strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(want, " ", "") {
			t.Fatalf("%q is wrapped into %q", want, got)
		}
	})
	if got := fitName("web/server-0001", 9); got != "web/…0001" {
		t.Errorf("the name becomes %q", got)
	}
}

func TestTimes(t *testing.T) {
	for left, want := range map[time.Duration]string{
		-time.Second: "now 0s", 0: "now 0s", time.Nanosecond: "1s 1ns", time.Second: "1s 1s", 1500 * time.Millisecond: "2s 500ms", time.Minute: "1m00s 1s",
		59*time.Minute + 59*time.Second: "59m59s 1s", time.Hour: "1h00m 1m0s", 90*time.Minute + time.Second: "1h31m 1s", 72 * time.Hour: "3d0h 1h0m0s",
		72*time.Hour + 1: "3d1h 1ns",
	} {
		text, next := countdown(left)
		if got := text + " " + next.String(); got != want {
			t.Errorf("countdown of %s: %s, want %s", left, got, want)
		}
	}
	for old, want := range map[time.Duration]string{
		-time.Second: "0s 1s", 0: "0s 1s", 1200 * time.Millisecond: "1s 800ms", 59 * time.Second: "59s 1s", 90 * time.Second: "1m 30s", time.Hour: "1h 1h0m0s",
		47 * time.Hour: "47h 1h0m0s", 50 * time.Hour: "2d 22h0m0s",
	} {
		text, next := age(old)
		if got := text + " " + next.String(); got != want {
			t.Errorf("age of %s: %s, want %s", old, got, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 9_999_999: "9999999", 10_000_000: "10M", 9_999_999_999: "9999M", 10_000_000_000: "10G", math.MaxUint64: "999999T"} {
		if got := number(n); got != want || len(got) > attemptWidth {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	for n, want := range map[uint64]string{1: "1 task", 0: "0 tasks", 999: "999 tasks", 1000: "1,000 tasks", 1234567: "1,234,567 tasks"} {
		if got := plural(n, "task"); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestBars(t *testing.T) {
	var got strings.Builder
	for _, n := range []uint16{0, 1, 2, 3, 4, 8, 16, 32, 64, 128, 255, math.MaxUint16} {
		got.WriteRune(bar(n))
	}
	if want := " ▁▂▂▃▄▅▆▇███"; got.String() != want {
		t.Errorf("got %q, want %q", got.String(), want)
	}
}

func TestHistory(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	var h history
	if cells, some := (*history)(nil).at(now, 3); cells != nil || some || (*history)(nil).total(now) != 0 {
		t.Error("no history has something in it")
	}
	h.restarted(now.Add(-time.Hour), true) // forgotten by the next one
	h.restarted(now, false)
	h.restarted(now, true)
	h.restarted(now.Add(-2*bucket), true) // late
	h.restarted(now.Add(-buckets*bucket), true)
	text := func(at time.Time, n int) (s string) {
		cells, _ := h.at(at, n)
		for _, c := range cells {
			s += fmt.Sprintf(" %d/%d", c.failures, c.restarts)
		}
		return s
	}
	for _, tt := range []struct {
		at   time.Time
		n    int
		want string
	}{
		{now, 3, " 1/1 0/0 1/2"},
		{now, 1, " 1/2"},
		{now.Add(bucket), 3, " 0/0 1/2 0/0"},
		{now.Add(buckets * bucket), 2, " 0/0 0/0"},
		{now.Add(-time.Hour), 3, " 1/1 0/0 1/2"}, // the clock of the server is ahead
	} {
		if got := text(tt.at, tt.n); got != tt.want {
			t.Errorf("%d cells %s later:%s, want%s", tt.n, tt.at.Sub(now), got, tt.want)
		}
	}
	var other history
	other.restarted(now.Add(bucket), false)
	other.restarted(now, true)
	h.merge(&other)
	if got := text(now.Add(bucket), 4); got != " 1/1 0/0 2/3 0/1" || h.total(now) != 5 {
		t.Errorf("merged:%s, %d in all", got, h.total(now))
	}
	h.add(h.newest, cell{math.MaxUint16, math.MaxUint16})
	if got := text(now.Add(bucket), 1); got != " 65535/65535" {
		t.Errorf("a full cell:%s", got)
	}
}

func numbered(from, to int) (list []entry) {
	for n := from; n < to; n++ {
		list = append(list, entry{event: &pb.Event{Sequence: uint64(n)}})
	}
	return list
}

func sequences(list []entry) (numbers []uint64) {
	for _, x := range list {
		numbers = append(numbers, x.event.GetSequence())
	}
	return numbers
}

func TestTail(t *testing.T) {
	all := func(entry) bool { return true }
	var tl tail
	tl.add(numbered(100, 102), 0)
	tl.prepend(numbered(0, 100))
	if got := sequences(tl.last(3, all)); !slices.Equal(got, []uint64{99, 100, 101}) {
		t.Errorf("the last are %v", got)
	}
	for n := 102; n < 50_000; n += 7 {
		tl.add(numbered(n, n+7), 0)
		if len(tl.entries) > 2*tailSize+7 {
			t.Fatalf("%d entries are kept", len(tl.entries))
		}
	}
	before := tl.last(tailSize, all)
	if len(before) != tailSize {
		t.Errorf("%d entries are left", len(before))
	}
	tl.prepend(numbered(0, 100)) // there is no room
	if got := tl.last(tailSize, all); !slices.Equal(sequences(got), sequences(before)) {
		t.Error("older ones took the place of newer ones")
	}
	if got := tl.last(5, func(x entry) bool { return x.event.GetSequence()%100 == 0 }); len(got) != 5 || got[4].event.GetSequence() < got[0].event.GetSequence() {
		t.Errorf("picked %v", sequences(got))
	}
}

func TestIsWords(t *testing.T) {
	for text, want := range map[string]bool{
		"web": true, "web/front db-1": true, "web*": false, "app=web": false, "!old": false, "tier in (a,b)": false, "-l app": false, "a[b]": false,
		"01a20b48-6bdb-75bd-a41b-438ab349ad54": false,
	} {
		if got := isWords(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}
