package top

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

var update = flag.Bool("top.update", false, "write the frames anew; read the difference before you commit it")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// golden compares frames with the file that is named like the test.
func golden(t *testing.T, text string) {
	t.Helper()
	name := filepath.Join("testdata", strings.ReplaceAll(t.Name(), "/", "_")+".txt")
	if *update {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if text == string(want) {
		return
	}
	wanted, got := strings.Split(string(want), "\n"), strings.Split(text, "\n")
	for i := range min(len(wanted), len(got)) {
		if wanted[i] != got[i] {
			t.Fatalf("%s differs; look at it with -top.update and git diff. Line %d is now\n%s\nand was\n%s", name, i+1, got[i], wanted[i])
		}
	}
	t.Fatalf("%s has %d lines, not %d", name, len(wanted), len(got))
}

// testWords says things in the shortest way.
type testWords struct {
	asked int // how many states were asked for
}

func (w *testWords) State(t *pb.Task) (string, Mood) {
	w.asked++
	word := strings.ToLower(strings.TrimPrefix(t.GetState().String(), "TASK_STATE_"))
	switch t.GetState() {
	case pb.TaskState_TASK_STATE_STUCK:
		return word, Bad
	case pb.TaskState_TASK_STATE_RUNNING:
		return word, Good
	case pb.TaskState_TASK_STATE_FINISHED:
		return word, Faint
	}
	return word, Warn
}
func (w *testWords) Note(t *pb.Task) string { return t.GetLastError().GetReason() }
func (w *testWords) Event(e *pb.Event) (kind, detail string, mood Mood) {
	kind = strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(e.GetKind().String(), "EVENT_KIND_"), "_", "-"))
	return kind, e.GetReason() + e.GetLine(), Neutral
}
func (w *testWords) Ended(t *pb.Task) string               { return t.GetName() + " has ended" }
func (w *testWords) Clock(t time.Time) string              { return t.UTC().Format("15:04:05") }
func (w *testWords) Asked(context.Context, *pb.Task) Asked { return Asked{Owner: "somebody"} }
func (w *testWords) Describe(t *pb.Task, who Asked) Description {
	return Description{
		Sentences: []string{"Attempt " + fmt.Sprint(t.GetAttempt()) + " says: " + t.GetLastError().GetReason(), "Owner: " + who.Owner, "Removed by: " + who.ToRemove.GetPrincipal()},
		Fields:    []Field{{"UID", t.GetUid()}, {"Last error", t.GetLastError().GetReason()}},
		Config:    []string{"command:", "- sh", "- \x1b[2J"},
	}
}
func (w *testWords) Filter(text string) (*pb.EventFilter, error) {
	if strings.Contains(text, "!!") {
		return nil, errors.New("that is no filter")
	}
	return &pb.EventFilter{Names: strings.Fields(text)}, nil
}
func (w *testWords) Explain(_ context.Context, err error) string { return "in words: " + err.Error() }

// invalid is what a server says that does not like a filter.
func invalid(t testing.TB, text string) error {
	t.Helper()
	s, err := status.New(codes.InvalidArgument, text).WithDetails(&errdetails.ErrorInfo{Reason: "INVALID_FIELD", Domain: "taskvisor"})
	if err != nil {
		t.Fatal(err)
	}
	return s.Err()
}

// testSource notes what it is asked for.
type testSource struct {
	alarm    time.Time
	followed []string // numbers and names
	removed  []string
	refuse   error // what a removal ends with
	final    *pb.Task
}

func (s *testSource) next() (news, bool)    { return news{}, false }
func (s *testSource) setAlarm(at time.Time) { s.alarm = at }
func (s *testSource) follow(number int, f *pb.EventFilter) {
	s.followed = append(s.followed, fmt.Sprintf("%d%s", number, f.GetNames()))
}
func (s *testSource) remove(uid string) (*pb.Task, error) {
	s.removed = append(s.removed, uid)
	return s.final, s.refuse
}
func (s *testSource) get(string) (*pb.Task, error) {
	if s.final == nil {
		return nil, errors.New("not found")
	}
	return s.final, nil
}
func (s *testSource) asked(*pb.Task) Asked     { return Asked{Owner: "somebody"} }
func (s *testSource) explain(err error) string { return "in words: " + err.Error() }

// bench is a model without a terminal and without a server.
type bench struct {
	*model
	t      testing.TB
	source *testSource
	words  *testWords
	quit   bool
}

// newBench must be called in a bubble, if time matters.
func newBench(t testing.TB, width, height int) *bench {
	s, w := &testSource{}, &testWords{}
	b := &bench{model: newModel(s, Config{Words: w, Server: "127.0.0.1:7700"}), t: t, source: s, words: w}
	b.do(b.Init())
	b.send(tea.WindowSizeMsg{Width: width, Height: height})
	return b
}

// send sends a message, and those that come of it.
func (b *bench) send(msg tea.Msg) {
	switch msg := msg.(type) {
	case nil:
		return
	case tea.BatchMsg:
		for _, cmd := range msg {
			b.do(cmd)
		}
		return
	case tea.QuitMsg:
		b.quit = true
		return
	}
	_, cmd := b.Update(msg)
	b.do(cmd)
}

func (b *bench) do(cmd tea.Cmd) {
	if cmd != nil {
		b.send(cmd())
	}
}

// hear has news come, of the present follow.
func (b *bench) hear(n news) {
	n.follow = b.follows
	if n.tasks != nil {
		n.view, n.synced = &client.View{}, true
	}
	b.send(newsMsg{n})
}

// live has the connection be there.
func (b *bench) live(tasks ...*pb.Task) {
	b.hear(news{link: &link{state: linkLive}, tasks: append([]*pb.Task{}, tasks...)})
}

// press presses keys, by their names.
func (b *bench) press(keys ...string) {
	for _, key := range keys {
		b.send(keyPress(key))
	}
}

func keyPress(name string) tea.KeyPressMsg {
	codes := map[string]rune{
		"up": tea.KeyUp, "down": tea.KeyDown, "pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown, "home": tea.KeyHome, "end": tea.KeyEnd,
		"enter": tea.KeyEnter, "esc": tea.KeyEscape, "delete": tea.KeyDelete, "backspace": tea.KeyBackspace,
	}
	if code, ok := codes[name]; ok {
		return tea.KeyPressMsg{Code: code}
	}
	if rest, ok := strings.CutPrefix(name, "ctrl+"); ok {
		return tea.KeyPressMsg{Code: rune(rest[0]), Mod: tea.ModCtrl}
	}
	first, _ := utf8.DecodeRuneInString(name)
	return tea.KeyPressMsg{Code: first, Text: name}
}

// typed types text, a key for each character.
func (b *bench) typed(text string) {
	for _, r := range text {
		b.press(string(r))
	}
}

// screen returns the frame without its inks.
func (b *bench) screen() string {
	return ansi.Strip(strings.Join(b.frame(), "\n")) + "\n"
}

// expect wants words on the screen.
func (b *bench) expect(words ...string) {
	b.t.Helper()
	for _, w := range words {
		if !strings.Contains(b.screen(), w) {
			b.t.Errorf("%q is not on the screen:\n%s", w, b.screen())
		}
	}
}

// expectNot wants words not to be there.
func (b *bench) expectNot(words ...string) {
	b.t.Helper()
	for _, w := range words {
		if strings.Contains(b.screen(), w) {
			b.t.Errorf("%q is on the screen:\n%s", w, b.screen())
		}
	}
}

// inBubble runs a test at midnight of 2000-01-01.
func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

func ago(d time.Duration) *timestamppb.Timestamp { return timestamppb.New(time.Now().Add(-d)) }
func in(d time.Duration) *timestamppb.Timestamp  { return timestamppb.New(time.Now().Add(d)) }

// task returns a task that runs; functions in change make it another.
func task(name string, change ...func(*pb.Task)) *pb.Task {
	t := &pb.Task{
		Name: name, Uid: "uid of " + name, State: pb.TaskState_TASK_STATE_RUNNING, Attempt: 1, CreateTime: ago(90 * time.Second),
		Spec: &pb.TaskSpec{Name: name, Plugin: "exec"},
	}
	for _, f := range change {
		f(t)
	}
	return t
}

func state(s pb.TaskState) func(*pb.Task) { return func(t *pb.Task) { t.State = s } }

// failing is in backoff, n failures long.
func failing(n uint32, reason string, next time.Duration) func(*pb.Task) {
	return func(t *pb.Task) {
		t.State, t.FailureStreak, t.Attempt = pb.TaskState_TASK_STATE_BACKOFF, n, uint64(n)
		t.LastError, t.NextAttemptTime = &pb.TaskError{Reason: reason}, in(next)
	}
}

func event(kind pb.EventKind, name string, change ...func(*pb.Event)) *pb.Event {
	e := &pb.Event{Kind: kind, Task: name, Uid: "uid of " + name, Attempt: 1, Time: timestamppb.Now(), Duration: durationpb.New(time.Second)}
	for _, f := range change {
		f(e)
	}
	return e
}

func entries(events ...*pb.Event) (list []entry) {
	for _, e := range events {
		list = append(list, entry{event: e})
	}
	return list
}
