package top

import (
	"context"
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
