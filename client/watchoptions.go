package client

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// Defaults of a watch.
const (
	// DefaultHeartbeat is how often the server speaks when it has nothing to say.
	DefaultHeartbeat = 15 * time.Second
	// DefaultReconnectFirst and DefaultReconnectMax are the delays before a stream that ended is opened again.
	DefaultReconnectFirst = 200 * time.Millisecond
	DefaultReconnectMax   = 10 * time.Second
)

// WatchOption changes how Watch and Follow go on when something is in their way.
type WatchOption func(*watchOptions)

type watchOptions struct {
	onReconnect func(Reconnect)
	onConnect   func() // nil: nobody wants to know
	first, max  time.Duration
	heartbeat   time.Duration // 0: as the request says
	snapshot    bool          // after a loss
	positions   bool
}

// Reconnect tells that a stream ended and will be opened again.
type Reconnect struct {
	// Err is what the stream ended with.
	Err error
	// Delay until the next attempt.
	Delay time.Duration
	// Cursor is what the next stream resumes from; nil if there is none yet.
	Cursor *pb.Cursor
}

// OnReconnect calls f whenever a stream ended and will be opened again, in the goroutine of the loop, before the delay; not when the caller has ended
// it, by ctx or its deadline. To give up instead, cancel the context of the watch in f.
func OnReconnect(f func(Reconnect)) WatchOption { return func(o *watchOptions) { o.onReconnect = f } }

// OnConnect calls f whenever the server has accepted a stream, the first one included, in the goroutine of the loop, before anything that the stream
// tells. The next message may be a heartbeat away.
func OnConnect(f func()) WatchOption { return func(o *watchOptions) { o.onConnect = f } }

// ReconnectDelay says how long to wait before a stream is opened again: first, doubled with each failure in a row up to limit; half of it is
// left to chance. A message on the new stream ends the row. Default: DefaultReconnectFirst, DefaultReconnectMax, also for zero.
func ReconnectDelay(first, limit time.Duration) WatchOption {
	return func(o *watchOptions) {
		if first > 0 {
			o.first = first
		}
		if limit > 0 {
			o.max = limit
		}
	}
}

// SnapshotOnLoss makes a watch that lost events go on with a snapshot, instead of the oldest events that the server still has: after
// UpdateGap and UpdateEpoch come UpdateSnapshot, the tasks, and UpdateSynced. Events up to the snapshot are then not delivered: what they led to is in
// the snapshot.
func SnapshotOnLoss() WatchOption { return func(o *watchOptions) { o.snapshot = true } }

// WithPositions makes the watch tell, as UpdatePosition, how far it has come when nothing happened that it wants to know: once as soon as it is
// subscribed from now on, then with each heartbeat. A program that keeps its cursor on disk needs them if its filter selects little, for a
// cursor expires, however few of the events after it were selected.
func WithPositions() WatchOption { return func(o *watchOptions) { o.positions = true } }

// Heartbeat says how often the server is to speak when it has nothing to say. A stream that is silent for two and a half times as long, and at
// least a second, is taken for broken. Default: DefaultHeartbeat. From 100ms to 1h. It is the same as heartbeat_interval of the request.
func Heartbeat(every time.Duration) WatchOption {
	return func(o *watchOptions) { o.heartbeat = every }
}

func collectWatch(opts []WatchOption) watchOptions {
	o := watchOptions{onReconnect: func(Reconnect) {}, first: DefaultReconnectFirst, max: DefaultReconnectMax}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// applyTo puts the heartbeat into the request, and returns after how much silence a stream is broken.
func (o *watchOptions) applyTo(req *pb.WatchEventsRequest) (silence time.Duration) {
	if o.heartbeat != 0 {
		req.HeartbeatInterval = durationpb.New(o.heartbeat)
	}
	every := DefaultHeartbeat
	if req.GetHeartbeatInterval() != nil {
		every = req.GetHeartbeatInterval().AsDuration()
	}
	return max(every*5/2, time.Second)
}
