package bench

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestFormats(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{number(0), "n/a"}, {number(1234.5), "1234"}, {number(12.34), "12.3"}, {number(1.234), "1.23"}, {number(0.0123), "0.012"},
		{perSecond(0), "n/a"}, {perSecond(12.3), "12.3 /s"}, {perSecond(5100), "5.10 k/s"}, {perSecond(2.345e7), "23.4 M/s"},
		{times(0), "n/a"}, {times(0.81), "0.81 ×"}, {times(22), "22.0 ×"},
		{bytesText(0), "n/a"}, {bytesText(12), "12.0 B"}, {bytesText(11.6 * 1024), "11.6 KiB"}, {bytesText(3 << 20), "3.00 MiB"},
		{bytesText(-2048), "-2.00 KiB"}, {nanosText(0), "n/a"}, {nanosText(42), "42.0 ns"}, {nanosText(1500), "1.50 µs"}, {nanosText(2.5e6), "2.50 ms"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

func TestWatchTables(t *testing.T) {
	o := watchOptions{watchers: []int{10}, variants: variants(), filters: []string{allFilter, halfFilter}, clients: []string{rawClient}}
	s := &series{trials: o.trials(), shown: map[trial][]*figures{}}
	for i, trial := range s.trials {
		v := float64(i + 1)
		s.shown[trial] = []*figures{{
			Delivered: v * 1e6, Published: v * 1e5, EventSize: 120, Lost: uint64(i), ServerCPU: v * 10, ClientCPU: v, ServerAllocs: v / 100,
			ServerBytes: v, ServerResident: v * (1 << 20), Counters: map[string]float64{"encodes": v, "gaps": 0.5},
		}}
	}
	b := &bench{conditions: conditions{Count: 1, Window: 2 * time.Second}}
	var out bytes.Buffer
	if err := printWatch(&out, b, s); err != nil {
		t.Fatal(err)
	}
	const want = `Deliveries: events that arrive at all watchers together; medians of 1, 2s each. Ratios are medians of the ratios within a round.

  client  watchers  events  taskvisor     blast     naive  t / blast  t / naive  t published  bytes/event  lost
     raw        10     all   1.00 M/s  2.00 M/s  3.00 M/s     0.50 ×     0.33 ×      100 k/s          120     3
     raw        10    half   4.00 M/s  2.00 M/s  5.00 M/s     2.00 ×     0.80 ×      400 k/s          120     8

Cost of a delivery: processor time and allocations of the server, processor time of the client; medians of 1, 2s each.

  client  watchers  events    cpu t  cpu blast  cpu naive  t / blast  allocations t  bytes t  client t  client blast
     raw        10     all  10.0 ns    20.0 ns    30.0 ns     0.50 ×           0.01     1.00   1.00 ns       2.00 ns
     raw        10    half  40.0 ns    20.0 ns    50.0 ns     2.00 ×           0.04     4.00   4.00 ns       2.00 ns

Memory of the server, and what taskvisor counts for each event published; medians of 1, 2s each.

  client  watchers  events     RSS t  RSS blast  RSS naive  encodes  gaps
     raw        10     all  1.00 MiB   2.00 MiB   3.00 MiB     1.00  0.50
     raw        10    half  4.00 MiB   2.00 MiB   5.00 MiB     4.00  0.50

`
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWhatWasNotMeasuredIsNotAvailable(t *testing.T) {
	alone := trial{taskvisorVariant, allFilter, rawClient, 1}
	s := &series{trials: []trial{alone}, shown: map[trial][]*figures{alone: {{Delivered: 5}}}}
	var out bytes.Buffer
	if err := printWatch(&out, &bench{}, s); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), missing); n < 10 {
		t.Errorf("%s", &out)
	}
}
