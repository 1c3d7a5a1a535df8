package client

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"strconv"
	"time"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// Watch returns what happens, for as long as the loop wants to know: the stream is opened when the loop begins, and closed when it is left. A nil
// request asks for all events from now on.
//
// Streams end: servers are restarted, connections break, proxies lose patience. Watch then opens another one that resumes strictly after what
// was delivered last, so that no event comes twice, and none is missed without being told: what the server could not keep is an UpdateGap, a
// server that was started anew an UpdateEpoch. After either the watch goes on with the oldest event that the server has, or, with SnapshotOnLoss,
// with a snapshot.
//
// The loop ends with an error as its last pair: ctx.Err() when ctx is done, or what the server refused the watch with if another attempt would be
// refused as well; see the table in the documentation of the package. A server that is not there is waited for, from the first attempt on;
// OnReconnect tells that it is.
func (c *Client) Watch(ctx context.Context, req *pb.WatchEventsRequest, opts ...WatchOption) iter.Seq2[Update, error] {
	return func(yield func(Update, error) bool) {
		w := newWatcher(c, req, collectWatch(opts))
		w.sink = plainSink(func(u Update) bool { return yield(u, nil) })
		if err := w.run(ctx); !errors.Is(err, errLeft) {
			yield(Update{}, err)
		}
	}
}

// maxHaste is how many cursors in a row may expire before the next stream is opened after a delay. The first moves to the oldest event, the
// second to the last one; after that something is wrong with the server, and a delay is due as for any other error.
const maxHaste = 2

// sink takes what a watcher tells.
type sink interface {
	// update takes an update, and reports whether there may be more.
	update(u Update) bool
	// flush is called after the updates of each message. An error ends the stream like one of the stream itself, errLeft the watch.
	flush(ctx context.Context) error
}

// plainSink passes each update on as it comes.
type plainSink func(Update) bool

func (s plainSink) update(u Update) bool        { return s(u) }
func (s plainSink) flush(context.Context) error { return nil }

// Errors that do not come from a server.
var (
	errLeft = errors.New("the loop was left")
	errAnew = errors.New("another stream is due, from another position")
)

// watcher goes from stream to stream:
//
//	            ┌──────────── retried: after a delay ◄───────────┐
//	            ▼                                                │
//	open ► NEW, OLDEST, SNAPSHOT, or resume from the cursor ► read ─► final error, left, ctx done
//	            ▲                                                │
//	            └─── the cursor expired: tell what is lost ◄─────┘
//
// All of it belongs to the goroutine of the loop.
type watcher struct {
	client  *Client
	options watchOptions
	sink    sink
	request *pb.WatchEventsRequest // a copy; start and resume are set for each stream
	start   pb.WatchStart          // of a stream without a cursor
	silence time.Duration          // after which a stream is broken
	pause   delays

	epoch    string // of the log that is read; empty: nothing is known yet
	sequence uint64 // of the last event in it that was delivered or left out
	resume   bool   // the next stream resumes from epoch and sequence
	expired  int    // cursors in a row that expired, with no message in between
	complete bool   // the last event that was delivered is the last of its log
	listed   listed
}

func newWatcher(c *Client, req *pb.WatchEventsRequest, o watchOptions) *watcher {
	w := &watcher{client: c, options: o, request: clone(req), start: req.GetStart(), pause: delays{first: o.first, max: o.max}}
	w.silence = o.applyTo(w.request)
	if resume := req.GetResume(); resume != nil {
		w.epoch, w.sequence, w.resume = resume.GetEpoch(), resume.GetSequence(), true
	}
	return w
}

// run returns what the watch ended with.
func (w *watcher) run(ctx context.Context) error {
	for {
		err := w.read(ctx)
		if IsCursorExpired(err) && w.resume {
			err = w.expire(ctx, err)
		}
		switch {
		case errors.Is(err, errLeft):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errAnew) && w.expired <= maxHaste:
			continue
		case w.client.closed() || !isRetried(err):
			return err
		}
		if !w.rest(ctx, err) {
			<-ctx.Done() // or is about to be
			return ctx.Err()
		}
	}
}

// rest waits before the next stream. It returns false when there will be none, because the time of ctx is over.
func (w *watcher) rest(ctx context.Context, err error) bool {
	delay := w.pause.next()
	if isOverHere(ctx, err, delay) {
		return false
	}
	r := Reconnect{Err: err, Delay: delay}
	if w.resume {
		r.Cursor = &pb.Cursor{Epoch: w.epoch, Sequence: w.sequence}
	}
	w.options.onReconnect(r)
	if !wait(ctx, delay) {
		return false
	}
	w.client.hurry()
	return true
}

// expiry is what the server says of its log when a cursor has expired.
type expiry struct {
	epoch        string
	oldest, last uint64
}

func parseExpired(err error) (x expiry, ok bool) {
	m := Metadata(err)
	x.epoch = m["epoch"]
	var errOldest, errLast error
	x.oldest, errOldest = strconv.ParseUint(m["oldest_sequence"], 10, 64)
	x.last, errLast = strconv.ParseUint(m["last_sequence"], 10, 64)
	return x, x.epoch != "" && errOldest == nil && errLast == nil && x.oldest > 0
}

// expire tells what is lost, and moves the cursor to where the server has events again. If that has expired as well by the time that
// the stream is opened, because events come that fast, it moves to the end: this does not expire before the whole log has turned over.
func (w *watcher) expire(ctx context.Context, err error) error {
	x, ok := parseExpired(err)
	if !ok {
		return err
	}
	to := x.oldest - 1
	if w.expired++; w.expired > 1 {
		to = x.last
	}
	w.listed = listed{}
	// A server that forgot what it had sent has another log, whatever it says.
	if (x.epoch != w.epoch || w.sequence > x.last) && !w.enter(x.epoch) || !w.skip(w.sequence+1, to) {
		return errLeft
	}
	w.anew()
	return cmp.Or(w.sink.flush(ctx), errAnew)
}

// enter tells that the server has another log, which is read from its beginning on.
func (w *watcher) enter(epoch string) (more bool) {
	change := Epoch{Previous: &pb.Cursor{Epoch: w.epoch, Sequence: w.sequence}, Current: epoch, Complete: w.complete}
	w.epoch, w.sequence, w.complete = epoch, 0, false
	return w.tell(Update{Kind: UpdateEpoch, Epoch: change})
}

// skip tells that the events from first to last are lost, if they were not delivered.
func (w *watcher) skip(first, last uint64) (more bool) {
	if last <= w.sequence {
		return true
	}
	first = max(first, w.sequence+1)
	w.sequence, w.complete = last, false
	return w.tell(Update{Kind: UpdateGap, Gap: &pb.Gap{First: first, Last: last}})
}

// anew makes the next stream one with a snapshot, if that is what a loss leads to.
func (w *watcher) anew() {
	if w.options.snapshot {
		w.start, w.resume = pb.WatchStart_WATCH_START_SNAPSHOT, false
	}
}

// tell passes an update on, with the cursor behind it.
func (w *watcher) tell(u Update) (more bool) {
	if u.Kind != UpdateSnapshot && u.Kind != UpdateTask {
		u.epoch, u.sequence = w.epoch, w.sequence
	}
	return w.sink.update(u)
}
