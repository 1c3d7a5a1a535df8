package server

import (
	"context"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/taskvisor/taskvisor/supervisor"
)

// Shutdown ends the server in good order:
//
//  1. Health says NOT_SERVING, so that no new callers come.
//  2. The supervisor shuts down, within its grace period. Calls are answered as before, so that everybody can see how that goes, only AddTask is
//     refused, with SERVER_SHUTDOWN.
//  3. Streams of events deliver all up to the verdict, and end with SERVER_SHUTDOWN. Other streams, such as those of health, end at once. No
//     new calls are taken, and listeners are closed.
//  4. Callers who have not read their streams when Config.DrainTimeout is over, or ctx is done, lose their connection.
//
// It returns what the shutdown of the supervisor did: nil, a *supervisor.StuckError that names the stuck tasks, or the error of ctx if that
// was done before the verdict. It may be called again, also while it runs: a second call with a ctx that is done cuts a first one short.
func (s *Server) Shutdown(ctx context.Context) error {
	s.health.Shutdown()
	verdict := s.sup.Shutdown(ctx)
	s.drain.verdict.fire()
	s.stop(ctx)
	return verdict
}

// stop ends the gRPC servers: gracefully, which waits for all calls to end, and else without mercy.
func (s *Server) stop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.config.DrainTimeout)
	defer cancel()
	servers := s.serversToStop()
	var stopping sync.WaitGroup
	for _, g := range servers {
		stopping.Go(g.GracefulStop)
	}
	stopped := make(chan struct{})
	go func() {
		stopping.Wait()
		close(stopped)
	}()
	select {
	case <-stopped:
	case <-ctx.Done():
		s.drain.cut.fire()
		for _, g := range servers {
			g.Stop()
		}
	}
	s.drain.handlers.wait()
}

// serversToStop returns all gRPC servers; more that serve there will not be.
func (s *Server) serversToStop() []*grpc.Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopping = true
	return slices.Clone(s.grpcServers)
}

// drain is how far the shutdown has come, and what still has to end.
type drain struct {
	verdict  signal // the supervisor has shut down
	cut      signal // patience is at its end
	handlers *handlers
}

func newDrain() drain {
	return drain{verdict: newSignal(), cut: newSignal(), handlers: newHandlers()}
}

// endStream is an interceptor that runs the handler of a stream in a goroutine of its own, so that the stream can be ended while the handler cannot
// end itself: SendMsg waits as long as a client does not read. Once this has returned, gRPC cancels the context of the stream, SendMsg
// returns an error, and the handler ends too. WatchEvents has a way of its own.
func (s *Server) endStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ended := make(chan error, 1)
	if !s.drain.handlers.run(func() { ended <- handler(srv, stream) }) {
		return statusOf(supervisor.ErrShutdown).Err()
	}
	select {
	case err := <-ended:
		return err
	case <-s.drain.verdict.done:
		return statusOf(supervisor.ErrShutdown).Err()
	case <-identityOf(stream.Context()).Revoked:
		return statusOf(errRevoked).Err()
	}
}

// signal is something that happens once.
type signal struct {
	once *sync.Once
	done chan struct{} // closed when it has happened
}

func newSignal() signal { return signal{new(sync.Once), make(chan struct{})} }

func (s signal) fire() { s.once.Do(func() { close(s.done) }) }

// handlers counts the goroutines of stream handlers. (A sync.WaitGroup does not do: streams may come while somebody waits.)
type handlers struct {
	mu     sync.Mutex    // guards what is below
	count  int           // that run
	closed bool          // no more may begin
	idle   chan struct{} // closed when closed is set and count is 0
}

func newHandlers() *handlers { return &handlers{idle: make(chan struct{})} }

// run runs f in a goroutine, unless close was called.
func (h *handlers) run(f func()) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.count++
	go func() {
		defer h.leave()
		f()
	}()
	return true
}

func (h *handlers) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count--
	h.closeIdleLocked()
}

// wait lets no more begin and waits until none run. Their streams have ended, so that all of this package return at once; for handlers of
// services that somebody else registered, nobody can vouch.
func (h *handlers) wait() {
	h.mu.Lock()
	if !h.closed {
		h.closed = true
		h.closeIdleLocked()
	}
	h.mu.Unlock()
	select {
	case <-h.idle:
	case <-time.After(handlerPatience):
	}
}

// handlerPatience is how long handlers may take to return when their stream has ended.
const handlerPatience = time.Second

func (h *handlers) closeIdleLocked() {
	if h.closed && h.count == 0 {
		close(h.idle)
	}
}
