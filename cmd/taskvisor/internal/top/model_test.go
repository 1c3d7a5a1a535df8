package top

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// shownNames returns the names of the rows, in their order.
func (b *bench) shownNames() string {
	var names []string
	for _, t := range b.rows.shown {
		names = append(names, t.GetName())
	}
	return strings.Join(names, " ")
}

func TestOrders(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, 80, 24)
		runs := restartsByID{}
		for range 3 {
			runs.of("uid of c").restarted(time.Now(), true)
		}
		runs.of("uid of a").restarted(time.Now(), true)
		b.hear(news{runs: runs})
		b.live(
			task("a", func(t *pb.Task) { t.CreateTime = ago(time.Second) }), task("b", failing(2, "no", time.Second)),
			task("c", state(pb.TaskState_TASK_STATE_QUEUED)), task("d", state(pb.TaskState_TASK_STATE_STUCK)), task("e", state(pb.TaskState_TASK_STATE_STOPPING)),
			task("f", func(t *pb.Task) { t.FailureStreak = 1 }), task("g", func(t *pb.Task) { t.NextAttemptTime = in(time.Millisecond) }),
		)
		for _, want := range []string{"d b f e c a g", "a b c d e f g", "c a b d e f g", "g b a c d e f", "a b c d e f g", "d b f e c a g"} {
			if got := b.shownNames(); got != want {
				t.Errorf("%s: %s, want %s", b.rows.order, got, want)
			}
			b.press("s")
		}
		b.press("S", "S")
		b.expect("sort: age")
	})
}

func TestSelection(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, 80, 10)
		b.live(task("a"), task("b"), task("c"))
		b.live(task("a", state(pb.TaskState_TASK_STATE_QUEUED)), task("b"), task("c", failing(1, "no", time.Second)))
		b.expect("▸ c") // which is the first one by now
		b.press("down")
		b.expect("▸ a")
		b.live(task("a"), task("b"), task("c"))
		b.expect("▸ a") // wherever it goes
		b.press("end")
		b.live(task("a"), task("b"), task("c", func(t *pb.Task) { t.Uid = "another life" }))
		b.expect("▸ c")
		b.live(task("a"), task("b"))
		b.expect("▸ b")
		b.live()
		b.press("up", "down", "pgup", "pgdown", "home", "end", "enter")
		b.expect("There is no live task")
		b.live(task("z"))
		b.expect("▸ z")
	})
}

func TestRemove(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, 80, 24)
		b.live(task("a"), task("b"))
		for _, no := range []string{"n", "enter", "esc", "q", "d", "delete"} {
			b.press("d")
			b.expect("Stop a and remove it?  y yes")
			b.press(no)
			b.expect("a stays")
		}
		if b.quit || len(b.source.removed) > 0 {
			t.Fatalf("quit %t, removed %q", b.quit, b.source.removed)
		}
		b.source.final = task("a")
		b.press("down", "delete")
		b.expect("Stop b and remove it?")
		b.live(task("b", func(t *pb.Task) { t.Uid = "another life" })) // while the question is asked
		b.press("y")
		b.expect("a has ended") // as the server says it
		b.source.refuse = errors.New("it will not")
		b.press("d", "Y")
		b.expect("b was not removed: in words: it will not")
		if want := []string{"uid of b", "another life"}; !slices.Equal(b.source.removed, want) {
			t.Errorf("removed %q, want %q", b.source.removed, want)
		}
		b.press("down")
		b.expectNot("it will not")
		b.live()
		b.press("d")
		b.expect("there is no task to remove here")
	})
}

func TestRemovalsAreBounded(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, 80, 24)
		b.live(task("a"))
		for range maxRemoves {
			b.doomed = b.rows.selected
			b.remove() // whose command never comes to its end
		}
		b.expect("stopping a…")
		b.press("d", "y")
		b.expect("too many tasks are being stopped already")
	})
}

func TestFilter(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, 100, 24)
		b.live(task("db"), task("web/api"), task("web/front"))
		b.hear(news{entries: entries(event(pb.EventKind_EVENT_KIND_TASK_STARTING, "db"), event(pb.EventKind_EVENT_KIND_TASK_STOPPED, "web/api"))})
		b.typed("/front d")
		if got := b.shownNames(); got != "db web/front" {
			t.Errorf("while typing: %s", got)
		}
		b.press("backspace", "backspace", "enter")
		b.expect("only front", "1 task of 3", "▸ web/front")
		b.expectNot("task-starting", "task-stopped")
		b.press("/", "ctrl+u")
		b.typed("web")
		b.press("esc")
		b.expect("only front")
		b.press("esc")
		b.expectNot("only")
		b.press("/", "enter")
		b.expect("3 tasks")
		if want := []string{"1[]"}; !slices.Equal(b.source.followed, want) {
			t.Errorf("words were sent to the server: %q", b.source.followed)
		}
	})
}

// TestFilterOfTheServer has what the server selects by.
func TestFilterOfTheServer(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, 100, 24)
		b.live(task("db"), task("web/api"))
		b.typed("/web/*")
		b.expect("2 tasks") // until it is complete
		b.press("enter")
		b.expect("only web/*", "connecting…")
		b.live(task("web/api"))
		b.press("/", "ctrl+w")
		b.typed("app=web")
		b.press("enter")
		b.live(task("web/api"))
		b.hear(news{follow: -1}) // is of the present one, by then
		b.press("esc")
		if want := []string{"1[]", "2[web/*]", "3[-l app=web]", "4[]"}; !slices.Equal(b.source.followed, want) {
			t.Errorf("followed %q, want %q", b.source.followed, want)
		}
	})
}

func TestFilterThatIsRefused(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, 100, 24)
		b.live(task("db"))
		b.typed("/!!")
		b.press("enter")
		b.expect("that is no filter", "filter: !!")
		b.press("ctrl+u")
		b.typed("web[")
		b.press("enter")
		b.hear(news{err: invalid(t, "no glob")})
		b.expect("in words: rpc error: code = InvalidArgument desc = no glob", "filter: web[")
		b.live(task("db"))
		b.press("esc")
		b.expect("1 task")
		b.expectNot("only")
		b.typed("/x*")
		b.press("enter")
		b.hear(news{err: status.Error(codes.PermissionDenied, "not you")})
		if !b.quit || status.Code(b.err) != codes.PermissionDenied {
			t.Errorf("quit %t with %v", b.quit, b.err)
		}
	})
}

func TestARefusedFollowEndsTheProgram(t *testing.T) {
	b := newBench(t, 80, 24)
	b.hear(news{err: invalid(t, "no filter")})
	if !b.quit || b.err == nil {
		t.Errorf("quit %t with %v", b.quit, b.err)
	}
}

func TestFilterIsBounded(t *testing.T) {
	b := newBench(t, 80, 24)
	b.press("/")
	b.send(tea.PasteMsg{Content: strings.Repeat("界\n", 1000)})
	if n := len(b.input); n > maxInput || n < maxInput-3 || strings.ContainsFunc(b.input, func(r rune) bool { return r != '界' && r != ' ' }) {
		t.Errorf("%d bytes: %q", n, b.input)
	}
	b.press("esc")
	b.send(tea.PasteMsg{Content: "q"}) // no prompt wants it
	if b.quit || b.input != strings.TrimSpace(b.input) && b.prompt != promptNone {
		t.Error("pasted text was taken for keys")
	}
}

func TestConnection(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, 80, 24)
		b.live(task("a"))
		wait := func(d time.Duration, text string) {
			b.hear(news{link: &link{linkWaiting, time.Now().Add(d), errors.New(text)}})
		}
		wait(2500*time.Millisecond, "it shuts down")
		b.expect("○ reconnecting (3s)…", "as of 00:00:00", "in words: it shuts down", "▸ a")
		time.Sleep(time.Until(b.source.alarm))
		b.send(newsMsg{news{follow: b.follows}})
		b.expect("○ reconnecting (2s)…")
		wait(time.Second, "refused")
		b.expect("in words: refused", "as of 00:00:00")
		time.Sleep(time.Second)
		b.send(newsMsg{news{follow: b.follows}})
		b.expect("○ reconnecting…")
		b.live()
		b.expect("● live", "resumed")
		b.send(explainedMsg{"late"})
		b.expectNot("refused", "late", "as of")
		time.Sleep(noticeTime)
		b.send(newsMsg{news{follow: b.follows}})
		b.expectNot("resumed")
	})
}

func TestInspect(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, 80, 40)
		b.live(task("a"), task("b", failing(3, "no", time.Second)))
		b.press("enter")
		b.expect("b: backoff", "Attempt 3 says: no", "Owner: somebody", "EVENTS of this task")
		b.hear(news{
			tasks: []*pb.Task{task("a"), task("b", state(pb.TaskState_TASK_STATE_STOPPING))},
			entries: entries(event(pb.EventKind_EVENT_KIND_TASK_STARTING, "a"), event(pb.EventKind_EVENT_KIND_TASK_REMOVE_REQUESTED, "b", func(e *pb.Event) {
				e.Principal = "alice"
			})),
		})
		b.expect("b: stopping", "Removed by: alice", "task-remove-requested")
		b.expectNot("task-starting")
		b.send(askedMsg{uid: "uid of b", who: Asked{Owner: "nobody"}})
		b.expect("Removed by: alice", "Owner: nobody")
		b.send(askedMsg{uid: "uid of a", who: Asked{Owner: "too late"}})
		b.expectNot("too late")
		b.press("d")
		b.expect("Stop b and remove it?")
		b.press("n")
		b.source.final = task("b", state(pb.TaskState_TASK_STATE_FINISHED))
		b.live(task("a"))
		b.expect("b: finished")
		b.press("d")
		b.expect("there is no task to remove here")
		b.press("esc")
		b.expect("▸ a")
	})
}

// TestInspectWhatIsGone has a server that does not know the task any more.
func TestInspectWhatIsGone(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, 80, 24)
		b.live(task("a"))
		b.press("enter")
		b.live()
		b.expect("a: running", "The server does not have it any more. This is how it was:")
	})
}

func TestScrolling(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, 80, 8)
		b.press("?")
		b.expect("Keys", "lines below")
		b.press("down", "down")
		b.expectNot("Keys")
		b.press("end")
		b.expect("1,000 at most")
		b.expectNot("below")
		b.press("pgup", "home", "up")
		b.expect("Keys")
		b.press("?")
		b.expectNot("Keys")
	})
}

func TestPause(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, 80, 24)
		b.live(task("a"))
		b.hear(news{entries: entries(event(pb.EventKind_EVENT_KIND_TASK_STARTING, "a"))})
		b.press("p")
		b.hear(news{entries: entries(event(pb.EventKind_EVENT_KIND_TASK_STOPPED, "a")), skipped: 1999})
		b.expect("paused · 2,000 since", "task-starting")
		b.expectNot("task-stopped")
		b.press("p")
		b.expect("task-stopped")
		b.expectNot("paused")
	})
}

func TestQuit(t *testing.T) {
	for _, keys := range [][]string{{"q"}, {"ctrl+c"}, {"/", "ctrl+c"}, {"d", "ctrl+c"}, {"?", "ctrl+c"}, {"?", "q", "q"}} {
		b := newBench(t, 80, 24)
		b.live(task("a"))
		for i, key := range keys {
			if b.quit {
				t.Errorf("%q: quit after %d", keys, i)
			}
			b.press(key)
		}
		if !b.quit {
			t.Errorf("%q does not quit", keys)
		}
	}
}

// TestTheScreenWakesOnlyForWhatItShows asks, for each thing on the screen, when it reads differently.
func TestTheScreenWakesOnlyForWhatItShows(t *testing.T) {
	never := time.Duration(0)
	running := task
	for name, tt := range map[string]struct {
		width int
		act   func(b *bench)
		want  time.Duration
	}{
		"no task":                         {120, func(b *bench) { b.live() }, never},
		"a task without a column of ages": {80, func(b *bench) { b.live(running("a")) }, never},
		"an age in minutes":               {120, func(b *bench) { b.live(running("a")) }, 30 * time.Second},
		"an age in seconds":               {120, func(b *bench) { b.live(running("a", func(t *pb.Task) { t.CreateTime = ago(1200 * time.Millisecond) })) }, 800 * time.Millisecond},
		"an age in days":                  {120, func(b *bench) { b.live(running("a", func(t *pb.Task) { t.CreateTime = ago(71 * time.Hour) })) }, time.Hour},
		"a countdown of seconds":          {80, func(b *bench) { b.live(running("a", failing(1, "", 2500*time.Millisecond))) }, 500 * time.Millisecond},
		"a countdown of hours":            {80, func(b *bench) { b.live(running("a", failing(1, "", 90*time.Minute+time.Second))) }, time.Second},
		"a countdown that is over":        {80, func(b *bench) { b.live(running("a", failing(1, "", -time.Second))) }, never},
		"a countdown beyond the edge": {80, func(b *bench) {
			b.live(append(many(100), running("z", state(pb.TaskState_TASK_STATE_BACKOFF), func(t *pb.Task) { t.NextAttemptTime = in(time.Second) }))...)
		}, never},
		"bars": {80, func(b *bench) {
			b.live(running("a"))
			r := restartsByID{}
			r.of("uid of a").restarted(time.Now(), true)
			b.hear(news{runs: r})
		}, bucket},
		"a notice":                 {80, func(b *bench) { b.live(); b.press("d") }, noticeTime},
		"a task that is looked at": {80, func(b *bench) { b.live(running("a")); b.press("enter") }, time.Second},
		"help":                     {80, func(b *bench) { b.live(running("a")); b.press("?") }, never},
		"a reconnect": {80, func(b *bench) {
			b.hear(news{link: &link{linkWaiting, time.Now().Add(1500 * time.Millisecond), errors.New("no")}})
		}, 500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				b := newBench(t, tt.width, 24)
				tt.act(b)
				got := never
				if !b.source.alarm.IsZero() {
					got = time.Until(b.source.alarm)
				}
				if got != tt.want {
					t.Errorf("it wakes after %s, want %s\n%s", got, tt.want, b.screen())
				}
				if got == never || b.model.screen == screenTask { // whose words have no times here
					return
				}
				before := b.screen()
				time.Sleep(got - time.Millisecond)
				b.send(newsMsg{news{follow: b.follows}})
				if b.screen() != before {
					t.Error("it read differently before")
				}
				time.Sleep(time.Millisecond)
				b.send(newsMsg{news{follow: b.follows}})
				if b.screen() == before {
					t.Errorf("it does not read differently then:\n%s", before)
				}
			})
		})
	}
}

func TestBackground(t *testing.T) {
	for colour, want := range map[bool]palette{true: light(), false: colourless()} {
		m := newModel(&testSource{}, Config{Words: &testWords{}, Colour: colour})
		m.Update(tea.BackgroundColorMsg{Color: white{}})
		if m.palette != want {
			t.Errorf("colour %t: %v", colour, m.palette)
		}
	}
}

type white struct{}

func (white) RGBA() (r, g, b, a uint32) { return 0xffff, 0xffff, 0xffff, 0xffff }

func TestEnded(t *testing.T) {
	b := newBench(t, 80, 24)
	b.live()
	for range 2 {
		b.hear(news{ended: outcomes{pb.Outcome_OUTCOME_COMPLETED: 1, pb.Outcome_OUTCOME_CANCELED: 2, pb.Outcome_OUTCOME_FATAL: 3, pb.Outcome_OUTCOME_REJECTED: 4}})
	}
	b.expect("ended:  2 completed  4 canceled  14 failed")
	b.send(tea.WindowSizeMsg{Width: 30, Height: 24})
	b.expectNot("ended:  2")
}

func TestNewsOfAnotherFollowAreIgnored(t *testing.T) {
	b := newBench(t, 80, 24)
	b.live(task("a"))
	b.send(newsMsg{news{follow: b.follows - 1, err: errors.New("it is over")}})
	if b.quit {
		t.Error("it ended with the error of another follow")
	}
}

// TestStatesOfTheContract fails when there is a state that the summary cannot count.
func TestStatesOfTheContract(t *testing.T) {
	var s summary
	for n := range pb.TaskState_name {
		if int(n) >= len(s.states) {
			t.Errorf("%s is not counted", pb.TaskState(n))
		}
	}
	for o := range orders {
		if o.String() == "" {
			t.Errorf("order %d has no name", o)
		}
	}
}
