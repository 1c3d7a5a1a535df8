package bench

import (
	"slices"
	"strconv"

	"github.com/spf13/cobra"
)

// watchOptions are the flags of "bench watch".
type watchOptions struct {
	conditions
	watchers                   []int
	variants, filters, clients []string
	asJSON                     bool
}

const watchHelp = `Deliveries per second to many watchers, and the cost of each, beside two other servers:

  taskvisor  the supervisor and its server, as the daemon makes them. Two tasks write lines of
             output; the events have about 120 bytes.
  blast      gRPC alone: one message of 64 KiB, encoded once, again and again. It pays no heed to
             filters, so figures with a filter are compared with the blast without.
  naive      a channel for each watcher, one message and one encoding for each event and watcher.

Nothing is lost: the publishers of taskvisor and naive stay at most half of the event buffer ahead of
the slowest watcher, as counted by the watchers themselves. Events that were lost all the same are
counted and printed. All trials are run once, then all again, --count times; that takes minutes.

What a publisher may be ahead it has published before anything is held up. So a trial warms up for
longer than --warmup if the watchers have not received that much by then, half a minute at most.`

func watchCommand() *cobra.Command {
	var o watchOptions
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Deliveries per second to many watchers, and the cost of each",
		Long:  watchHelp,
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	flags := cmd.Flags()
	number := func(s string) (int, error) { return parseNumber(s, 1, maxWatchers) }
	addList(flags, &o.watchers, "watchers", []int{1, 10, 100, 1000}, number, strconv.Itoa, "numbers of watchers, separated by commas")
	addList(flags, &o.variants, "variants", variants(), oneOf(variants()...), word, "servers to measure: some of taskvisor, blast, naive")
	addList(flags, &o.filters, "filters", []string{allFilter, halfFilter}, oneOf(allFilter, halfFilter), word,
		"events to watch: all, and half, which is those of one of the two tasks")
	addList(flags, &o.clients, "clients", []string{rawClient}, oneOf(clients()...), word,
		"clients to watch with: raw, which counts events without decoding them, and decode, the generated one")
	addConditions(flags, &o.conditions)
	flags.BoolVar(&o.asJSON, "json", false, "print all figures of all rounds as JSON")
	return cmd
}

func (o *watchOptions) run(cmd *cobra.Command) error {
	for _, n := range o.watchers {
		if err := checkConns(n, o.Conns); err != nil {
			return err
		}
	}
	b, err := newBench(&o.conditions)
	if err != nil {
		return err
	}
	s, err := b.runSeries(cmd.Context(), o.trials(), cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	if o.asJSON {
		return writeJSON(cmd.OutOrStdout(), &b.conditions, s.all())
	}
	return printWatch(cmd.OutOrStdout(), b, s)
}

func variants() []string { return []string{taskvisorVariant, blastVariant, naiveVariant} }

func clients() []string { return []string{rawClient, decodeClient} }

// trials returns the trials in the order in which they are run: those that are compared come one after the other.
func (o *watchOptions) trials() (trials []trial) {
	for _, n := range o.watchers {
		for _, client := range o.clients {
			for _, filter := range o.filters {
				for _, variant := range o.variants {
					t := trial{variant, filter, client, n}
					if variant == blastVariant {
						t.Filter = allFilter // it sends the same with any
					}
					if !slices.Contains(trials, t) {
						trials = append(trials, t)
					}
				}
			}
		}
	}
	return trials
}
