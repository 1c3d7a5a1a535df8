package supervisor

import (
	"flag"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/taskvisor/taskvisor/supervisor/internal/eventlog"
)

var (
	simSeeds = flag.Int("sim.seeds", 2000, "how many seeds TestSimulation plays")
	simSeed  = flag.Uint64("sim.seed", 0, "play this seed alone")
)

// TestSimulation plays plans that are made from seeds: random specs, bodies, additions, removals and other calls, and a shutdown, in
// virtual time. What happens is compared with a model that does the same in a plain loop, to the nanosecond. See simPlan, simModel
// and simRun.
func TestSimulation(t *testing.T) {
	first, n := rand.Uint64()>>1, *simSeeds
	if *simSeed != 0 {
		first, n = *simSeed, 1
	}
	if raceEnabled && n > 1 {
		n = max(1, n/10)
	}
	// More threads than processors: the operating system then interrupts them anywhere, and many more orders of events are seen.
	processors := runtime.GOMAXPROCS(0)
	threads := 4 * processors
	runtime.GOMAXPROCS(threads)
	defer runtime.GOMAXPROCS(processors)
	defer debug.SetGCPercent(debug.SetGCPercent(1000)) // small supervisors make garbage, and next to no heap
	var next, acts, events, unsure atomic.Uint64
	begin := time.Now()
	t.Run("shards", func(all *testing.T) {
		t := all
		for i := range min(n, threads) {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				for k := next.Add(1); k <= uint64(n) && !all.Failed(); k = next.Add(1) {
					simulate(t, first+k-1, &acts, &events, &unsure)
				}
			})
		}
	})
	t.Logf("%d seeds, %d to %d in %s: %d acts, %d events; %d seeds without an exact answer",
		min(next.Load(), uint64(n)), first, first+uint64(n)-1, time.Since(begin).Round(time.Millisecond), acts.Load(), events.Load(), unsure.Load())
}

// simulate plays one seed.
func simulate(t *testing.T, seed uint64, acts, events, unsure *atomic.Uint64) {
	defer func() { // synctest.Test does not return from a failure
		if t.Failed() {
			often := ""
			if seed%2 == 0 {
				often = " -count=1000 -failfast" // a crowd goes another way each time
			}
			t.Logf("repeat: go test ./supervisor -run 'TestSimulation$' -sim.seed %d%s", seed, often)
		}
	}()
	plan := newSimPlan(seed, seed%2 == 0)
	var m *simModel
	if !plan.crowd {
		m = predict(plan)
	}
	synctest.Test(t, func(t *testing.T) {
		s, err := New(plan.config)
		if err != nil {
			t.Fatal(err)
		}
		if plan.crowd {
			unsettle(s)
		}
		r := &simRun{rig: &rig{Supervisor: s, t: t, began: time.Now()}, plan: plan}
		r.play()
		checkLog(t, r.events)
		r.checkOrder()
		switch {
		case plan.crowd:
			r.checkCrowd()
		case m.unsure:
			unsure.Add(1)
		default:
			r.compare(m)
		}
		r.checkOver()
		acts.Add(uint64(len(plan.acts)))
		events.Add(uint64(len(r.events)))
	})
}

// unsettle makes whoever publishes an event let others run first, now and then, with all its locks held: they pile up in front of these, and go on
// in an order that they would hardly ever have come to otherwise.
func unsettle(s *Supervisor) {
	s.log = eventlog.New(s.config.EventBuffer, func(e *Event, sequence uint64) {
		s.stampEvent(e, sequence)
		for range rand.IntN(4) {
			runtime.Gosched()
		}
	})
}
