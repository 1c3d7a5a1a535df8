package eventlog

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// record has the size and the make-up of the engine's events: 224 bytes with several strings, and a time that is put in by stamp.
type record struct {
	Sequence             uint64
	Time                 time.Time
	Task, UID, Reason    string
	Slot, Line, Follower string
	Attempt              uint64
	Timeout, Delay       time.Duration
	_                    [9]uint64
}

const benchCapacity = 4096

func newRecordLog() *Log[record] {
	return New(benchCapacity, func(v *record, sequence uint64) { v.Sequence, v.Time = sequence, time.Now() })
}

func newRecord() record {
	return record{Task: "task", UID: "0123456789abcdef", Reason: "exit code 1", Slot: "slot", Attempt: 3}
}

// lap fills the log, so that it has all of its segments.
func lap(l *Log[record]) {
	v := newRecord()
	for range benchCapacity + maxSegment {
		l.Append(&v)
	}
}

// followers are readers that read all the time, each in a goroutine, until the log is closed.
type followers struct {
	wg   sync.WaitGroup
	read atomic.Uint64 // values
}

func (f *followers) start(l *Log[record], n int) {
	for range n {
		r := l.NewReader(l.Last())
		f.wg.Go(func() {
			buf := make([]record, maxSegment)
			for {
				n, _, err := r.Next(context.Background(), buf)
				if err != nil {
					return
				}
				f.read.Add(uint64(n))
			}
		})
	}
}

// BenchmarkAppend measures an append with readers that never read and with readers that read all the time. The ratio is to appends
// without readers immediately before, so that it means something even on a machine that has other things to do.
func BenchmarkAppend(b *testing.B) {
	bench := func(name string, idle, following int) {
		b.Run(fmt.Sprintf("%s=%d", name, idle+following), func(b *testing.B) {
			l, v := newRecordLog(), newRecord()
			alone := nsAlone(l)
			readers := make([]*Reader[record], idle)
			for i := range readers {
				readers[i] = l.NewReader(0)
			}
			var f followers
			f.start(l, following)
			b.ReportAllocs()
			for b.Loop() {
				l.Append(&v)
			}
			each := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
			l.Close()
			f.wg.Wait()
			runtime.KeepAlive(readers)
			b.ReportMetric(each/alone, "×0readers")
			b.ReportMetric(float64(f.read.Load())/b.Elapsed().Seconds()/1e6, "Mreads/s")
		})
	}
	bench("readers", 0, 0)
	for _, n := range []int{1, 10, 100, 1000} {
		bench("neverReading", n, 0)
	}
	for _, n := range []int{1, 10, 100, 1000} {
		bench("flood", 0, n)
	}
}

// nsAlone returns what an append takes without readers.
func nsAlone(l *Log[record]) float64 {
	const n = 400_000
	lap(l)
	v := newRecord()
	begin := time.Now()
	for range n {
		l.Append(&v)
	}
	return float64(time.Since(begin).Nanoseconds()) / n
}

// BenchmarkAppendParked measures the append that finds all readers waiting, without the time in which they wake and come back. The
// median and the mean differ by what the operating system takes, every now and then, to wake a processor that sleeps.
func BenchmarkAppendParked(b *testing.B) {
	for _, n := range []int{0, 1, 10, 100, 1000} {
		b.Run(fmt.Sprintf("parked=%d", n), func(b *testing.B) {
			l, v := newRecordLog(), newRecord()
			lap(l)
			var f followers
			f.start(l, n)
			samples, sum, i := [4096]time.Duration{}, time.Duration(0), 0
			b.ReportAllocs()
			for b.Loop() {
				for l.parked.size.Load() < int64(n) || l.parked.kicks.Load() > 0 {
					runtime.Gosched()
				}
				begin := time.Now()
				l.Append(&v)
				took := time.Since(begin)
				samples[i%len(samples)] = took
				sum += took
				i++
			}
			l.Close()
			f.wg.Wait()
			last := samples[:min(i, len(samples))]
			slices.Sort(last)
			b.ReportMetric(float64(last[len(last)/2].Nanoseconds()), "p50-ns/append")
			b.ReportMetric(float64(sum.Nanoseconds())/float64(i), "mean-ns/append")
		})
	}
}

func BenchmarkAppendAll(b *testing.B) {
	l, v := newRecordLog(), newRecord()
	lap(l)
	for i, f := range []func(){
		func() { l.Append(&v) },
		func() { l.AppendAll(v, v) },
		func() { l.AppendAll(v, v, v) },
	} {
		b.Run(fmt.Sprintf("values=%d", i+1), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
}

func BenchmarkAppendFromManyGoroutines(b *testing.B) {
	l := newRecordLog()
	lap(l)
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for v := newRecord(); pb.Next(); {
			l.Append(&v)
		}
	})
}

func BenchmarkTryNext(b *testing.B) {
	l := newRecordLog()
	lap(l)
	for _, size := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprintf("buf=%d", size), func(b *testing.B) {
			r, buf, values := l.NewReader(0), make([]record, size), 0
			b.ReportAllocs()
			for b.Loop() {
				n, _ := r.TryNext(buf)
				if values += n; n < size {
					*r = *l.NewReader(l.Oldest() - 1)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(values), "ns/value")
		})
	}
}

// BenchmarkRoundTrip measures an append, the wake-up of one waiting reader, its read, and the answer.
func BenchmarkRoundTrip(b *testing.B) {
	l, v, answer := newRecordLog(), newRecord(), make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() { answerEach(l.NewReader(0), answer) })
	b.ReportAllocs()
	for b.Loop() {
		l.Append(&v)
		<-answer
	}
	l.Close()
	done.Wait()
}

func answerEach(r *Reader[record], answer chan<- struct{}) {
	for buf := make([]record, 1); ; answer <- struct{}{} {
		if _, _, err := r.Next(context.Background(), buf); err != nil {
			return
		}
	}
}

func TestNothingAllocatesOnceTheLogHasDoneALap(t *testing.T) {
	l, v, answer := newRecordLog(), newRecord(), make(chan struct{})
	lap(l)
	r, buf := l.NewReader(l.Last()), make([]record, 4)
	check := func(name string, f func()) {
		t.Helper()
		if got := testing.AllocsPerRun(1000, f); got != 0 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
	check("Append", func() { l.Append(&v) })
	check("AppendAll", func() { l.AppendAll(v, v, v) })
	check("TryNext", func() { l.Append(&v); r.TryNext(buf) })
	check("Next", func() { l.Append(&v); _, _, _ = r.Next(context.Background(), buf) })
	check("Ready", func() { r.Ready() })

	var done sync.WaitGroup
	waiting := l.NewReader(l.Last())
	done.Go(func() { answerEach(waiting, answer) })
	check("Next that waits", func() { l.Append(&v); <-answer })
	l.Close()
	done.Wait()
}
