package top

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// nasty has all that could break a line, and more.
const nasty = "数据库连接失败 🚒🚒 \x1b[31mred\x1b[2J\x07\ttab\r\nsecond \u202ebackwards\u202c e\u0301\u0301\u0301\u0301\u0301\u0301 👩\u200d💻👍🏽 \x9b2J \xff end"

// populated has tasks in all states, some with text that is meant to break the screen.
func populated(t testing.TB, width, height int) *bench {
	b := newBench(t, width, height)
	runs := restartsByID{}
	for i := range 12 {
		for n := range 1 << (i / 2) {
			runs.of("uid of flaky").restarted(time.Now().Add(time.Duration(i-12)*bucket), n%2 == 0)
		}
		runs.of("uid of clock").restarted(time.Now().Add(time.Duration(i-12)*bucket), false)
	}
	b.hear(news{runs: runs})
	b.live(
		task("a-name-that-goes-on-and-on-until-its-very-end-which-is-all-that-tells-it-from-others/0001"),
		task("clock", state(pb.TaskState_TASK_STATE_BACKOFF), func(t *pb.Task) { t.Attempt, t.NextAttemptTime = 12_345_678, in(90*time.Minute) }),
		task("export-b", state(pb.TaskState_TASK_STATE_QUEUED), func(t *pb.Task) { t.Attempt = 0 }),
		task("flaky", failing(7, "dial tcp 10.0.0.7:5432: connect: connection refused", 15*time.Second)),
		task("stuck", state(pb.TaskState_TASK_STATE_STUCK)),
		task("web/front", func(t *pb.Task) { t.CreateTime = ago(100 * 24 * time.Hour) }),
		task("wide", failing(1, nasty, 1500*time.Millisecond)),
		task("名前-\x1b[2J-名前名前名前名前名前名前名前名前名前名前", state(pb.TaskState_TASK_STATE_STOPPING)),
	)
	b.hear(news{
		ended: outcomes{pb.Outcome_OUTCOME_COMPLETED: 1234, pb.Outcome_OUTCOME_FAILED: 2},
		entries: append(entries(
			event(pb.EventKind_EVENT_KIND_TASK_STARTING, "flaky"), event(pb.EventKind_EVENT_KIND_TASK_FAILED, "flaky", func(e *pb.Event) { e.Reason = "exit status 1" }),
			event(pb.EventKind_EVENT_KIND_TASK_OUTPUT, "wide", func(e *pb.Event) { e.Line = nasty }),
			event(pb.EventKind_EVENT_KIND_CONTROLLER_SLOT_TRANSITION, "export-b"), event(pb.EventKind_EVENT_KIND_SHUTDOWN_REQUESTED, ""),
		), entry{mark: "gap of 12 events", mood: Warn, at: time.Now()}),
	})
	return b
}

var sizes = [][2]int{{80, 24}, {120, 40}, {40, 10}, {200, 60}}

// screens are all that can be seen, by what has to be done for it.
var screens = map[string]func(b *bench){
	"list":    func(*bench) {},
	"last":    func(b *bench) { b.press("end") },
	"inspect": func(b *bench) { b.typed("jj"); b.press("enter") },
	"help":    func(b *bench) { b.press("?") },
	"filter":  func(b *bench) { b.typed("/web") },
	"remove":  func(b *bench) { b.press("d") },
	"refused": func(b *bench) {
		b.source.refuse = errors.New("the server refuses this, nothing was done:\n  task.name: " + nasty)
		b.press("d", "y")
	},
	"paused": func(b *bench) {
		b.press("p")
		b.hear(news{entries: entries(event(pb.EventKind_EVENT_KIND_TASK_STARTING, "later"))})
	},
	"reconnecting": func(b *bench) {
		b.hear(news{link: &link{linkWaiting, time.Now().Add(2500 * time.Millisecond), errors.New("connection refused")}})
	},
}

func TestFrames(t *testing.T) {
	for name, act := range screens {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				var all strings.Builder
				for _, size := range sizes {
					b := populated(t, size[0], size[1])
					act(b)
					fmt.Fprintf(&all, "# %d×%d\n", size[0], size[1])
					for line := range strings.Lines(b.screen()) {
						all.WriteString(strings.TrimRight(line, " \n") + "\n")
					}
				}
				golden(t, all.String())
			})
		})
	}
}

// TestFramesHaveInks shows one frame as a terminal gets it: on one nobody knows, on a dark one, on a light one, and without colours.
func TestFramesHaveInks(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var all strings.Builder
		for _, p := range []palette{named(), dark(), light(), colourless()} {
			b := populated(t, 80, 24)
			b.palette = p
			b.press("down")
			fmt.Fprintf(&all, "%s\n\n", strings.ReplaceAll(strings.Join(b.frame()[:8], "\n"), "\x1b", "␛"))
		}
		golden(t, all.String())
	})
}

func TestNothingToShow(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, 80, 24)
		b.expect("○ connecting…")
		b.hear(news{link: &link{linkWaiting, time.Now().Add(time.Second), errors.New("connection refused")}})
		b.expect("○ reconnecting (1s)…", "in words: connection refused")
		b.live()
		b.expect("● live", "0 tasks", "There is no live task")
		b.expectNot("connection refused", "resumed")
		b.live(task("a"))
		b.typed("/zzz")
		b.expect("None of the 1 task matches")
	})
}

// TestFramesFit draws every screen in every size, and looks for lines that are too long, too many or too few, and for what a terminal would obey.
func TestFramesFit(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		for name, act := range screens {
			b := populated(t, 80, 24)
			act(b)
			for width := 1; width <= 130; width += 2 + width/6 {
				for height := 1; height <= 50; height += 2 + height/4 {
					b.send(tea.WindowSizeMsg{Width: width, Height: height})
					checkFrame(t, fmt.Sprintf("%s at %d×%d", name, width, height), b.frame(), width, height)
				}
			}
		}
	})
}

func checkFrame(t testing.TB, what string, frame []string, width, height int) {
	t.Helper()
	if len(frame) != height {
		t.Fatalf("%s has %d lines", what, len(frame))
	}
	for i, line := range frame {
		if n := ansi.StringWidth(line); n > width {
			t.Fatalf("%s: line %d takes %d columns: %q", what, i, n, line)
		}
		if bare := ansi.Strip(line); strings.ContainsFunc(bare, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) {
			t.Fatalf("%s: line %d has control characters: %q", what, i, line)
		}
		for rest := line; ; {
			_, after, found := strings.Cut(rest, "\x1b")
			if !found {
				break
			}
			end := strings.IndexByte(after, 'm')
			if !strings.HasPrefix(after, "[") || end < 0 || strings.Trim(after[1:end], "0123456789;") != "" {
				t.Fatalf("%s: line %d has a sequence that is no ink: %q", what, i, line)
			}
			rest = after[end:]
		}
	}
}

// TestTextOfOthersIsHarmless gives everything that can be text any text.
func TestTextOfOthersIsHarmless(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{nasty, strings.Repeat("\u0301", 1000), strings.Repeat("𒐫", 100)}))
		b := newBench(t, rapid.IntRange(1, 120).Draw(rt, "width"), rapid.IntRange(1, 40).Draw(rt, "height"))
		b.live(task(text.Draw(rt, "name"), failing(2, text.Draw(rt, "reason"), time.Second)))
		b.hear(news{entries: entries(event(pb.EventKind_EVENT_KIND_TASK_OUTPUT, text.Draw(rt, "task"), func(e *pb.Event) { e.Line = text.Draw(rt, "line") }))})
		b.source.refuse = errors.New(text.Draw(rt, "error"))
		checkFrame(t, "list", b.frame(), b.width, b.height)
		b.press("d", "y", "enter")
		checkFrame(t, "inspect", b.frame(), b.width, b.height)
		b.press("esc", "/")
		b.send(tea.PasteMsg{Content: text.Draw(rt, "filter")})
		checkFrame(t, "filter", b.frame(), b.width, b.height)
	})
}

// TestOnlyWhatIsOnTheScreenIsDrawn has 10,000 tasks.
func TestOnlyWhatIsOnTheScreenIsDrawn(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, 80, 24)
		b.live(many(10_000)...)
		b.words.asked = 0
		b.frame()
		if b.words.asked > 24 {
			t.Errorf("%d states were asked for, for 24 lines", b.words.asked)
		}
		b.expect("10,000 tasks", "rows 1 to 12 ", "task-00000")
		b.press("end")
		b.expect("▸ task-09999", "rows 9,989 to 10,000")
		b.press("pgup", "k")
		b.expect("▸ task-09987")
		b.press("home")
		b.expect("▸ task-00000")
	})
}

func many(n int) (tasks []*pb.Task) {
	for i := range n {
		tasks = append(tasks, task(fmt.Sprintf("task-%05d", i)))
	}
	return tasks
}

// BenchmarkFrame draws a frame of 10,000 tasks, with news before it.
func BenchmarkFrame(b *testing.B) {
	m := newBench(b, 120, 40)
	tasks := many(10_000)
	m.live(tasks...)
	for b.Loop() {
		m.live(tasks...)
		m.View()
	}
}
