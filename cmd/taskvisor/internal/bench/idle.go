package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"
)

// idleOptions are the flags of "bench idle".
type idleOptions struct {
	conditions
	shapes []shape
	asJSON bool
}

// shape is how many idle streams there are, and on how many connections.
type shape struct {
	Streams int `json:"streams"`
	Conns   int `json:"connections"`
}

func (s shape) String() string { return fmt.Sprintf("%d/%d", s.Streams, s.Conns) }

const idleHelp = `Memory that a watcher costs the server on whose stream nothing happens: resident memory with all
streams open, less that with one, divided by the number of streams. Both are taken after as many
garbage collections as still give memory back.

Each connection is an open file in both processes, beside some 50 others; the limit is raised to what
the system allows (ulimit -Hn).`

func idleCommand() *cobra.Command {
	var o idleOptions
	cmd := &cobra.Command{
		Use:   "idle",
		Short: "Memory that a watcher costs on whose stream nothing happens",
		Long:  idleHelp,
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	flags := cmd.Flags()
	addList(flags, &o.shapes, "shapes", []shape{{10_000, 100}, {1_000, 1_000}}, parseShape, shape.String,
		"what to open, as STREAMS/CONNECTIONS, separated by commas")
	addRepetition(flags, &o.conditions)
	flags.BoolVar(&o.asJSON, "json", false, "print all figures of all rounds as JSON")
	return cmd
}

func (o *idleOptions) run(cmd *cobra.Command) error {
	for _, s := range o.shapes {
		if err := checkConns(s.Streams, s.Conns); err != nil {
			return err
		}
	}
	b, err := newBench(&o.conditions)
	if err != nil {
		return err
	}
	rows, err := b.runShapes(cmd.Context(), o.shapes, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	if o.asJSON {
		return writeJSON(cmd.OutOrStdout(), &b.conditions, rows)
	}
	return printIdle(cmd.OutOrStdout(), b, rows)
}

// idleFigures are what an idle stream costs a server, in bytes.
type idleFigures struct {
	Resident float64 `json:"rss_bytes_per_stream"`
	Heap     float64 `json:"heap_bytes_per_stream"`
	Stacks   float64 `json:"stack_bytes_per_stream"`
}

// idleRow is what a shape has shown in each round.
type idleRow struct {
	shape
	Rounds []*idleFigures `json:"rounds"`
}

func (b *bench) runShapes(ctx context.Context, shapes []shape, progress io.Writer) ([]idleRow, error) {
	rows := make([]idleRow, len(shapes))
	for round := range b.Count {
		for i, s := range shapes {
			f, err := b.runIdle(ctx, s)
			if err != nil {
				return nil, fmt.Errorf("%d streams on %d connections: %w", s.Streams, s.Conns, err)
			}
			rows[i].shape = s
			rows[i].Rounds = append(rows[i].Rounds, f)
			fmt.Fprintf(progress, "round %d of %d: %d streams on %d connections: %s each\n", round+1, b.Count, s.Streams, s.Conns, bytesText(f.Resident))
		}
	}
	return rows, nil
}

// runIdle opens streams on which nothing happens, and compares the memory of the server with what it was before. A first stream before that pays
// for what a server makes once.
func (b *bench) runIdle(ctx context.Context, s shape) (*idleFigures, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 4*startPatience, errTooLong)
	defer cancel()
	var ready serverReady
	server, err := b.start(ctx, serverRole, &serverPlan{
		Variant: taskvisorVariant, EventBuffer: b.EventBuffer, Streams: s.Streams + 1, Window: b.EventBuffer, Of: 1, Processes: 1,
	}, &ready)
	if err != nil {
		return nil, err
	}
	e := &ensemble{server: server}
	defer e.stop()
	before, err := b.openIdle(ctx, e, ready, shape{1, 1})
	if err != nil {
		return nil, err
	}
	after, err := b.openIdle(ctx, e, ready, s)
	if err != nil {
		return nil, err
	}
	perStream := func(from, to uint64) float64 { return (float64(to) - float64(from)) / float64(s.Streams) }
	return &idleFigures{
		Resident: perStream(before.RSS, after.RSS), Heap: perStream(before.Heap, after.Heap), Stacks: perStream(before.Stacks, after.Stacks),
	}, nil
}

// openIdle opens streams and returns what the server uses with them.
func (b *bench) openIdle(ctx context.Context, e *ensemble, ready serverReady, s shape) (*usage, error) {
	watchers, err := b.start(ctx, watcherRole, &watcherPlan{Server: ready, Streams: s.Streams, Conns: s.Conns, Of: 1}, nil)
	if err != nil {
		return nil, err
	}
	e.watchers = append(e.watchers, watchers)
	var report serverReport
	if err := e.server.ask(doCollect, &report); err != nil {
		return nil, err
	}
	if report.Usage.RSS == 0 {
		return nil, errors.New("this system does not tell how much memory a process has; on Linux it would")
	}
	return &report.Usage, nil
}

func printIdle(w io.Writer, b *bench, rows []idleRow) error {
	t := &table{
		title: fmt.Sprintf("Memory of the server for each idle watcher; medians of %d.", b.Count),
		head:  []string{"streams", "connections", "RSS", "heap", "stacks"},
	}
	for _, row := range rows {
		median := func(figure func(*idleFigures) float64) string {
			var values []float64
			for _, f := range row.Rounds {
				values = append(values, figure(f))
			}
			return bytesText(median(values))
		}
		t.add(strconv.Itoa(row.Streams), strconv.Itoa(row.Conns),
			median(func(f *idleFigures) float64 { return f.Resident }),
			median(func(f *idleFigures) float64 { return f.Heap }),
			median(func(f *idleFigures) float64 { return f.Stacks }))
	}
	return t.print(w)
}
