package top

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

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
