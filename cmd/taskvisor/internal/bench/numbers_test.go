package bench

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0},
		{[]float64{3}, 3},
		{[]float64{3, 1}, 2},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 1, 3, 2}, 2.5},
	} {
		before := append([]float64(nil), tt.values...)
		if got := median(tt.values); got != tt.want {
			t.Errorf("%v: got %g, want %g", tt.values, got, tt.want)
		}
		for i, v := range before {
			if tt.values[i] != v {
				t.Errorf("%v was sorted in place", before)
			}
		}
	}
}

func TestBucketsAreNarrowAndInOrder(t *testing.T) {
	last := -1
	for v := uint64(1); v < math.MaxInt64/2; v += v/100 + 1 {
		d := time.Duration(v)
		bucket := bucketOf(d)
		if bucket < last {
			t.Fatalf("%d is in bucket %d, after %d", v, bucket, last)
		}
		last = bucket
		if off := math.Abs(float64(middleOf(bucket)-d)) / float64(d); off > 1.0/histogramParts {
			t.Fatalf("the middle of the bucket of %d is %d", v, middleOf(bucket))
		}
	}
	for _, d := range []time.Duration{0, -1, math.MinInt64} {
		if bucketOf(d) != 0 {
			t.Errorf("%d is in bucket %d", d, bucketOf(d))
		}
	}
	new(histogram).add(math.MaxInt64) // panics if there is no bucket for it
}

func TestQuantiles(t *testing.T) {
	var h histogram
	for _, i := range rand.Perm(1000) {
		h.add(time.Duration(i+1) * time.Microsecond)
	}
	d := h.distribution()
	if d.total() != 1000 {
		t.Errorf("counted %d", d.total())
	}
	for q, want := range map[float64]time.Duration{0: time.Microsecond, 0.5: 501 * time.Microsecond, 0.99: 991 * time.Microsecond} {
		if got := d.quantile(q); math.Abs(float64(got-want)) > float64(want)/histogramParts {
			t.Errorf("%g: got %s, want about %s", q, got, want)
		}
	}
	if got := (distribution{}).quantile(0.5); got != 0 {
		t.Errorf("of nothing: %s", got)
	}
}

func TestDistributionsAreSubtractedAndAdded(t *testing.T) {
	var h histogram
	h.add(10)
	h.add(20)
	before := h.distribution()
	h.add(20)
	h.add(30)
	window := h.distribution().since(before)
	sum := distribution{30: 5}
	sum.add(window)
	if window.total() != 2 || window[20] != 1 || window[30] != 1 || sum[30] != 6 || sum[20] != 1 {
		t.Errorf("window %v, sum %v", window, sum)
	}
}

func TestFiguresOf(t *testing.T) {
	const second = int64(time.Second)
	before := &standing{
		server: serverReport{Usage: usage{At: 0, CPU: time.Second, Allocs: 100, Bytes: 1000, RSS: 1}, Published: 50, Counters: map[string]uint64{"encodes": 7}},
		watchers: []watcherReport{
			{Usage: usage{At: second, CPU: time.Second}, Messages: 1, Events: 1000, Bytes: 9, Lost: 2},
			{Usage: usage{At: 0}, Events: 0},
		},
	}
	after := &standing{ // two seconds later for the server and one of the processes, four for the other
		server: serverReport{Usage: usage{At: 2 * second, CPU: 2 * time.Second, Allocs: 300, Bytes: 5000, RSS: 77}, Published: 250, Counters: map[string]uint64{"encodes": 107}},
		watchers: []watcherReport{
			{Usage: usage{At: 3 * second, CPU: 2 * time.Second}, Messages: 11, Events: 1200, Bytes: 9 + 24_000, Lost: 2},
			{Usage: usage{At: 4 * second}, Events: 400, Bytes: 48_000},
		},
	}
	f := figuresOf(before, after)
	for name, tt := range map[string]struct{ got, want float64 }{
		"delivered":  {f.Delivered, 100 + 100},
		"published":  {f.Published, 100},
		"messages":   {f.Messages, 5},
		"event size": {f.EventSize, 120},
		"lost":       {float64(f.Lost), 2},
		"server cpu": {f.ServerCPU, 0.5e9 / 200},
		"client cpu": {f.ClientCPU, 0.5e9 / 200},
		"allocs":     {f.ServerAllocs, 0.5},
		"bytes":      {f.ServerBytes, 10},
		"rss":        {f.ServerResident, 77},
		"encodes":    {f.Counters["encodes"], 0.5},
	} {
		if math.Abs(tt.got-tt.want) > 1e-9*tt.want {
			t.Errorf("%s: got %g, want %g", name, tt.got, tt.want)
		}
	}
}

func TestRatiosAreTakenWithinARound(t *testing.T) {
	a, b := trial{Variant: "a"}, trial{Variant: "b"}
	s := &series{shown: map[trial][]*figures{}}
	for _, round := range [][2]float64{{10, 10}, {200, 100}, {3, 1}} { // each round is on another machine, as it were
		s.shown[a] = append(s.shown[a], &figures{Delivered: round[0], Lost: 1})
		s.shown[b] = append(s.shown[b], &figures{Delivered: round[1]})
	}
	if got := s.ratio(a, b, delivered); got != 2 {
		t.Errorf("ratio %g, want 2", got)
	}
	if got := s.median(a, delivered); got != 10 {
		t.Errorf("median %g, want 10", got)
	}
	if got := s.lost(a); got != 3 {
		t.Errorf("lost %d, want 3", got)
	}
	for _, missing := range []trial{{Variant: "c"}} {
		if r, m := s.ratio(a, missing, delivered), s.median(missing, delivered); r != 0 || m != 0 {
			t.Errorf("of what was not measured: %g, %g", r, m)
		}
	}
}
