package server

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/internal/lograte"
)

// rates bounds how many calls each source makes in a second. A source has a bucket of as many tokens as it may make calls in a second: each call
// takes one, and they come back at that rate. There is none for all sources together, by which one of them could lock out the others.
//
// A bucket that nobody has taken from for a second is full, and as good as a new one. So those that were in use are kept for one to two seconds, in
// two generations: each second the recent one becomes the former one, and what was the former one is forgotten. What is kept is bounded by the
// number of sources that can call within that time, and by maxSources in each generation. Sources beyond that share one bucket.
//
// The interceptors of go-grpc-middleware for this would make text of the error, and lose its reason and when to try again.
type rates struct {
	perSecond int // 0 for no limit
	log       *slog.Logger
	lines     *lograte.Gate
	refused   atomic.Uint64 // calls

	mu             sync.Mutex // guards what is below
	began          time.Time  // when the recent generation did
	recent, former map[source]*rate.Limiter
	shared         *rate.Limiter // of the sources for which there is no room
}

// maxSources is how many buckets a generation has at most: about 200 bytes each.
const maxSources = 10_000

// generation is how long it takes until an empty bucket is full.
const generation = time.Second

func newRates(perSecond int, log *slog.Logger) *rates {
	r := &rates{perSecond: perSecond, log: log, lines: lograte.NewGate(1, 1)}
	r.shared = r.bucket()
	return r
}

func (r *rates) bucket() *rate.Limiter { return rate.NewLimiter(rate.Limit(r.perSecond), r.perSecond) }

// take takes a token for the call with this context. The error says when there will be one again.
func (r *rates) take(ctx context.Context, id Identity) error {
	if r.perSecond <= 0 {
		return nil
	}
	from, now := sourceOf(ctx, id), time.Now()
	bucket := r.find(from, now)
	// A reservation that is canceled would lose tokens to others that are made meanwhile, and refused calls would count.
	if bucket.AllowN(now, 1) {
		return nil
	}
	r.refuse(from)
	wait := untilToken(bucket, now)
	return &limitError{
		reason: pb.ErrorReason_ERROR_REASON_RATE_LIMIT, limit: r.perSecond, wait: wait,
		text: fmt.Sprintf("%s makes more than %d calls a second, which is as many as a caller may; try again in %s, make fewer, or start the server with a higher limit",
			from, r.perSecond, wait),
	}
}

// untilToken returns how long it takes until a bucket that was empty has a token.
func untilToken(bucket *rate.Limiter, now time.Time) time.Duration {
	missing := min(max(1-bucket.TokensAt(now), 0), 1)
	wait := time.Duration(missing / float64(bucket.Limit()) * float64(time.Second))
	return max(wait.Truncate(time.Millisecond)+time.Millisecond, time.Millisecond)
}

// find returns the bucket of a source.
func (r *rates) find(from source, now time.Time) *rate.Limiter {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch age := now.Sub(r.began); {
	case age >= 2*generation:
		r.began, r.former, r.recent = now, nil, map[source]*rate.Limiter{}
	case age >= generation:
		r.began, r.former, r.recent = now, r.recent, map[source]*rate.Limiter{}
	}
	bucket := r.recent[from]
	switch {
	case bucket != nil:
		return bucket
	case len(r.recent) >= maxSources:
		return r.shared
	}
	if bucket = r.former[from]; bucket == nil {
		bucket = r.bucket()
	}
	r.recent[from] = bucket
	return bucket
}

// refuse counts a call that is refused, and logs it unless that was done within the second before: there is no line for each of them.
func (r *rates) refuse(from source) {
	r.refused.Add(1)
	if left, ok := r.lines.Pass(); ok {
		r.log.Warn("a caller makes more calls than it may, and those beyond are refused", append(from.logAttrs(), "limit", r.perSecond, "refused", left+1)...)
	}
}
