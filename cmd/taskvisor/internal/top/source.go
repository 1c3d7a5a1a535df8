package top

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// source is what the model asks of the server. Each method may take long, but for setAlarm.
type source interface {
	// next waits for news; false: there will be none.
	next() (news, bool)
	// setAlarm makes next return at a time even without news; zero: not at all.
	setAlarm(at time.Time)
	// follow begins to follow the tasks that the filter selects, in the place of those before. The news have the number.
	follow(number int, filter *pb.EventFilter)
	// remove stops a task and returns how it ended.
	remove(uid string) (*pb.Task, error)
	// get returns a life, live or ended.
	get(uid string) (*pb.Task, error)
	// asked looks into the log for who is behind what happens to a task. Where the log cannot be read, nobody knows.
	asked(t *pb.Task) Asked
	// explain says what went wrong.
	explain(err error) string
}

// remote is the source that is a server. Its context ends with the program.
type remote struct {
	ctx    context.Context
	config Config
	feed   *feed

	mu   sync.Mutex // guards stop, and is held while one follow takes the place of another
	stop func()     // ends the present follow, and waits until it has; nil: there is none
}

func (s *remote) next() (news, bool)       { return s.feed.next(s.ctx) }
func (s *remote) setAlarm(at time.Time)    { s.feed.setAlarm(at) }
func (s *remote) asked(t *pb.Task) Asked   { return s.config.Words.Asked(s.ctx, t) }
func (s *remote) explain(err error) string { return s.config.Words.Explain(s.ctx, err) }

func (s *remote) remove(uid string) (*pb.Task, error) {
	return s.config.Client.Remove(s.ctx, &pb.RemoveTaskRequest{Uid: uid})
}

func (s *remote) get(uid string) (*pb.Task, error) {
	return s.config.Client.Get(s.ctx, client.ByUID(uid))
}

func (s *remote) follow(number int, filter *pb.EventFilter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.halt()
	s.feed.reset(number)
	ctx, cancel := context.WithCancel(s.ctx)
	f := &following{remote: s, number: number, filter: filter}
	f.work.Go(func() { f.run(ctx) })
	s.stop = func() {
		cancel()
		f.work.Wait()
	}
}

// close ends what there is.
func (s *remote) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.halt()
}

func (s *remote) halt() {
	if s.stop != nil {
		s.stop()
		s.stop = nil
	}
}

// following is one follow: it tells the feed what comes.
type following struct {
	remote *remote
	number int
	filter *pb.EventFilter
	work   sync.WaitGroup
	begun  bool // the past has been asked for
}

// tell tells the feed.
func (f *following) tell(change func(n *news)) { f.remote.feed.tell(f.number, change) }

// run follows until ctx is done, or the server refuses it. The program may not die of a fault in here before the terminal is as it was.
func (f *following) run(ctx context.Context) {
	defer func() {
		if fault := recover(); fault != nil {
			f.end(fmt.Errorf("this is a fault of this program: %v\n%s", fault, debug.Stack()))
		}
	}()
	opts := []client.WatchOption{client.OnReconnect(f.waits), client.OnConnect(f.connected)}
	for c, err := range f.remote.config.Client.Follow(ctx, f.filter, opts...) {
		if err != nil {
			f.end(err)
			return
		}
		f.take(ctx, c)
	}
}

func (f *following) end(err error) { f.tell(func(n *news) { n.err = err }) }

func (f *following) waits(r client.Reconnect) {
	until := time.Now().Add(r.Delay)
	f.tell(func(n *news) { n.link = &link{linkWaiting, until, r.Err} })
}

func (f *following) connected() {
	f.tell(func(n *news) { n.link = &link{state: linkLive} })
}

// take tells a change.
func (f *following) take(ctx context.Context, c client.Change) {
	switch c.Kind {
	case client.ChangeSynced:
		f.tell(func(n *news) { n.synced = true })
		f.recall(ctx, c.Cursor())
	case client.ChangeGap:
		f.mark(Warn, fmt.Sprintf("gap of %s", plural(c.Gap.GetLast()-c.Gap.GetFirst()+1, "event")))
	case client.ChangeEpoch:
		lost := ""
		if c.Lost() {
			lost = "; what happened last is lost"
		}
		f.mark(Warn, "server restarted"+lost)
	case client.ChangeEvent:
		f.tell(func(n *news) { n.count(c) })
	case client.ChangeRefreshed:
	}
	if c.Kind == client.ChangeSynced || c.After != nil || c.Event.GetTask() == "" {
		f.tell(func(n *news) { n.view = c.View })
	}
}

// mark tells what has happened to the events.
func (f *following) mark(mood Mood, text string) {
	now := time.Now()
	f.tell(func(n *news) {
		n.put(entry{mark: text, mood: mood, at: now})
		n.notices = append(n.notices[:0], notice{mood, text, now.Add(noticeTime)})
	})
}

// count puts an event into the news.
func (n *news) count(c client.Change) {
	n.put(entry{event: c.Event})
	uid := c.Event.GetUid()
	switch c.Event.GetKind() { //nolint:exhaustive // the others are no restarts
	case pb.EventKind_EVENT_KIND_TASK_STARTING:
		if c.Event.GetAttempt() > 1 {
			n.runs.of(uid).restarted(c.Event.GetTime().AsTime(), c.Before.GetFailureStreak() > 0)
		}
	case pb.EventKind_EVENT_KIND_TASK_REMOVED:
		delete(n.runs, uid)
		n.ended[c.Event.GetOutcome()]++
	}
}

// put adds an entry, and drops the oldest when there are too many.
func (n *news) put(e entry) {
	if len(n.entries) >= 2*tailSize {
		kept := copy(n.entries, n.entries[len(n.entries)-tailSize:])
		n.skipped += uint64(len(n.entries) - kept)
		clear(n.entries[kept:])
		n.entries = n.entries[:kept]
	}
	n.entries = append(n.entries, e)
}

// recall asks, once, for what had happened before the tasks were listed first: it is what restarts and events would show if the program had run
// then already.
func (f *following) recall(ctx context.Context, end *pb.Cursor) {
	if f.begun || end.GetSequence() == 0 {
		return
	}
	f.begun = true
	f.work.Go(func() {
		p := &past{end: end, runs: restartsByID{}, failed: map[string]bool{}}
		err := p.read(ctx, f.remote.config.Client, f.filter)
		f.tell(func(n *news) {
			n.past = p.entries
			for uid, h := range p.runs {
				n.runs.of(uid).merge(h)
			}
			if err != nil && ctx.Err() == nil {
				n.notices = append(n.notices, notice{Warn, "what happened before is not shown: " + err.Error(), time.Now().Add(noticeTime)})
			}
		})
	})
}

// past is what the log has up to an end.
type past struct {
	end     *pb.Cursor
	entries []entry
	runs    restartsByID
	failed  map[string]bool // by uid: the last attempt did
}

// recallBeat is how soon the server says how far it has come with events of which the filter leaves out the last.
const recallBeat = 100 * time.Millisecond

// read reads it. It ends early where there is nothing to read any more.
func (p *past) read(ctx context.Context, c *client.Client, filter *pb.EventFilter) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var broken error
	req := &pb.WatchEventsRequest{Filter: filter, Start: pb.WatchStart_WATCH_START_OLDEST}
	opts := []client.WatchOption{client.WithPositions(), client.Heartbeat(recallBeat), client.OnReconnect(func(r client.Reconnect) {
		broken = r.Err // then it is not worth the wait
		cancel()
	})}
	for u, err := range c.Watch(ctx, req, opts...) {
		cursor := u.Cursor()
		switch {
		case err != nil:
			return errors.Join(broken, ignoreCanceled(err))
		case cursor.GetEpoch() != p.end.GetEpoch():
			return nil
		case u.Kind == client.UpdateEvent && cursor.GetSequence() <= p.end.GetSequence():
			p.add(u.Event)
		}
		if cursor.GetSequence() >= p.end.GetSequence() {
			return nil
		}
	}
	return nil
}

func ignoreCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (p *past) add(e *pb.Event) {
	p.entries = lastOf(append(p.entries, entry{event: e}))
	uid := e.GetUid()
	switch e.GetKind() { //nolint:exhaustive // the others are no restarts
	case pb.EventKind_EVENT_KIND_TASK_STARTING:
		if e.GetAttempt() > 1 {
			p.runs.of(uid).restarted(e.GetTime().AsTime(), p.failed[uid])
		}
	case pb.EventKind_EVENT_KIND_BACKOFF_SCHEDULED:
		p.failed[uid] = e.GetBackoffSource() == pb.BackoffSource_BACKOFF_SOURCE_FAILURE
	case pb.EventKind_EVENT_KIND_TASK_REMOVED:
		delete(p.runs, uid)
		delete(p.failed, uid)
	}
}
