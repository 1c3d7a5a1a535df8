package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
)

const (
	maxRequestIDLength = 128
	// requestIDAge is for how long an answer is given again.
	requestIDAge = 10 * time.Minute
)

// requestID checks the id that a caller gives a request.
func (v *violations) requestID(field, id string) {
	if len(id) > maxRequestIDLength {
		v.add(field, "%s has %d characters; give at most %d, a UUID is best", quote(id), len(id), maxRequestIDLength)
	}
	for i := range len(id) {
		if id[i] < ' ' || id[i] > '~' {
			v.add(field, "%s has characters beyond printable ASCII; give only those, a UUID is best", quote(id))
			return
		}
	}
}

// principalOf returns who makes the call; request ids of different callers have nothing to do with each other. Those without a principal are all
// the same.
func principalOf(ctx context.Context) string { return supervisor.Principal(ctx) }

// addOnce adds the task unless a request with the same id has done so, or is about to. What is begun is brought to its end even if the caller
// leaves: that is what a retry with the same id is to find.
func (s *Server) addOnce(ctx context.Context, req *pb.AddTaskRequest, spec supervisor.Spec) (*pb.Task, error) {
	key := answerKey{principalOf(ctx), req.GetRequestId()}
	a, first, err := s.answers.claim(key, addDigest(req))
	if err == nil && first {
		return s.answers.lead(context.WithoutCancel(ctx), a, func(ctx context.Context) (*pb.Task, error) { return s.admit(ctx, req, spec) })
	}
	supervisor.Discard(spec.Task) // the first request has its own
	if err != nil {
		return nil, err
	}
	task, err := a.join(ctx)
	if err != nil {
		return nil, err
	}
	// The specs are the same. What the answer has and the request may not have is a name.
	task.Spec = req.GetTask()
	if task.Spec.GetName() == "" {
		task.Spec = proto.CloneOf(task.Spec)
		task.Spec.Name = task.Name
	}
	return task, nil
}

// digest identifies what a request asks for.
type digest [sha256.Size]byte

// addDigest returns the digest of a request that was checked. Requests that ask for the same have the same.
func addDigest(req *pb.AddTaskRequest) digest {
	same := &pb.AddTaskRequest{Task: normalSpec(req.GetTask()), IfExists: req.GetIfExists()}
	if same.IfExists == pb.IfExists_IF_EXISTS_FAIL {
		same.IfExists = pb.IfExists_IF_EXISTS_UNSPECIFIED
	}
	return sha256.Sum256(deterministic(same))
}

// answers are the answers to requests that had an id, for those that are sent again. It remembers an answer for requestIDAge, up to a
// number: beyond that the oldest ones go first. Requests that have no answer yet are always remembered; of those there are no more
// than calls. One answer takes about half a KiB: an id and a task without its spec, which the retry brings along. A refusal is not remembered.
type answers struct {
	limit int // negative: none

	mu    sync.Mutex // guards what is below
	byKey map[answerKey]*answer
	given []*answer // the oldest first
}

type answerKey struct{ principal, id string }

// answer is the answer to a request, perhaps a future one.
type answer struct {
	key     answerKey
	request digest
	done    chan struct{} // closed when there is an answer
	at      time.Time     // of the answer; immutable once done is closed, like what is below
	task    []byte        // encoded, without the spec
	err     error
}

func newAnswers(limit int) *answers { return &answers{limit: limit, byKey: map[answerKey]*answer{}} }

// requestIDError says that an id was used for another request.
type requestIDError struct{ id string }

func (e *requestIDError) Error() string {
	return fmt.Sprintf("request_id %q was used for a request with another task or if_exists; give each request an id of its own, and repeat it only "+
		"together with the same request", e.id)
}

// claim returns the answer to the request with this id, and whether the caller is the first to ask, who has to call lead.
func (r *answers) claim(key answerKey, request digest) (a *answer, first bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expireLocked(time.Now())
	if a = r.byKey[key]; a == nil {
		a = &answer{key: key, request: request, done: make(chan struct{})}
		r.byKey[key] = a
		return a, true, nil
	}
	if a.request != request {
		return nil, false, &requestIDError{key.id}
	}
	return a, false, nil
}

var errUnanswered = errors.New("the first request with this id came to no answer")

// lead makes the answer, and gives it to all who wait for it.
func (r *answers) lead(ctx context.Context, a *answer, add func(context.Context) (*pb.Task, error)) (*pb.Task, error) {
	var encoded []byte
	err := errUnanswered // unless add returns
	defer func() { r.settle(a, encoded, err) }()
	task, err := add(ctx)
	if err == nil {
		encoded, err = encodeAnswer(task)
	}
	return task, err
}

// encodeAnswer encodes the task without its spec.
func encodeAnswer(task *pb.Task) ([]byte, error) {
	spec := task.Spec
	task.Spec = nil
	defer func() { task.Spec = spec }()
	return proto.Marshal(task)
}

// settle records the answer.
func (r *answers) settle(a *answer, task []byte, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a.at, a.task, a.err = time.Now(), task, err
	close(a.done)
	if err != nil {
		delete(r.byKey, a.key)
		return
	}
	r.given = append(r.given, a)
	if r.limit >= 0 && len(r.given) > r.limit {
		r.dropOldestLocked()
	}
}

// join waits for the answer.
func (a *answer) join(ctx context.Context) (*pb.Task, error) {
	select {
	case <-a.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if a.err != nil {
		return nil, a.err
	}
	task := &pb.Task{}
	return task, proto.Unmarshal(a.task, task)
}

// expireLocked forgets the answers that were given long ago.
func (r *answers) expireLocked(now time.Time) {
	for len(r.given) > 0 && now.Sub(r.given[0].at) > requestIDAge {
		r.dropOldestLocked()
	}
}

func (r *answers) dropOldestLocked() {
	delete(r.byKey, r.given[0].key)
	r.given[0] = nil
	r.given = r.given[1:]
}
