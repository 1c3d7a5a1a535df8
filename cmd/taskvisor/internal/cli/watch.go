package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

const watchHelp = `Follow what happens, one line for each event, until you interrupt it.

NAME may be a glob; several names, or uids, select whatever matches one of them. --kind and -l narrow that down.
--kind task-output alone is what "taskvisor logs" shows.

A connection that breaks, and a server that is restarted, is waited for, and no event comes twice. What was missed, because the
server had dropped it before it could be delivered or because it was started anew, is told on standard error.

Where it begins: with the next event, unless --oldest (all that the server still has), --snapshot (the tasks as they are, then
what happens to them) or --since say otherwise. --since takes a cursor: it goes on strictly after what was seen up to there.
watch prints the cursor when it is interrupted, and -o json with each line.

-o json prints a line for each of: {"event": …}, {"gap": {"first": …, "last": …}}, {"epoch": …}, and with --snapshot
{"snapshot": true}, {"task": …} for each, {"synced": true}; all but tasks have "cursor" beside it. The fields are those of taskvisor.v1.Event,
Gap and Task.`

const watchExample = `  taskvisor watch
  taskvisor watch 'web-*' --kind task-failed,timeout-hit
  taskvisor watch -l app=web --snapshot
  taskvisor watch --timeout 1h                  exit code 124 when that is over
  taskvisor watch -o json --since "$(cat cursor)" | while read -r line; do
    echo "$line" | jq -c .event
    echo "$line" | jq -r .cursor > cursor
  done`

const eventsHelp = `Print the events that the log of the server has, from the oldest on, or after --since, and end. The log is bounded: the
server keeps the last 10,000 or so (taskvisord --event-buffer); what came before is told as a gap on standard error.

Filters and -o json are those of "taskvisor watch".`

const eventsExample = `  taskvisor events
  taskvisor events tick --kind task-failed
  taskvisor events --since "$(cat cursor)"
  taskvisor events -o json --kind task-failed | jq -r .event.reason`

// eventFlags select events.
type eventFlags struct {
	selection
	kinds []string
	since string
}

func (f *eventFlags) addTo(flags *pflag.FlagSet) {
	f.selection.addTo(flags)
	flags.StringSliceVar(&f.kinds, "kind", nil, "only events of these kinds, a list of `KIND`: task-failed, timeout-hit, …")
	flags.StringVar(&f.since, "since", "", "`CURSOR` after which to begin: EPOCH:SEQUENCE")
}

func (f *eventFlags) request(args []string) (*pb.WatchEventsRequest, error) {
	var kinds []pb.EventKind
	for _, text := range f.kinds {
		n, err := parseEnum(pb.EventKind(0).Descriptor(), text)
		if err != nil {
			return nil, usagef("--kind: %w", err)
		}
		kinds = append(kinds, pb.EventKind(n))
	}
	filter, err := f.events(args, kinds)
	if err != nil {
		return nil, err
	}
	req := &pb.WatchEventsRequest{Filter: filter}
	if f.since != "" {
		req.Resume, err = parseCursor(f.since)
	}
	return req, err
}

func watchVerb(a *app) *cobra.Command {
	var f eventFlags
	var oldest, snapshot bool
	cmd := &cobra.Command{
		Use: "watch [NAME|UID]...", Short: "Follow what happens", Long: watchHelp, Example: watchExample,
		ValidArgsFunction: a.completeTasks(false, 0),
		RunE: a.run(func(ctx context.Context, c *client.Client, args []string) error {
			if f.since != "" && (oldest || snapshot) || oldest && snapshot {
				return usagef("--since, --oldest and --snapshot each say where to begin; give one of them")
			}
			req, err := f.request(args)
			if err == nil {
				err = a.checkLines("watch")
			}
			if err != nil {
				return err
			}
			switch {
			case oldest:
				req.Start = pb.WatchStart_WATCH_START_OLDEST
			case snapshot:
				req.Start = pb.WatchStart_WATCH_START_SNAPSHOT
			}
			return a.watch(ctx, c, req)
		}),
	}
	f.addTo(cmd.Flags())
	cmd.Flags().BoolVar(&oldest, "oldest", false, "begin with the oldest event that the server has")
	cmd.Flags().BoolVar(&snapshot, "snapshot", false, "begin with the tasks as they are")
	return cmd
}

// checkLines refuses formats that have no lines.
func (a *app) checkLines(verb string) error {
	if f := a.settings.output; f == formatYAML || f == formatName {
		return usagef("-o %s is not for %s, which prints lines; give -o json, or leave it out", f, verb)
	}
	return nil
}

func (a *app) watch(ctx context.Context, c *client.Client, req *pb.WatchEventsRequest) error {
	ctx, cancel := a.endless(ctx)
	defer cancel()
	out := newUpdates(a)
	for u, err := range c.Watch(ctx, req, a.reconnects(ctx), client.WithPositions()) {
		if err == nil {
			err = out.print(u)
		}
		if err == nil {
			continue
		}
		if ctx.Err() != nil && out.cursor != nil {
			fmt.Fprintf(a.stderr, "To go on from here: %s watch --since %s\n", programName, cursorText(out.cursor))
		}
		return err
	}
	return nil
}

func eventsVerb(a *app) *cobra.Command {
	var f eventFlags
	cmd := &cobra.Command{
		Use: "events [NAME|UID]...", Short: "Print the events that the server still has", Long: eventsHelp, Example: eventsExample,
		ValidArgsFunction: a.completeTasks(true, 0),
		RunE: a.run(func(ctx context.Context, c *client.Client, args []string) error {
			req, err := f.request(args)
			if err == nil {
				err = a.checkLines("events")
			}
			if err != nil {
				return err
			}
			ctx, cancel := a.endless(ctx) // as long as the reader of a pipe likes
			defer cancel()
			out := newUpdates(a)
			if _, err = a.replay(ctx, c, req, out.print); err == nil && out.printed == 0 && a.settings.output.isText() {
				fmt.Fprintf(a.stderr, "The log of %s (%s) has no such event.\n", a.settings.server, a.origin())
			}
			return err
		}),
	}
	f.addTo(cmd.Flags())
	return cmd
}
