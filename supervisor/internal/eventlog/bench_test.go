package eventlog

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"
)

// record has the size and the make-up of the engine's event: 224 bytes with several strings.
type record struct {
	Sequence          uint64
	Time              time.Time
	Kind, Outcome     uint8
	Task, UID, Slot   string
	Reason, Line      string
	Subscriber        string
	Attempt, ExitCode uint64
	Delay, Timeout    time.Duration
	rest              [40]byte
}

func newRecordLog() *Log[record] {
	return New(4096, func(v *record, sequence uint64) { v.Sequence = sequence })
}

// BenchmarkAppend measures what readers cost the publisher: those that exist and never read, and those that read all the time.
func BenchmarkAppend(b *testing.B) {
	var base float64
	run := func(name string, readers int, follow bool) {
		b.Run(fmt.Sprintf("%s=%d", name, readers), func(b *testing.B) {
			l := newRecordLog()
			var wg sync.WaitGroup
			for range readers {
				r := l.NewReader(0)
				if follow {
					wg.Go(func() { readAll(r) })
				}
			}
			v := record{Task: "task", UID: "uid", Reason: "reason"}
			for range 3 * 4096 {
				l.Append(&v)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				l.Append(&v)
			}
			b.StopTimer()
			perOp := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
			if readers == 0 {
				base = perOp
			}
			if base > 0 {
				b.ReportMetric(perOp/base, "×0readers")
			}
			l.Close()
			wg.Wait()
		})
	}
	run("idle", 0, false)
	for _, n := range []int{1, 10, 100, 1000} {
		run("idle", n, false)
	}
	for _, n := range []int{1, 10, 100, 1000} {
		run("flood", n, true)
	}
}

func readAll(r *Reader[record]) (n uint64) {
	buf := make([]record, 64)
	for {
		k, gap, err := r.Next(context.Background(), buf)
		if err != nil {
			return n
		}
		n += uint64(k) + gap.Count()
	}
}

// BenchmarkAppendParked measures an Append while all readers are parked.
func BenchmarkAppendParked(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l := newRecordLog()
			var wg sync.WaitGroup
			for range n {
				r := l.NewReader(0)
				wg.Go(func() { readAll(r) })
			}
			v := record{Task: "task", UID: "uid", Reason: "reason"}
			var inside time.Duration
			b.ReportAllocs()
			for range b.N {
				for l.parked.size.Load() < int64(n) {
					time.Sleep(20 * time.Microsecond)
				}
				begin := time.Now()
				l.Append(&v)
				inside += time.Since(begin)
			}
			b.ReportMetric(float64(inside.Nanoseconds())/float64(b.N), "ns/Append")
			l.Close()
			wg.Wait()
		})
	}
}
