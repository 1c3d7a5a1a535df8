package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

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

// Command returns the command "bench" with all below it.
func Command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure how fast a server delivers events to watchers, and what that costs",
		Long: `Measure how fast a server delivers events to watchers, and what that costs.

Server and watchers are processes of their own, which this command starts on loopback and ends. Nothing
that runs already is touched. Each figure stands beside that of another server in the same run, since
times on one machine mean nothing on another.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
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
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}

func watchCommand() *cobra.Command {
	var o struct {
		conditions
		watchers                   []int
		variants, filters, clients []string
		asJSON                     bool
	}
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Deliveries per second to many watchers, and the cost of each",
		Long: `Deliveries per second to many watchers, and the cost of each, beside two other servers:

  taskvisor  the supervisor and its server, as the daemon makes them. Two tasks write lines of
             output; the events have about 120 bytes.
  blast      gRPC alone: one message of 64 KiB, encoded once, again and again. It pays no heed to
             filters, so figures with a filter are compared with the blast without.
  naive      a channel for each watcher, one message and one encoding for each event and watcher.

Nothing is lost: the publishers of taskvisor and naive stay at most half of the event buffer ahead of
the slowest watcher, as counted by the watchers themselves. Events that were lost all the same are
counted and printed. All trials are run once, then all again, --count times.`,
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	addList(flags, &o.watchers, "watchers", []int{1, 10, 100, 1000}, func(s string) (int, error) { return parseNumber(s, 1, maxWatchers) }, strconv.Itoa,
		"numbers of watchers, separated by commas")
	addList(flags, &o.variants, "variants", variants(), oneOf(variants()...), word, "servers to measure: some of taskvisor, blast, naive")
	addList(flags, &o.filters, "filters", []string{allFilter, halfFilter}, oneOf(allFilter, halfFilter), word,
		"events to watch: all, and half, which is those of one of the two tasks")
	addList(flags, &o.clients, "clients", []string{rawClient}, oneOf(clients()...), word,
		"clients to watch with: raw, which counts events without decoding them, and decode, the generated one")
	addConditions(flags, &o.conditions, 10)
	flags.BoolVar(&o.asJSON, "json", false, "print all figures of all rounds as JSON")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		b, err := newBench(cmd, o.conditions)
		if err != nil {
			return err
		}
		trials := watchTrials(o.watchers, o.variants, o.filters, o.clients)
		s, err := b.runSeries(cmd.Context(), trials, cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		if o.asJSON {
			return writeJSON(cmd.OutOrStdout(), b.conditions, s.all())
		}
		return printWatch(cmd.OutOrStdout(), b, s)
	}
	return cmd
}

func variants() []string { return []string{taskvisorVariant, blastVariant, naiveVariant} }

func clients() []string { return []string{rawClient, decodeClient} }

// watchTrials returns the trials in the order in which they are run: those that are compared come one after the other.
func watchTrials(watchers []int, variants, filters, clients []string) (trials []trial) {
	for _, n := range watchers {
		for _, client := range clients {
			for _, filter := range filters {
				for _, variant := range variants {
					if variant == blastVariant && filter != allFilter {
						continue
					}
					trials = append(trials, trial{variant, filter, client, n})
				}
			}
		}
	}
	return trials
}

func latencyCommand() *cobra.Command {
	var o struct {
		conditions
		watchers int
		client   string
		asJSON   bool
	}
	cmd := &cobra.Command{
		Use:   "latency",
		Short: "Time from the publication of an event to its arrival at many watchers",
		Long: `Time from the publication of an event, which is the time in it, to its arrival at each of many
watchers, beside a bare server that sends each event to one stream after the other and does nothing
else. Also the time that the call takes which publishes an event.`,
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	addNumber(flags, &o.watchers, "watchers", 100, 1, maxWatchers, "number of watchers")
	addNumber(flags, &o.Rate, "rate", 2000, 1, maxRate, "events published per second")
	o.client = rawClient
	flags.Var(&flagValue[string]{&o.client, oneOf(clients()...), word}, "client",
		"client to watch with: raw, which looks at the times of events only, or decode, the generated one")
	addConditions(flags, &o.conditions, 10)
	flags.BoolVar(&o.asJSON, "json", false, "print all figures of all rounds as JSON")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		b, err := newBench(cmd, o.conditions)
		if err != nil {
			return err
		}
		trials := watchTrials([]int{o.watchers}, []string{taskvisorVariant, bareVariant}, []string{allFilter}, []string{o.client})
		s, err := b.runSeries(cmd.Context(), trials, cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		if o.asJSON {
			return writeJSON(cmd.OutOrStdout(), b.conditions, s.all())
		}
		return printLatency(cmd.OutOrStdout(), b, s)
	}
	return cmd
}

func idleCommand() *cobra.Command {
	var o struct {
		conditions
		shapes []shape
		asJSON bool
	}
	cmd := &cobra.Command{
		Use:   "idle",
		Short: "Memory that a watcher costs on whose stream nothing happens",
		Long: `Memory that a watcher costs the server on whose stream nothing happens: resident memory with all
streams open, less that with one, after garbage collections, by the number of streams.

Each connection is an open file in both processes; the limit is raised to what the system allows
(ulimit -Hn).`,
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	addList(flags, &o.shapes, "shapes", []shape{{10_000, 100}, {1_000, 1_000}}, parseShape, shape.String,
		"what to open, as STREAMS/CONNECTIONS, separated by commas")
	addNumber(flags, &o.Count, "count", 5, 1, maxCount, "how often each is measured; the medians are printed")
	addNumber(flags, &o.EventBuffer, "event-buffer", supervisor.DefaultEventBuffer, minEventBuffer, maxEventBuffer, "events that the server keeps")
	flags.BoolVar(&o.asJSON, "json", false, "print all figures of all rounds as JSON")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		b, err := newBench(cmd, o.conditions)
		if err != nil {
			return err
		}
		for _, s := range o.shapes {
			if err := checkFiles(s.Conns); err != nil {
				return err
			}
		}
		rows, err := b.runShapes(cmd.Context(), o.shapes, cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		if o.asJSON {
			return writeJSON(cmd.OutOrStdout(), b.conditions, rows)
		}
		return printIdle(cmd.OutOrStdout(), b, rows)
	}
	return cmd
}

func addConditions(flags *pflag.FlagSet, c *conditions, conns int) {
	addNumber(flags, &c.Conns, "conns", conns, 1, maxWatchers, "connections that the watchers share, at most one for each")
	addNumber(flags, &c.Processes, "processes", 1, 1, maxProcesses, "processes that the watchers are divided among")
	addNumber(flags, &c.EventBuffer, "event-buffer", supervisor.DefaultEventBuffer, minEventBuffer, maxEventBuffer, "events that the server keeps")
	addDuration(flags, &c.Warmup, "warmup", 2*time.Second, "how long each trial runs before it is measured")
	addDuration(flags, &c.Window, "window", 2*time.Second, "how long each trial is measured")
	addNumber(flags, &c.Count, "count", 5, 1, maxCount, "how often each trial is run; the medians are printed")
}

func newBench(cmd *cobra.Command, c conditions) (*bench, error) {
	if err := checkFiles(c.Conns); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program, which is to run again as server and watchers: %w", err)
	}
	return &bench{launcher{[]string{self, "bench"}, cmd.ErrOrStderr()}, c}, nil
}

// document is what --json prints.
type document struct {
	Go         string     `json:"go"`
	OS         string     `json:"os"`
	Arch       string     `json:"arch"`
	CPUs       int        `json:"cpus"`
	Conditions conditions `json:"conditions"`
	Results    any        `json:"results"`
}

func writeJSON(w io.Writer, c conditions, results any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(document{runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), c, results})
}

// shown is a trial with what it has shown in each round.
type shown struct {
	trial
	Rounds []*figures `json:"rounds"`
}

func (s *series) all() (all []shown) {
	for _, t := range s.trials {
		all = append(all, shown{t, s.shown[t]})
	}
	return all
}
