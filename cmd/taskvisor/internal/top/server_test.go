package top

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/server/servertest"
	"github.com/taskvisor/taskvisor/supervisor"
)

// place is where a server is, most of the time. It is for bubbles.
type place struct {
	t      *testing.T
	engine supervisor.Config
	server *servertest.Harness // the present one

	mu       sync.Mutex        // guards what is below
	listener *bufconn.Listener // nil: nobody is there
	conns    []net.Conn
}

func newPlace(t *testing.T, engine supervisor.Config) *place {
	p := &place{t: t, engine: engine}
	p.start()
	return p
}

// start puts another server there.
func (p *place) start() {
	quiet := servertest.WithServer(server.Config{Logger: slog.New(slog.DiscardHandler)})
	p.server = servertest.New(p.t, quiet, servertest.WithEngine(p.engine), servertest.WithoutLeakCheck())
	g, listener := p.server.Server.NewGRPCServer(), bufconn.Listen(1<<16)
	go func() { _ = g.Serve(listener) }() // ends with the server
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listener = listener
}

func (p *place) dial(ctx context.Context, _ string) (net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener == nil {
		return nil, errors.New("connection refused")
	}
	conn, err := p.listener.DialContext(ctx)
	p.conns = append(p.conns, conn)
	return conn, err
}

// leave breaks the connections, and lets nobody in.
func (p *place) leave() (back func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	listener := p.listener
	p.listener = nil
	for _, conn := range p.conns {
		_ = conn.Close() // nothing else can go wrong with it
	}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.listener = listener
	}
}

// live is a model whose source is a server; Bubble Tea is left out.
type live struct {
	*place
	source *remote
	ended  chan struct{} // closed when the model quits

	mu    sync.Mutex // guards bench
	bench *bench
}

// show shows the server on a screen until the test ends.
func show(t *testing.T, p *place, filter *pb.EventFilter) *live {
	c, err := client.Dial("passthrough:///place", client.WithGRPC(grpc.WithContextDialer(p.dial)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	config := Config{Client: c, Words: &testWords{}, Server: "there", Filter: filter}
	l := &live{place: p, source: &remote{ctx: ctx, config: config, feed: newFeed()}, ended: make(chan struct{})}
	l.bench = &bench{model: newModel(l.source, config), t: t}
	l.bench.width, l.bench.height = 100, 30
	t.Cleanup(func() {
		cancel()
		l.source.close()
		_ = c.Close() // the test is over
	})
	l.run(l.bench.Init())
	synctest.Wait()
	return l
}

func (l *live) run(cmd tea.Cmd) {
	if cmd != nil {
		go func() { l.send(cmd()) }()
	}
}

func (l *live) send(msg tea.Msg) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch msg := msg.(type) {
	case nil:
	case tea.BatchMsg:
		for _, cmd := range msg {
			l.run(cmd)
		}
	case tea.QuitMsg:
		close(l.ended)
	default:
		_, cmd := l.bench.Update(msg)
		l.run(cmd)
	}
}

func (l *live) press(keys ...string) {
	for _, key := range keys {
		l.send(keyPress(key))
	}
	l.pass(frameTime)
}

// pass lets time pass, and what is due then happen.
func (l *live) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (l *live) expect(words ...string) {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bench.expect(words...)
}

func (l *live) expectNot(words ...string) {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bench.expectNot(words...)
}

func steadily(d time.Duration) func(*pb.TaskSpec) {
	return func(s *pb.TaskSpec) {
		s.Backoff = &pb.BackoffPolicy{First: durationpb.New(d), Max: durationpb.New(d), Jitter: pb.Jitter_JITTER_NONE}
	}
}

// TestWhatHappenedBeforeIsShown begins when all has happened already.
func TestWhatHappenedBeforeIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, supervisor.Config{})
		p.server.Add("flaky", servertest.Fail, steadily(10*time.Second))
		p.server.Add("gone", servertest.Succeed)
		time.Sleep(45 * time.Second)
		l := show(t, p, nil)
		l.pass(time.Second)
		l.expect("● live", "1 task  1 failing", "▁▁▁▁", "4s", "it failed", "task-failed", "00:00:40  task-starting")
		l.pass(5 * time.Second)
		l.expect("▁▁▁▁▁", "9s")
		l.press("enter")
		l.expect("flaky: backoff", "Attempt 6 says: it failed")
		l.press("esc", "/", "g", "o", "n", "e")
		l.expect("task-add-requested", "task-removed")
	})
}

// TestOutlivingTheServer has the connection break, events be lost, and another server come.
func TestOutlivingTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, supervisor.Config{EventBuffer: 64})
		p.server.Add("first", servertest.Wait)
		l := show(t, p, nil)
		l.pass(time.Second)
		l.expect("▸ first", "● live")

		back := p.leave()
		l.pass(time.Second)
		l.expect("○ reconnecting", "as of 00:00:01", "in words:", "▸ first")
		back()
		l.pass(10 * time.Second)
		l.expect("● live")
		l.pass(time.Second)
		l.expectNot("in words:", "gap")

		back = p.leave()
		for i := range 100 {
			p.server.Add(fmt.Sprintf("t-%d", i), servertest.Succeed)
		}
		time.Sleep(time.Second)
		back()
		l.pass(12 * time.Second)
		l.expect("● live", "── gap of ")

		p.leave()
		p.start()
		p.server.Add("second", servertest.Wait)
		l.pass(12 * time.Second)
		l.expect("● live", "── server restarted; what happened last is lost ──", "▸ second")
		l.expectNot("▸ first")
	})
}

func TestRemovingForReal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, supervisor.Config{})
		p.server.Add("a", servertest.Wait)
		release := make(chan struct{})
		p.server.Define("stubborn", func(ctx context.Context) error {
			<-ctx.Done()
			<-release
			return nil
		})
		p.server.Add("b", "stubborn")
		l := show(t, p, nil)
		l.pass(time.Second)
		l.press("d", "y")
		l.expect("a has ended", "1 task", "ended:  1 canceled")
		l.press("d", "y")
		l.expect("stopping b…", "▸ b             stopping")
		l.pass(time.Hour)
		l.expect("b was not removed: in words:", "1 stuck")
		close(release)
		l.pass(time.Second)
		l.expect("0 tasks")
	})
}

func TestFilteringForReal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, supervisor.Config{})
		for _, name := range []string{"db", "web/a", "web/b"} {
			p.server.Add(name, servertest.Wait)
		}
		l := show(t, p, &pb.EventFilter{Names: []string{"web/*"}})
		l.pass(time.Second)
		l.expect("2 tasks")
		l.expectNot("db")
		l.press("/", "*", "/", "b", "enter")
		l.pass(time.Second)
		l.expect("1 task", "▸ web/b")
		l.press("/", "[", "enter")
		l.pass(time.Second)
		l.expect("in words:", "filter: */b[", "▸ web/b")
		l.press("esc", "esc")
		l.pass(time.Second)
		l.expect("3 tasks")
	})
}

func TestAFaultOfTheFollowIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s := &remote{ctx: ctx, feed: newFeed()} // without a client
		s.follow(1, nil)
		n, ok := s.next()
		if !ok || n.err == nil || !strings.Contains(n.err.Error(), "this is a fault of this program") || !strings.Contains(n.err.Error(), "source.go") {
			t.Errorf("ok %t, ended with %v", ok, n.err)
		}
		s.close()
		cancel()
		if _, ok := s.next(); ok {
			t.Error("there are news after the end")
		}
	})
}
