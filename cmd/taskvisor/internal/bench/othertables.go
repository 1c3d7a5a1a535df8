package bench

import (
	"context"
	"fmt"
	"io"
	"strconv"
)

func latencyMedian(f *figures) float64 { return float64(f.LatencyMedian) }
func latency99(f *figures) float64     { return float64(f.Latency99) }

func printLatency(w io.Writer, b *bench, s *series) error {
	t := &table{
		title: fmt.Sprintf("Latency of an event, publication to client, at %d a second; medians of %d, %s each.", b.Rate, b.Count, b.Window),
		head:  []string{"watchers", "server", "p50", "p99", "published", "cpu/delivery", "messages", "publish p50", "p99", "lost"},
	}
	for _, trial := range s.trials {
		median := func(figure func(*figures) float64) float64 { return s.median(trial, figure) }
		t.add(strconv.Itoa(trial.Watchers), trial.Variant,
			nanosText(median(latencyMedian)), nanosText(median(latency99)),
			perSecond(median(published)), nanosText(median(serverCPU)),
			perSecond(median(func(f *figures) float64 { return f.Messages })),
			nanosText(median(func(f *figures) float64 { return float64(f.PublishMedian) })),
			nanosText(median(func(f *figures) float64 { return float64(f.Publish99) })),
			strconv.FormatUint(s.lost(trial), 10))
	}
	first, second := s.trials[0], s.trials[1]
	t.add("", first.Variant+" / "+second.Variant, times(s.ratio(first, second, latencyMedian)), times(s.ratio(first, second, latency99)),
		"", times(s.ratio(first, second, serverCPU)), "", "", "", "")
	return t.print(w)
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
