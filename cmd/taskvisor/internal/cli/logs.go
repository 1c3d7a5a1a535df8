package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

const logsHelp = `Print what a task writes: the lines that it has written as long as the server has them, and with -f those to come, until you
interrupt it. Lines are kept of tasks that were added with --capture-output (capture_output in the spec), in the same bounded log
as all events.

By NAME, these are the lines of all lives of that name, globs included; by UID those of one life, and -f ends with it. Both
streams go to standard output, as they are. Lines that the server dropped, because they came too fast, are told on standard error.

-f goes on when the connection breaks or the server is restarted, as "taskvisor watch" does.

-o json prints lines as "taskvisor watch --kind task-output" does.`

const logsExample = `  taskvisor logs backup
  taskvisor logs -f --prefix 'web-*'
  taskvisor logs -f --timestamps backup | grep -v DEBUG
  taskvisor logs --tail 20 backup`

// logFlags are those of logs.
type logFlags struct {
	selection
	follow, prefix, timestamps bool
	tail                       int
}

func logsVerb(a *app) *cobra.Command {
	var f logFlags
	cmd := &cobra.Command{
		Use: "logs {NAME|UID}...", Aliases: []string{"log"}, Short: "Print what a task writes", Long: logsHelp, Example: logsExample,
		ValidArgsFunction: a.completeTasks(true, 0),
		RunE: a.run(func(ctx context.Context, c *client.Client, args []string) error {
			if f.isEmpty(args) {
				return usagef("whose output? Give NAME, UID or -l")
			}
			if f.tail < -1 {
				return usagef("--tail: wants a number of lines, not %d", f.tail)
			}
			if err := a.checkLines("logs"); err != nil {
				return err
			}
			return a.logs(ctx, c, &f, args)
		}),
	}
	f.addTo(cmd.Flags())
	cmd.Flags().BoolVarP(&f.follow, "follow", "f", false, "go on with the lines to come")
	cmd.Flags().BoolVar(&f.prefix, "prefix", false, "put the name of the task in front of each line")
	cmd.Flags().BoolVar(&f.timestamps, "timestamps", false, "put the time in front of each line")
	cmd.Flags().IntVar(&f.tail, "tail", -1, "only the last `N` of the lines that are there (default: all)")
	cmd.Flags().Lookup("tail").DefValue = "0" // -1 would be shown
	return cmd
}

func (a *app) logs(ctx context.Context, c *client.Client, f *logFlags, args []string) error {
	filter, err := f.events(args, []pb.EventKind{pb.EventKind_EVENT_KIND_TASK_OUTPUT, pb.EventKind_EVENT_KIND_TASK_REMOVED})
	if err != nil {
		return err
	}
	l := &logLines{app: a, flags: f, updates: newUpdates(a), open: map[string]bool{}}
	for _, uid := range filter.GetUids() {
		l.open[uid] = true
	}
	end, err := a.replay(ctx, c, &pb.WatchEventsRequest{Filter: filter}, l.past)
	if err != nil {
		return err
	}
	if err := l.flush(); err != nil {
		return err
	}
	if !f.follow || len(filter.GetUids()) > 0 && len(l.open) == 0 {
		return l.explainSilence(ctx, c, args)
	}
	if err := l.explainSilence(ctx, c, args); client.IsNotFound(err) {
		fmt.Fprintf(a.stderr, "There is no task %q at %s (%s) yet; its lines are printed when there is.\n", args[0], a.settings.server, a.origin())
	} else if err != nil {
		return err
	}
	return l.followFrom(ctx, c, &pb.WatchEventsRequest{Filter: filter, Resume: end})
}

// logLines prints output.
type logLines struct {
	app     *app
	flags   *logFlags
	updates *updates
	kept    []client.Update // lines of the past, at most twice --tail
	open    map[string]bool // uids whose lives go on
	printed int
}

// past takes an update of the past. Only lines of output are kept back for --tail; what is missing is told at once.
func (l *logLines) past(u client.Update) error {
	if l.flags.tail < 0 || u.Event.GetKind() != pb.EventKind_EVENT_KIND_TASK_OUTPUT {
		return l.print(u)
	}
	l.kept = append(l.kept, u)
	if len(l.kept) > 2*l.flags.tail {
		l.kept = append(l.kept[:0], l.kept[len(l.kept)-l.flags.tail:]...)
	}
	return nil
}

func (l *logLines) flush() error {
	for _, u := range l.kept[max(len(l.kept)-max(l.flags.tail, 0), 0):] {
		if err := l.print(u); err != nil {
			return err
		}
	}
	return nil
}

func (l *logLines) followFrom(ctx context.Context, c *client.Client, req *pb.WatchEventsRequest) error {
	ctx, cancel := l.app.endless(ctx)
	defer cancel()
	watched := len(l.open) > 0
	for u, err := range c.Watch(ctx, req, l.app.reconnects(ctx)) {
		if err == nil {
			err = l.print(u)
		}
		if err != nil {
			return err
		}
		if watched && len(l.open) == 0 {
			return nil
		}
	}
	return nil
}

// print prints a line of output. Other events are there for the end of a life.
func (l *logLines) print(u client.Update) error {
	e := u.Event
	switch {
	case e.GetKind() == pb.EventKind_EVENT_KIND_TASK_REMOVED:
		delete(l.open, e.GetUid())
		return nil
	case e == nil || !l.app.settings.output.isText():
		return l.updates.print(u)
	}
	l.printed++
	if n := e.GetLostCount(); n > 0 {
		fmt.Fprintf(l.app.stderr, "%s: %s of %s dropped here: they came too fast\n", programName, count(n, "line"), e.GetTask())
		if e.GetLine() == "" {
			return nil
		}
	}
	var b strings.Builder
	if l.flags.timestamps {
		b.WriteString(l.app.here(e.GetTime().AsTime()).Format("2006-01-02T15:04:05.000Z07:00") + " ")
	}
	if l.flags.prefix {
		b.WriteString(l.app.style.paint(cyan, e.GetTask()) + ": ")
	}
	_, err := fmt.Fprintln(l.app.stdout, b.String()+e.GetLine())
	return err
}

// explainSilence says why there is no output, if there is none.
func (l *logLines) explainSilence(ctx context.Context, c *client.Client, args []string) error {
	if l.printed > 0 || l.flags.tail == 0 || len(args) != 1 || isPattern(args[0]) {
		return nil
	}
	t, err := c.Get(ctx, refOf(args[0]))
	switch {
	case err != nil:
		return l.app.notFound(ctx, c, args[0], err)
	case !l.app.settings.output.isText():
		return nil
	case !t.GetSpec().GetCaptureOutput():
		fmt.Fprintf(l.app.stderr, "Task %q does not capture its output: add it with --capture-output, or capture_output in its spec.\n", t.GetName())
	default:
		fmt.Fprintf(l.app.stderr, "Task %q has written nothing that the server still has.\n", t.GetName())
	}
	return nil
}
