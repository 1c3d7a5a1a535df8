//go:build unix

package exec

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// newsroom is the handler of a log that a test reads.
type newsroom chan string

func (n newsroom) Enabled(context.Context, slog.Level) bool { return true }
func (n newsroom) WithAttrs([]slog.Attr) slog.Handler       { return n }
func (n newsroom) WithGroup(string) slog.Handler            { return n }
func (n newsroom) Handle(_ context.Context, r slog.Record) error {
	n <- r.Message
	return nil
}

func (n newsroom) expect(t *testing.T, want string) {
	t.Helper()
	if got := <-n; got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
}

// current returns the guardian that there is at the moment.
func (g *Guard) current() *guardian {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.guardian
}

// grow makes the guardian old enough for its death to be a mishap.
func (g *Guard) grow() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.guardian.born = time.Time{}
}

func TestAnotherGuardianTakesOverFromOneThatIsKilled(t *testing.T) {
	news := make(newsroom, 10)
	g := NewGuard()
	defer g.Close()
	g.watch(slog.New(news))
	for range 3 {
		old := g.current()
		g.grow()
		if err := old.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		news.expect(t, "the guardian process is gone; another has taken over")
		if next := g.current(); next == nil || next == old {
			t.Fatal("there is no other guardian")
		}
	}
}

func TestAGuardianThatDiesYoungIsReplacedByTheNextCommand(t *testing.T) {
	news := make(newsroom, 10)
	log := slog.New(news)
	g := NewGuard()
	defer g.Close()
	for range 2 {
		g.watch(log)
		g.mu.Lock()
		g.guardian.born = time.Now().Add(time.Hour) // so that the test may take its time
		old := g.guardian
		g.mu.Unlock()
		if err := old.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		news.expect(t, "the guardian process has died young; the next command starts another")
		if g.current() != nil {
			t.Fatal("another guardian was started at once")
		}
	}
}

func TestThatThereIsNoGuardianIsSaidOnce(t *testing.T) {
	news := make(newsroom, 10)
	log := slog.New(news)
	g := NewGuard()
	defer g.Close()
	start := g.start
	g.start = func(string) (*guardian, error) { return nil, errors.New("no") }
	g.watch(log)
	g.watch(log)
	news.expect(t, "no guardian process: what commands start may live on if the daemon is killed")
	g.start = start
	g.watch(log)
	if len(news) != 0 {
		t.Errorf("told again: %s", <-news)
	}
	g.mu.Lock()
	g.start = func(string) (*guardian, error) { return nil, errors.New("no") }
	g.mu.Unlock()
	g.grow()
	if err := g.current().cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	news.expect(t, "the guardian process is gone, and no other can be started; the next command tries again")
}

// A guardian that does not read must not stop the daemon. The one that takes its place is told all from the beginning.
func TestAGuardianThatHangsIsReplaced(t *testing.T) {
	news := make(newsroom, 10)
	g := NewGuard()
	defer g.Close()
	g.watch(slog.New(news))
	g.grow()
	old := g.current()
	if err := old.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for g.current() == old {
		g.expect([]uint64{1})
		g.enter(1<<30, []uint64{1}) // no process has this number
		g.leave(1 << 30)
	}
	news.expect(t, "the guardian process is gone; another has taken over")
}

func TestANewGuardianIsToldEverything(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	g := NewGuard()
	g.expect([]uint64{91, 92})
	g.expect([]uint64{93, 94})
	g.expect([]uint64{95, 96})
	g.enter(11, []uint64{91, 92})
	g.enter(12, nil)
	g.enter(13, nil)
	g.leave(12)
	g.mu.Lock()
	g.adoptLocked(&guardian{pipe: w})
	g.mu.Unlock()
	g.enter(14, []uint64{93, 94})
	g.enter(0, []uint64{95})
	g.leave(11)
	g.expect([]uint64{97})
	w.Close()
	got := readTold(r)
	if groups := slices.Sorted(maps.Keys(got.groups)); !slices.Equal(groups, []int{13, 14}) {
		t.Errorf("groups %v, want 13 and 14", groups)
	}
	if pipes := slices.Sorted(maps.Keys(got.pipes)); !slices.Equal(pipes, []uint64{96, 97}) {
		t.Errorf("pipes %v, want 96 and 97", pipes)
	}
	if !maps.Equal(got.groups, g.told.groups) || !maps.Equal(got.pipes, g.told.pipes) {
		t.Errorf("the guard knows %v", g.told)
	}
}

func TestReadTold(t *testing.T) {
	for lines, want := range map[string]struct {
		groups []int
		pipes  []uint64
	}{
		"":                                   {},
		"+2\n+3\n-2\n":                       {groups: []int{3}},
		"+2\n+2\n":                           {groups: []int{2}},
		"-2\n+2\n":                           {groups: []int{2}},
		"+23\n+45":                           {groups: []int{23, 45}}, // cut, if at all, but a group that was never told of does no harm
		"+0\n+1\n+-1\n+-5\n+2\n":             {groups: []int{2}},      // all processes, and those of init
		"+2147483648\n+4294967298\n":         {},                      // more than a pid_t has room for
		"\nx\n*7\n+x\n+ 8\n+2\n":             {groups: []int{2}},
		"?7\n?8\n!7\n?x\n?0\n?-1\n":          {pipes: []uint64{8}},
		"?2\n+2\n!2\n-3\n":                   {groups: []int{2}},
		"?18446744073709551615\n?4294967296": {pipes: []uint64{4294967296, 18446744073709551615}},
	} {
		got := readTold(strings.NewReader(lines))
		if groups := slices.Sorted(maps.Keys(got.groups)); !slices.Equal(groups, want.groups) {
			t.Errorf("%q: groups %v, want %v", lines, groups, want.groups)
		}
		if pipes := slices.Sorted(maps.Keys(got.pipes)); !slices.Equal(pipes, want.pipes) {
			t.Errorf("%q: pipes %v, want %v", lines, pipes, want.pipes)
		}
	}
}

func FuzzReadTold(f *testing.F) {
	f.Add("+2\n+3\n-2\n")
	f.Add("+-1\n+1\n+99999999999999999999\n?5\n!5\n?6")
	f.Fuzz(func(t *testing.T, lines string) {
		got := readTold(strings.NewReader(lines))
		for group := range got.groups {
			if group <= 1 || int(int32(group)) != group {
				t.Errorf("group %d: kill(2) takes %d for other processes", group, -group)
			}
		}
		if again := readTold(strings.NewReader(got.all())); !maps.Equal(again.groups, got.groups) || !maps.Equal(again.pipes, got.pipes) {
			t.Errorf("%q: %v, and from that %v", lines, got, again)
		}
	})
}

func TestMarked(t *testing.T) {
	id, other := newGuardID(), newGuardID()
	for environ, want := range map[string]bool{
		"":                                      false,
		"A=b\x00":                               false,
		guardVar + "=" + id + "\x00":            true,
		"A=b\x00" + guardVar + "=" + id:         true,
		guardVar + "=" + other + "," + id:       true,
		guardVar + "=" + id + "," + other:       true,
		guardVar + "=" + other + "\x00":         false,
		guardVar + "=\x00":                      false,
		guardianVar + "=" + id + "\x00":         false, // another guardian, perhaps
		"X" + guardVar + "=" + id + "\x00":      false,
		"A=" + guardVar + "=" + id + "\x00":     false,
		"A=\n" + guardVar + "=" + id + "\n\x00": false,
	} {
		if got := marked(environ, id); got != want {
			t.Errorf("%q: marked %t, want %t", environ, got, want)
		}
	}
}

func TestOnlyARealGuardianIsTakenForOne(t *testing.T) {
	if id, ok := guardianID(); ok {
		t.Errorf("this test is the guardian %s", id)
	}
	name := os.Args[0]
	defer func() { os.Args[0] = name }()
	for _, id := range []string{"", "x", strings.Repeat("0", 31), strings.Repeat("0", 34), strings.Repeat("g", 32)} {
		t.Setenv(guardianVar, id)
		os.Args[0] = guardianName
		if _, ok := guardianID(); ok {
			t.Errorf("id %q is accepted", id)
		}
	}
	t.Setenv(guardianVar, newGuardID())
	var stat syscall.Stat_t
	isPipe := syscall.Fstat(guardianPipe, &stat) == nil && stat.Mode&syscall.S_IFMT == syscall.S_IFIFO
	if _, ok := guardianID(); ok != isPipe {
		t.Errorf("taken for a guardian: %t; there is a pipe: %t", ok, isPipe)
	}
}
