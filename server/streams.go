package server

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
)

// Traffic is what was sent to one stream of events, or to all.
type Traffic struct {
	Messages uint64 // of all kinds: events, snapshots, heartbeats
	Events   uint64 // delivered
	Bytes    uint64 // of messages, as encoded
	Gaps     uint64 // how many times a stream had fallen behind the log
	Lost     uint64 // events that were lost by that; a filtered stream cannot tell which of them it had selected
}

// Stats are figures about a server, most of them about the streams of events.
type Stats struct {
	Traffic             // of all streams since the server was made
	Streams      int    // open
	Opened       uint64 // since the server was made
	MaxLag       uint64 // how many events the stream that is furthest behind has yet to look at
	Encoded      uint64 // events that were encoded: each once, whatever the number of streams
	EncodedBytes uint64
	// Ended is how many calls of WatchEvents have ended, those included that were refused, by their codes.Code: Ended[codes.OutOfRange].
	Ended       [maxCode + 1]uint64
	Panics      uint64 // in calls of all kinds
	RateLimited uint64 // calls of all kinds that were refused with RATE_LIMIT
}

// maxCode is the last of the codes that gRPC has.
const maxCode = codes.Unauthenticated

// StreamStats are figures about one open stream of events.
type StreamStats struct {
	Traffic
	Peer      string    // address of the caller
	Principal string    // who opened it, as far as that is known
	Since     time.Time // when it was opened
	Sequence  uint64    // up to which event it has come
	Lag       uint64    // how many events it has yet to look at
}

// Stats returns figures about all streams of events. It takes a time that is proportional to the number of streams.
func (s *Server) Stats() Stats {
	stats := Stats{Encoded: s.feed.encoded.Load(), EncodedBytes: s.feed.encodedBytes.Load(), Panics: s.panics.Load(), RateLimited: s.rates.refused.Load()}
	latest := s.sup.Cursor().Sequence
	s.streams.mu.Lock()
	defer s.streams.mu.Unlock()
	stats.Traffic, stats.Streams, stats.Opened = s.streams.ended, len(s.streams.open), s.streams.opened
	stats.Ended = s.streams.codes
	for w := range s.streams.open {
		stats.add(w.progress.traffic.load())
		stats.MaxLag = max(stats.MaxLag, w.progress.lag(latest))
	}
	return stats
}

// Streams returns figures about each open stream of events, the oldest first.
func (s *Server) Streams() []StreamStats {
	latest := s.sup.Cursor().Sequence
	s.streams.mu.Lock()
	list := make([]StreamStats, 0, len(s.streams.open))
	for w := range s.streams.open {
		list = append(list, w.progress.load(latest))
	}
	s.streams.mu.Unlock()
	slices.SortFunc(list, func(a, b StreamStats) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Peer, b.Peer))
	})
	return list
}

// streams are the open streams of events.
type streams struct {
	mu     sync.Mutex // guards what is below
	open   map[*watch]struct{}
	opened uint64
	ended  Traffic             // of the streams that are not open any more
	codes  [maxCode + 1]uint64 // of the calls that have ended

	byPrincipal map[string]int // how many of the open ones each principal has, if any
}

// end notes the status of a call.
func (s *streams) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[min(status.Code(err), maxCode)]++
}

// enter notes that w is open, unless as many streams are as may: in total, or of its principal.
func (s *streams) enter(w *watch, c *Config) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if limit := c.MaxStreams; limit > 0 && len(s.open) >= limit {
		return &limitError{reason: pb.ErrorReason_ERROR_REASON_STREAM_LIMIT, limit: limit,
			text: fmt.Sprintf("%d streams of events are open, which is as many as may be; close one, or start the server with a higher limit", limit)}
	}
	if principal := w.progress.principal; principal != "" {
		if limit := c.MaxStreamsPerPrincipal; limit > 0 && s.byPrincipal[principal] >= limit {
			return &limitError{reason: pb.ErrorReason_ERROR_REASON_PRINCIPAL_STREAM_LIMIT, limit: limit, principal: principal,
				text: fmt.Sprintf("%d streams of events of %s are open, which is as many as one principal may have; close one, or start the server with a higher limit",
					limit, quote(principal))}
		}
		if s.byPrincipal == nil {
			s.byPrincipal = map[string]int{}
		}
		s.byPrincipal[principal]++
	}
	if s.open == nil {
		s.open = map[*watch]struct{}{}
	}
	s.open[w] = struct{}{}
	s.opened++
	return nil
}

// leave notes that w has ended, if it was open.
func (s *streams) leave(w *watch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, open := s.open[w]; !open {
		return
	}
	delete(s.open, w)
	s.ended.add(w.progress.traffic.load())
	if principal := w.progress.principal; s.byPrincipal[principal] > 1 {
		s.byPrincipal[principal]--
	} else {
		delete(s.byPrincipal, principal) // principals come and go
	}
}

func (t *Traffic) add(more Traffic) {
	t.Messages += more.Messages
	t.Events += more.Events
	t.Bytes += more.Bytes
	t.Gaps += more.Gaps
	t.Lost += more.Lost
}

// traffic is a Traffic that is being counted.
type traffic struct{ messages, events, bytes, gaps, lost atomic.Uint64 }

// add counts a message.
func (t *traffic) add(events, bytes int, gap supervisor.Gap) {
	t.messages.Add(1)
	t.events.Add(uint64(events))
	t.bytes.Add(uint64(bytes))
	if !gap.IsZero() {
		t.gaps.Add(1)
		t.lost.Add(gap.Count())
	}
}

func (t *traffic) load() Traffic {
	return Traffic{t.messages.Load(), t.events.Load(), t.bytes.Load(), t.gaps.Load(), t.lost.Load()}
}

// peerOf returns the address of the caller; empty where there is none.
func peerOf(ctx context.Context) string {
	p, ok := peer.FromContext(ctx)
	if !ok || p.Addr == nil {
		return ""
	}
	return p.Addr.String()
}

// progress is what others may see of a stream.
type progress struct {
	traffic   traffic
	since     time.Time     // constant once the stream is among the open ones
	peer      string        // so too
	principal string        // so too
	sequence  atomic.Uint64 // up to which event the stream has come
}

func (p *progress) begin(ctx context.Context, sequence uint64) {
	p.since, p.peer, p.principal = time.Now(), peerOf(ctx), identityOf(ctx).Principal
	p.sequence.Store(sequence)
}

func (p *progress) load(latest uint64) StreamStats {
	return StreamStats{
		Traffic: p.traffic.load(), Peer: p.peer, Principal: p.principal, Since: p.since, Sequence: p.sequence.Load(), Lag: p.lag(latest),
	}
}

func (p *progress) lag(latest uint64) uint64 { return latest - min(latest, p.sequence.Load()) }
