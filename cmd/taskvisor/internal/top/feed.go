package top

import (
	"context"
	"sync"
	"time"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// news is what has come from the server since the last frame.
type news struct {
	follow  int          // number of the follow that it is of
	view    *client.View // of the tasks, if they have changed; nil: they have not
	tasks   []*pb.Task   // all of the view, sorted by name
	synced  bool         // tasks are those of a server, rather than none yet
	entries []entry      // the newest ones of the tail
	skipped uint64       // entries in front of them, of which there were too many
	past    []entry      // what had happened before
	notices []notice     // the newest one last
	link    *link        // nil: as before
	ended   outcomes     // lives that ended
	err     error        // the follow ended with it
	runs    restartsByID // what was started again
}

// restartsByID has what was started again, by the uid of the task.
type restartsByID map[string]*history

func (r restartsByID) of(uid string) *history {
	h := r[uid]
	if h == nil {
		h = &history{}
		r[uid] = h
	}
	return h
}

// outcomes counts lives that ended.
type outcomes map[pb.Outcome]uint64

func noNews(follow int) news {
	return news{follow: follow, runs: make(restartsByID), ended: make(outcomes)}
}

// frameTime is how long there is between two frames because of news: no eye wants more.
const frameTime = 100 * time.Millisecond

// feed gathers news between two frames, and says when the next one is due: soon when there are news, and at the time for which the alarm is set. What
// it holds is bounded: of events it keeps the newest, restarts are counters of live tasks.
type feed struct {
	rouse chan struct{} // has a token when next has to look again

	mu    sync.Mutex // guards what is below
	news  news
	fresh bool      // there are news
	last  time.Time // when news were taken
	alarm time.Time // zero: none is set
}

func newFeed() *feed {
	return &feed{rouse: make(chan struct{}, 1), news: noNews(0)}
}

// reset forgets what has come so far, and begins with another follow.
func (f *feed) reset(follow int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.news, f.fresh = noNews(follow), false
}

// tell changes the news of a follow; of an earlier one than the present, it tells nothing any more.
func (f *feed) tell(follow int, change func(n *news)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if follow != f.news.follow {
		return
	}
	change(&f.news)
	f.fresh = true
	f.wake()
}

// wake lets next look again.
func (f *feed) wake() {
	select {
	case f.rouse <- struct{}{}:
	default:
	}
}

// setAlarm says when next is to return even without news; zero: not at all.
func (f *feed) setAlarm(at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.alarm.Equal(at) {
		f.alarm = at
		f.wake()
	}
}

// next waits for news, or for the alarm, and returns what there is then. It is false when ctx is done. One goroutine at a time may call it.
func (f *feed) next(ctx context.Context) (news, bool) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		n, wait, due := f.take(time.Now())
		if due {
			if n.view != nil {
				n.tasks = n.view.Tasks() // without the lock: sorting takes its time
			}
			return n, true
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return news{}, false
		case <-f.rouse:
		case <-timer.C:
		}
	}
}

// quiet is how long to wait for nothing in particular.
const quiet = time.Hour

// take returns the news if they are due, and how long they are not.
func (f *feed) take(now time.Time) (n news, wait time.Duration, due bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	wait = quiet
	if !f.alarm.IsZero() {
		wait = f.alarm.Sub(now)
	}
	if f.fresh {
		wait = min(wait, f.last.Add(frameTime).Sub(now))
	}
	if wait > 0 {
		return news{}, wait, false
	}
	f.alarm = time.Time{}
	if !f.fresh {
		return news{follow: f.news.follow}, 0, true
	}
	n = f.news
	f.news = noNews(n.follow)
	f.fresh, f.last = false, now
	return n, 0, true
}
