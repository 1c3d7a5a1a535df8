package cli

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/taskvisor/taskvisor/client"
	"github.com/taskvisor/taskvisor/cmd/taskvisor/internal/top"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/server/servertest"
)

func TestTopNeedsATerminal(t *testing.T) {
	inWorld(t, func(w *world) {
		w.run("top")
		w.run("top", "-o", "json")
		w.run("top", "a", "01a20b48-6bdb-75bd-a41b-438ab349ad54")
		w.terminal = Terminal{Is: true, Width: 80}
		w.run("top")
		w.environ = []string{"TERM=dumb"}
		w.run("top")
	})
}

// onScreen are the words of a person at a terminal.
func (w *world) onScreen() screenWords {
	a := newApp(Process{Zone: time.UTC, Stdout: &bytes.Buffer{}})
	return screenWords{a, client.New(w.Conn)}
}

// TestTopSaysWhatGetDoes compares what is said of tasks in all states.
func TestTopSaysWhatGetDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quiet := servertest.WithServer(server.Config{Logger: slog.New(slog.DiscardHandler)})
		w := &world{Harness: servertest.New(t, quiet), t: t}
		w.populate()
		words := w.onScreen()
		tasks := 0
		for task, err := range words.client.List(t.Context(), &pb.ListTasksRequest{IncludeFinished: true}) {
			if err != nil {
				t.Fatal(err)
			}
			tasks++
			who := words.Asked(t.Context(), task)
			out, _, _ := w.output(0, "get", task.GetUid())
			d := words.Describe(task, who) // at the very time of that
			got := strings.Join(strings.Fields(out), " ")
			wants := append(append([]string{}, d.Sentences...), d.Config...)
			for _, f := range d.Fields {
				wants = append(wants, f.Title+": "+f.Text)
			}
			for _, want := range wants {
				if !strings.Contains(got, strings.Join(strings.Fields(want), " ")) {
					t.Errorf("%s: top says %q, get says\n%s", task.GetName(), want, out)
				}
			}
			if word, _ := words.State(task); !strings.HasPrefix(out, task.GetName()+": "+word+"\n") {
				t.Errorf("top says %q, get says\n%s", word, out)
			}
		}
		if tasks < 8 {
			t.Errorf("there are only %d tasks", tasks)
		}
	})
}

func TestFilterOfTop(t *testing.T) {
	for text, want := range map[string]*pb.EventFilter{
		"web/* db":                               {Names: []string{"web/*", "db"}},
		"01a20b48-6bdb-75bd-a41b-438ab349ad54":   {Uids: []string{"01a20b48-6bdb-75bd-a41b-438ab349ad54"}},
		"-l app in (a, b),!old":                  {LabelSelector: "app in (a, b),!old"},
		"web* -l app":                            {Names: []string{"web*"}, LabelSelector: "app"},
		"x-l":                                    {Names: []string{"x-l"}},
		"-l":                                     nil,
		"a 01a20b48-6bdb-75bd-a41b-438ab349ad54": nil,
	} {
		got, err := screenWords{}.Filter(text)
		if (err != nil) != (want == nil) || err == nil && !proto.Equal(got, want) {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
	}
	s := selection{labels: "app=web"}
	if got := s.text([]string{"a", "b*"}); got != "a b* -l app=web" {
		t.Errorf("the text is %q", got)
	}
}

// TestMoods has each colour of lines be a mood of the screen.
func TestMoods(t *testing.T) {
	w := screenWords{}
	for kind, want := range map[pb.EventKind]top.Mood{
		pb.EventKind_EVENT_KIND_TASK_FAILED: top.Bad, pb.EventKind_EVENT_KIND_TIMEOUT_HIT: top.Warn, pb.EventKind_EVENT_KIND_TASK_STARTING: top.Good,
		pb.EventKind_EVENT_KIND_TASK_ADDED: top.Neutral,
	} {
		if _, _, mood := w.Event(&pb.Event{Kind: kind}); mood != want {
			t.Errorf("%s: mood %d, want %d", kind, mood, want)
		}
	}
	ended := &pb.Task{Name: "a", State: pb.TaskState_TASK_STATE_FINISHED, Outcome: pb.Outcome_OUTCOME_COMPLETED, Attempt: 1}
	if word, mood := w.State(ended); word != "completed" || mood != top.Faint {
		t.Errorf("%s, mood %d", word, mood)
	}
	if got := w.Ended(ended); got != `task "a" completed after 1 attempt` {
		t.Errorf("it ended: %q", got)
	}
	if got := w.Explain(context.Background(), errHungUp); got != errHungUp.Error() {
		t.Errorf("explained: %q", got)
	}
}
