package cli

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/taskvisor/taskvisor/server/servertest"
	"github.com/taskvisor/taskvisor/supervisor"
)

// eventful lets everything happen that events tell of.
func (w *world) eventful() {
	w.Define("chatty", func(ctx context.Context) error {
		fmt.Fprintln(supervisor.Output(ctx), "hello")
		fmt.Fprintln(supervisor.Output(ctx), "tabs\tand \x1b[31mcolours\x1b[0m")
		return nil
	})
	w.populate()
	w.add("chatty", "chatty", captured)
	w.add("slow", servertest.Wait, timeout(time.Second), never)
	w.pass(2 * time.Second)
	w.output(0, "rm", "export-b")
	w.output(0, "rm", "export-a")
}

func TestEvents(t *testing.T) {
	inWorld(t, func(w *world) {
		w.run("events")
		w.eventful()
		w.at80And120("events")
		w.run("events", "doomed")
		w.run("events", "--kind", "task-failed,timeout-hit", "-o", "json")
		w.run("events", "-l", "app=web")
		w.run("events", "nothing")
		w.run("events", "--kind", "task-exploded")
		w.run("events", "--since", "yesterday")
		w.run("events", "--since", "00000000-0000-7000-8000-000000000001:x")
		w.run("events", "--since", w.cursor())
		w.run("events", "-o", "yaml")
		w.pass(48 * time.Hour)
		w.run("events", "once")
	})
}

// cursor returns the present end of the log.
func (w *world) cursor() string {
	out, _, _ := w.output(time.Second, "watch", "-o", "json", "--snapshot", "--kind", "shutdown-requested")
	_, rest, _ := strings.Cut(out, `"synced":true,"cursor":"`)
	cursor, _, _ := strings.Cut(rest, `"`)
	return cursor
}

func TestWatch(t *testing.T) {
	inWorld(t, func(w *world) {
		w.populate()
		cursor := w.cursor()
		later := func() { time.AfterFunc(time.Second, func() { w.Add("later", servertest.Fail, never) }) }
		later()
		w.runFor(2*time.Second, "watch")
		w.runFor(time.Second, "watch", "--since", cursor)
		w.runFor(time.Second, "watch", "--oldest", "doomed")
		for _, columns := range []string{"COLUMNS=80", "COLUMNS=120"} {
			w.environ = []string{columns}
			fmt.Fprintln(&w.transcript, "#", columns)
			w.runFor(time.Second, "watch", "--snapshot", "web/*", "clock", "billing-*")
			w.runFor(time.Second, "watch", "--oldest", "billing-*", "stuck")
		}
		w.environ = nil
		w.runFor(time.Second, "watch", "--oldest", "-l", "app=billing", "--kind", "task-failed")
		w.runFor(time.Second, "watch", "--since", cursor, "--kind", "task-removed")
		later()
		w.runFor(2*time.Second, "watch", "--snapshot", "-o", "json", "later", "once")
		w.run("watch", "--timeout", "1s")
		w.run("watch", "--since", cursor, "--oldest")
		w.run("watch", "-o", "name")
	})
}

// TestWatchTellsWhatIsMissing has a log that is too short, and then another log.
func TestWatchTellsWhatIsMissing(t *testing.T) {
	inWorld(t, func(w *world) {
		old := w.cursor()
		for i := range 20 {
			w.add(fmt.Sprintf("task-%d", i), servertest.Succeed)
		}
		w.pass(time.Second)
		w.runFor(time.Second, "watch", "--since", old)
		w.runFor(time.Second, "watch", "--since", old, "-o", "json")
		w.runFor(time.Second, "watch", "--since", "00000000-0000-7000-8000-0000000000ff:7")
	}, servertest.WithEngine(supervisor.Config{EventBuffer: 8}))
}

func TestLogs(t *testing.T) {
	inWorld(t, func(w *world) {
		w.eventful()
		w.at80And120("logs", "chatty")
		w.run("logs", "chatty", "--timestamps", "--prefix")
		w.run("logs", "chatty", "--tail", "1")
		w.run("logs", "*", "--tail", "2")
		w.run("logs", "chatty", "--tail", "0")
		w.at80And120("logs", "chatty", "-o", "json")
		w.run("logs", "web/front")
		w.run("logs", "chatti")
		w.run("logs", "c*", "-o", "yaml")
		w.run("logs")
		w.run("logs", "chatty", "--tail", "-5")
		time.AfterFunc(time.Second, func() { w.Add("chatty", "chatty", captured) })
		w.runFor(2*time.Second, "logs", "-f", "--tail", "1", "chatty")
		w.runFor(time.Second, "logs", "-f", "web/front")
		time.AfterFunc(time.Second, func() { w.Add("later", "chatty", captured) })
		w.runFor(2*time.Second, "logs", "-f", "later")
	})
}

// TestLogsOfALifeEndWithIt follows a life that ends.
func TestLogsOfALifeEndWithIt(t *testing.T) {
	inWorld(t, func(w *world) {
		w.Define("talks", func(ctx context.Context) error {
			fmt.Fprintln(supervisor.Output(ctx), "begun")
			time.Sleep(time.Minute)
			fmt.Fprintln(supervisor.Output(ctx), "done")
			return nil
		})
		task := w.add("talker", "talks", captured)
		w.pass(time.Second)
		w.run("logs", "-f", task.GetUid())
		w.run("logs", "-f", task.GetUid())
	})
}
