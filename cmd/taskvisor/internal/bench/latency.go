package bench

import (
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"
)

// latencyOptions are the flags of "bench latency".
type latencyOptions struct {
	conditions
	watchers int
	client   string
	asJSON   bool
}

const latencyHelp = `Time from the publication of an event, which is the time in it, to its arrival at each of many
watchers, beside a bare server that sends each event to one stream after the other and does nothing
else. Also the time that the call takes which publishes an event; in the bare server, that call sends.`

func latencyCommand() *cobra.Command {
	o := latencyOptions{client: rawClient}
	cmd := &cobra.Command{
		Use:   "latency",
		Short: "Time from the publication of an event to its arrival at many watchers",
		Long:  latencyHelp,
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	flags := cmd.Flags()
	addNumber(flags, &o.watchers, "watchers", 100, 1, maxWatchers, "number of watchers")
	addNumber(flags, &o.Rate, "rate", 2000, 1, maxRate, "events published per second")
	flags.Var(&flagValue[string]{&o.client, "word", oneOf(clients()...), word}, "client",
		"client to watch with: raw, which looks at the times of events only, or decode, the generated one")
	addConditions(flags, &o.conditions)
	flags.BoolVar(&o.asJSON, "json", false, "print all figures of all rounds as JSON")
	return cmd
}

func (o *latencyOptions) run(cmd *cobra.Command) error {
	if err := checkConns(o.watchers, o.Conns); err != nil {
		return err
	}
	b, err := newBench(&o.conditions)
	if err != nil {
		return err
	}
	with := trial{taskvisorVariant, allFilter, o.client, o.watchers}
	without := with
	without.Variant = bareVariant
	s, err := b.runSeries(cmd.Context(), []trial{with, without}, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	if o.asJSON {
		return writeJSON(cmd.OutOrStdout(), &b.conditions, s.all())
	}
	return printLatency(cmd.OutOrStdout(), b, s, with, without)
}

// Figures that the table has.
func latencyMedian(f *figures) float64 { return float64(f.LatencyMedian) }
func latency99(f *figures) float64     { return float64(f.Latency99) }
func publishMedian(f *figures) float64 { return float64(f.PublishMedian) }
func publish99(f *figures) float64     { return float64(f.Publish99) }

func printLatency(w io.Writer, b *bench, s *series, with, without trial) error {
	t := &table{
		title: fmt.Sprintf("Latency of an event, publication to client, at %d a second; medians of %d, %s each.", b.Rate, b.Count, b.Window),
		head:  []string{"watchers", "server", "p50", "p99", "published", "messages", "cpu/delivery", "publish p50", "p99", "lost"},
	}
	for _, trial := range []trial{with, without} {
		t.add(strconv.Itoa(trial.Watchers), trial.Variant,
			nanosText(s.median(trial, latencyMedian)), nanosText(s.median(trial, latency99)),
			perSecond(s.median(trial, published)), perSecond(s.median(trial, messages)), nanosText(s.median(trial, serverCPU)),
			nanosText(s.median(trial, publishMedian)), nanosText(s.median(trial, publish99)),
			strconv.FormatUint(s.lost(trial), 10))
	}
	t.add("", with.Variant+" / "+without.Variant,
		times(s.ratio(with, without, latencyMedian)), times(s.ratio(with, without, latency99)),
		"", "", times(s.ratio(with, without, serverCPU)), "", "", "")
	return t.print(w)
}
