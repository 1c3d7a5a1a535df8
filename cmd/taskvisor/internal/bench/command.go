package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/supervisor"
)

// Roles of the children, which are hidden commands of this program.
const (
	serverRole  = "serve"
	watcherRole = "follow"
)

// Bounds of flags.
const (
	maxWatchers    = 100_000
	maxProcesses   = 64
	maxCount       = 1_000
	minEventBuffer = 1 << 10 // with fewer, there is no room for watchers to be at different places
	maxEventBuffer = 1 << 26
	maxRate        = 1_000_000
)

// Command returns the command "bench" with all below it. The program has to offer it directly below its root, since it starts itself again as
// "bench serve" and "bench follow". Mistakes on the command line are errors with a method Usage() bool.
func Command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure how fast a server delivers events to watchers, and what that costs",
		Long: `Measure how fast a server delivers events to watchers, and what that costs.

Server and watchers are processes of their own, which this command starts on loopback and ends. Nothing
that runs already is touched. Each figure stands beside that of another server in the same run, since
times on one machine mean nothing on another.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },

		SuggestionsMinimumDistance: 2,
	}
	cmd.AddCommand(watchCommand(), latencyCommand(), idleCommand())
	cmd.AddCommand(childCommand(serverRole, runServer), childCommand(watcherRole, runWatchers))
	return cmd
}

// childCommand is what a child of a measurement runs.
func childCommand(role string, run func(context.Context, io.Reader, io.Writer) error) *cobra.Command {
	return &cobra.Command{
		Use:    role,
		Short:  "Part of a measurement; reads what to do from standard input",
		Hidden: true,
		Args:   noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}

// addConditions adds the flags that are the same for all that runs for a while.
func addConditions(flags *pflag.FlagSet, c *conditions) {
	addNumber(flags, &c.Conns, "conns", 10, 1, maxWatchers, "connections that the watchers share, at most one for each")
	addNumber(flags, &c.Processes, "processes", 1, 1, maxProcesses, "processes that the watchers are divided among")
	addDuration(flags, &c.Warmup, "warmup", 2*time.Second, "how long each trial runs before it is measured")
	addDuration(flags, &c.Window, "window", 2*time.Second, "how long each trial is measured")
	addRepetition(flags, c)
}

func addRepetition(flags *pflag.FlagSet, c *conditions) {
	addNumber(flags, &c.Count, "count", 5, 1, maxCount, "how often each trial is run; the medians are printed")
	addNumber(flags, &c.EventBuffer, "event-buffer", supervisor.DefaultEventBuffer, minEventBuffer, maxEventBuffer, "events that the server keeps")
}

func newBench(c *conditions) (*bench, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program, which is to run again as server and watchers: %w", err)
	}
	return &bench{launcher{[]string{self, "bench"}}, *c}, nil
}

// checkConns says in time what would otherwise come as an error out of the middle of gRPC, or as no answer at all.
func checkConns(streams, conns int) error {
	conns = min(conns, streams)
	if each := (streams + conns - 1) / conns; each > server.DefaultMaxConcurrentStreams {
		return &usageError{fmt.Sprintf("%d watchers on %d connections are %d for each, and the server allows %d; give more connections",
			streams, conns, each, server.DefaultMaxConcurrentStreams)}
	}
	if limit, need := openFiles(), uint64(conns+spareFiles); limit > 0 && need > limit {
		return &usageError{fmt.Sprintf("%d connections need %d open files in each process, and %d are allowed; raise the limit with ulimit -n, "+
			"or give fewer connections", conns, need, limit)}
	}
	return nil
}

// spareFiles is how many files a process has open beside its connections, at most.
const spareFiles = 50
