package server

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/test/bufconn"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
)

var (
	stormEvents = flag.Uint64("storm.events", 40_000, "how many events TestStorm publishes")
	stormSeed   = flag.Uint64("storm.seed", 0, "play this seed in TestStorm")
)

// TestStorm checks the one promise that all others are for: whatever happens to a stream, each event that it selects is delivered exactly once or
// covered by a gap. A publisher writes as fast as it may, a dozen watchers with all kinds of filters, starts and speeds leave, lose their connection,
// stall and resume at random, and each compares every byte that it gets with what the log of the engine had. See storm, ledger and
// stormWatcher.
//
// The seed fixes what everybody is up to, but not how the scheduler mixes it.
func TestStorm(t *testing.T) {
	seed := *stormSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	// Of a log of 16 events nearly all is gaps, and a resume is nearly always too late; that takes its time.
	all := *stormEvents
	small, smallest := min(all/5, 2_000_000), min(all/20, 100_000)
	for ring, events := range map[int]uint64{1 << 12: all - small - smallest, 1 << 9: small, 1 << 4: smallest} {
		t.Run(fmt.Sprint("log of ", ring), func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Logf("repeat: go test ./server -run 'TestStorm$' -count=100 -failfast -storm.seed %d -storm.events %d", seed, all)
				}
			}()
			newStorm(t, ring, seed).blow(events)
		})
	}
}

// storm is a server with a publisher and watchers.
type storm struct {
	t        *testing.T
	ring     uint64
	sup      *supervisor.Supervisor
	server   *Server
	listener *bufconn.Listener
	rng      *rand.Rand // of the publisher
	ledger   *ledger
	watchers []*stormWatcher
	bodies   map[string]context.Context // of the tasks whose lines are published
	line     int                        // number of the last line

	closing atomic.Bool // nothing more is published, and nobody leaves or stalls any more
	failed  atomic.Bool // all give up

	mu      sync.Mutex // of changed
	changed *sync.Cond // something that await may look for has happened
}

// stormTasks are the tasks whose lines are published, and their labels.
var stormTasks = map[string]map[string]string{"even": {"parity": "even"}, "odd": {"parity": "odd"}, "rare": nil}

func newStorm(t *testing.T, ring int, seed uint64) *storm {
	s := &storm{t: t, ring: uint64(ring), listener: bufconn.Listen(1 << 16), rng: rand.New(rand.NewPCG(seed, 0)), bodies: map[string]context.Context{}}
	s.changed = sync.NewCond(&s.mu)
	s.sup = must(supervisor.New(supervisor.Config{EventBuffer: ring, OutputRate: 1 << 30, OutputBurst: 1 << 30, RetainedTasks: 10}))
	s.server = New(s.sup, nil, Config{Logger: slog.New(slog.DiscardHandler), DrainTimeout: time.Minute})
	s.ledger = newLedger()
	reader := must(s.sup.Read(s.sup.Cursor()))
	uids := map[string]supervisor.UID{}
	for name, labels := range stormTasks {
		uids[name] = s.addBody(name, labels)
	}
	s.ledger.filters = newStormFilters(uids)
	for i := range 2 * len(s.ledger.filters) {
		s.watchers = append(s.watchers, newStormWatcher(s, i, rand.New(rand.NewPCG(seed, uint64(i+1)))))
	}
	go s.record(reader)
	return s
}

// addBody adds a task that lends its context to the publisher.
func (s *storm) addBody(name string, labels map[string]string) supervisor.UID {
	running := make(chan context.Context)
	snap, err := s.sup.Add(s.t.Context(), supervisor.Spec{
		Name: name, Labels: labels, CaptureOutput: true, Task: supervisor.TaskFunc(func(ctx context.Context) error {
			running <- ctx
			<-ctx.Done()
			return ctx.Err()
		}),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.bodies[name] = <-running
	return snap.UID
}

// record writes what the log has into the ledger. The publisher waits for it, so that it never loses anything.
func (s *storm) record(reader *supervisor.Reader) {
	buf := make([]supervisor.Event, 256)
	for {
		n, gap, err := reader.Next(context.Background(), buf)
		if err != nil { // the end
			return
		}
		if !gap.IsZero() {
			s.fail("the ledger lost %v", gap)
		}
		for i := range buf[:n] {
			s.ledger.write(&buf[i])
		}
		s.notify()
	}
}

// blow publishes events, waits until all watchers have them, and shuts down: then each has to have all, up to the verdict.
func (s *storm) blow(events uint64) {
	var serving, watching sync.WaitGroup
	serving.Go(func() {
		if err := s.server.NewGRPCServer().Serve(s.listener); err != nil {
			s.fail("serve: %v", err)
		}
	})
	for _, w := range s.watchers {
		watching.Go(w.live)
	}
	s.await(func() bool {
		return s.ledger.latest.Load() >= s.sup.Cursor().Sequence && s.all(func(w *stormWatcher) bool { return w.started.Load() })
	})
	begin := time.Now()
	for s.sup.Cursor().Sequence < events && !s.failed.Load() {
		s.burst()
	}
	s.closing.Store(true)
	s.notify()
	latest := s.sup.Cursor().Sequence
	s.await(func() bool {
		return s.all(func(w *stormWatcher) bool { return w.reading.Load() && w.position.Load() >= latest })
	})
	if err := s.server.Shutdown(context.Background()); err != nil {
		s.fail("shut down: %v", err)
	}
	watching.Wait()
	serving.Wait()
	s.report(time.Since(begin))
}

// burst publishes some events, and waits until whoever reads without a pause can take as many again before the log has turned over; now and then
// it does not wait for them.
func (s *storm) burst() {
	for left := 1 + s.rng.Uint64N(max(1, s.ring/2)); left > 0; {
		left -= min(left, s.run(left))
	}
	if s.rng.IntN(40) == 0 {
		s.addShort()
	}
	latest, sprint := s.sup.Cursor().Sequence, s.rng.IntN(16) == 0
	s.await(func() bool {
		return s.ledger.latest.Load() >= latest && s.all(func(w *stormWatcher) bool {
			position := w.position.Load()
			return position+ledgerSize/2 >= latest && (sprint || !w.steady || !w.reading.Load() || position+s.ring/2 >= latest)
		})
	})
}

// run publishes a few lines of one task, at most limit, and returns how many. That decides of how many pieces the messages of filtered
// streams are made, and by which way they go.
func (s *storm) run(limit uint64) uint64 {
	name := "even"
	if s.line%2 == 1 {
		name = "odd"
	}
	n := uint64(1)
	switch s.rng.IntN(40) {
	case 0:
		name = "rare"
	case 1:
		n = min(limit, 1+s.rng.Uint64N(500))
	default:
	}
	for range n {
		s.line++
		line := fmt.Sprint("line ", s.line)
		if s.rng.IntN(500) == 0 {
			line = strings.Repeat("x", s.rng.IntN(supervisor.MaxLine))
		}
		supervisor.OutputLine(s.bodies[name], supervisor.Stdout, line)
	}
	return n
}

// addShort lets a task live its life.
func (s *storm) addShort() {
	snap, err := s.sup.Add(context.Background(), supervisor.Spec{Name: "short", Task: supervisor.TaskFunc(func(context.Context) error { return nil })})
	if err == nil {
		_, err = s.sup.Wait(context.Background(), supervisor.ByUID(snap.UID))
	}
	if err != nil {
		s.fail("a short task: %v", err)
	}
}

// all reports whether ok is true for all watchers.
func (s *storm) all(ok func(*stormWatcher) bool) bool {
	for _, w := range s.watchers {
		if !ok(w) {
			return false
		}
	}
	return true
}

// await waits for something that notify is called after, or a failure.
func (s *storm) await(happened func() bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !happened() && !s.failed.Load() {
		s.changed.Wait()
	}
}

func (s *storm) notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed.Broadcast()
}

// fail may be called from any goroutine. All others give up.
func (s *storm) fail(format string, args ...any) {
	s.t.Errorf(format, args...)
	s.failed.Store(true)
	for _, w := range s.watchers {
		w.leave()
	}
	s.notify()
}

// report checks the figures of the server, and tells what has happened. A long storm in which nothing went wrong proves nothing; in a short
// one that is up to chance.
func (s *storm) report(took time.Duration) {
	stats, events := s.server.Stats(), s.sup.Cursor().Sequence
	if stats.Streams != 0 || stats.Encoded > events {
		s.t.Errorf("after %d events: %+v", events, stats)
	}
	var sum stormFigures
	for _, w := range s.watchers {
		sum.add(&w.figures)
	}
	if events >= 1_000_000 && (sum.resumed == 0 || sum.gaps == 0 || sum.snapshots == 0 || sum.stalls == 0) {
		s.t.Errorf("too little has happened: %+v", sum)
	}
	s.t.Logf("%d events in %v (%.0f/s), encoded %d times: %+v", events, took.Round(time.Millisecond), float64(events)/took.Seconds(), stats.Encoded, sum)
}

// dial returns a connection to the server.
func (s *storm) dial(ctx context.Context) (net.Conn, error) { return s.listener.DialContext(ctx) }

// stormFilter is a filter, and what it means.
type stormFilter struct {
	wire    *pb.EventFilter
	selects func(e *supervisor.Event) bool
	seldom  bool // its streams get next to nothing
}

func newStormFilters(uids map[string]supervisor.UID) []stormFilter {
	return []stormFilter{
		{nil, func(*supervisor.Event) bool { return true }, false},
		{&pb.EventFilter{Names: []string{"ev*"}}, func(e *supervisor.Event) bool { return e.Task == "even" }, false},
		{&pb.EventFilter{Uids: []string{uids["odd"].String()}}, func(e *supervisor.Event) bool { return e.Task == "odd" }, false},
		{&pb.EventFilter{LabelSelector: "parity"}, func(e *supervisor.Event) bool { return e.Task == "even" || e.Task == "odd" }, false},
		{&pb.EventFilter{Names: []string{"rare"}}, func(e *supervisor.Event) bool { return e.Task == "rare" }, true},
		{
			&pb.EventFilter{Kinds: []pb.EventKind{pb.EventKind_EVENT_KIND_TASK_REMOVED, pb.EventKind_EVENT_KIND_ALL_STOPPED_WITHIN_GRACE}},
			func(e *supervisor.Event) bool {
				return e.Kind == supervisor.TaskRemoved || e.Kind == supervisor.AllStoppedWithinGrace
			}, true,
		},
		{&pb.EventFilter{Names: []string{"nobody"}}, func(*supervisor.Event) bool { return false }, true},
	}
}
