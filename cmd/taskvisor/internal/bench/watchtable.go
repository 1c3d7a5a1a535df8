package bench

import (
	"fmt"
	"io"
	"slices"
	"strconv"
)

// Figures that the tables compare.
func delivered(f *figures) float64    { return f.Delivered }
func published(f *figures) float64    { return f.Published }
func messages(f *figures) float64     { return f.Messages }
func eventSize(f *figures) float64    { return f.EventSize }
func serverCPU(f *figures) float64    { return f.ServerCPU }
func clientCPU(f *figures) float64    { return f.ClientCPU }
func serverAllocs(f *figures) float64 { return f.ServerAllocs }
func serverBytes(f *figures) float64  { return f.ServerBytes }
func resident(f *figures) float64     { return f.ServerResident }

// group is trials that differ in their variant alone.
type group struct {
	client, filter string
	watchers       int
}

func (g group) trial(variant string) trial {
	return trial{Variant: variant, Filter: g.filter, Client: g.client, Watchers: g.watchers}
}

// blast returns what the group is compared with: a blast pays no heed to filters, so there is one without only.
func (g group) blast() trial {
	g.filter = allFilter
	return g.trial(blastVariant)
}

// groups returns the groups of a series, in its order.
func (s *series) groups() (groups []group) {
	for _, t := range s.trials {
		g := group{t.Client, t.Filter, t.Watchers}
		if !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	slices.SortStableFunc(groups, func(a, b group) int {
		return slices.Index(clients(), a.client) - slices.Index(clients(), b.client)
	})
	return groups
}

func printWatch(w io.Writer, b *bench, s *series) error {
	rule := fmt.Sprintf("medians of %d, %s each", b.Count, b.Window)
	speed := &table{
		title: "Deliveries: events that arrive at all watchers together; " + rule + ". Ratios are medians of the ratios within a round.",
		head: []string{"client", "watchers", "events", "taskvisor", "blast", "naive", "t / blast", "t / naive",
			"t published", "bytes/event", "lost"},
	}
	cost := &table{
		title: "Cost of a delivery: processor time and allocations of the server, processor time of the client; " + rule + ".",
		head: []string{"client", "watchers", "events", "cpu t", "cpu blast", "cpu naive", "t / blast", "allocations t", "bytes t",
			"client t", "client blast"},
	}
	rest := &table{
		title: "Memory of the server, and what taskvisor counts for each event published; " + rule + ".",
		head:  append([]string{"client", "watchers", "events", "RSS t", "RSS blast", "RSS naive"}, counterNames(s)...),
	}
	for _, g := range s.groups() {
		label := []string{g.client, strconv.Itoa(g.watchers), g.filter}
		speed.add(append(label, speedCells(s, g)...)...)
		cost.add(append(label, costCells(s, g)...)...)
		rest.add(append(label, restCells(s, g)...)...)
	}
	for _, t := range []*table{speed, cost, rest} {
		if err := t.print(w); err != nil {
			return err
		}
	}
	return nil
}

func speedCells(s *series, g group) []string {
	t, blast, naive := g.trial(taskvisorVariant), g.blast(), g.trial(naiveVariant)
	return []string{
		perSecond(s.median(t, delivered)), perSecond(s.median(blast, delivered)), perSecond(s.median(naive, delivered)),
		times(s.ratio(t, blast, delivered)), times(s.ratio(t, naive, delivered)),
		perSecond(s.median(t, published)), number(s.median(t, eventSize)),
		strconv.FormatUint(s.lost(t)+s.lost(naive)+s.lost(blast), 10),
	}
}

func costCells(s *series, g group) []string {
	t, blast, naive := g.trial(taskvisorVariant), g.blast(), g.trial(naiveVariant)
	return []string{
		nanosText(s.median(t, serverCPU)), nanosText(s.median(blast, serverCPU)), nanosText(s.median(naive, serverCPU)),
		times(s.ratio(t, blast, serverCPU)),
		number(s.median(t, serverAllocs)), number(s.median(t, serverBytes)),
		nanosText(s.median(t, clientCPU)), nanosText(s.median(blast, clientCPU)),
	}
}

// counterNames returns what any server of the series counts; at least the one that matters most.
func counterNames(s *series) []string {
	names := []string{"encodes"}
	for _, shown := range s.shown {
		for _, f := range shown {
			for name := range f.Counters {
				if !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	slices.Sort(names[1:])
	return names
}

func restCells(s *series, g group) []string {
	t, blast, naive := g.trial(taskvisorVariant), g.blast(), g.trial(naiveVariant)
	cells := []string{bytesText(s.median(t, resident)), bytesText(s.median(blast, resident)), bytesText(s.median(naive, resident))}
	for _, name := range counterNames(s) {
		cells = append(cells, number(s.median(t, func(f *figures) float64 { return f.Counters[name] })))
	}
	return cells
}
