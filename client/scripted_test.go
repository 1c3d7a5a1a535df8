package client_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/test/bufconn"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

type serverStream = grpc.ServerStreamingServer[pb.WatchEventsResponse]

// scripted is a server that does what a test says: the n-th stream does what the n-th function of streams does. Further ones are refused with
// PERMISSION_DENIED, which ends a watch.
type scripted struct {
	pb.UnimplementedSupervisorServiceServer

	streams []func(stream serverStream) error
	list    func(*pb.ListTasksRequest) (*pb.ListTasksResponse, error)
	add     func(*pb.AddTaskRequest) (*pb.AddTaskResponse, error)
	remove  func(*pb.RemoveTaskRequest) (*pb.RemoveTaskResponse, error)

	mu       sync.Mutex
	requests []*pb.WatchEventsRequest // of the streams
	times    []time.Time              // when they came
	open     int                      // streams whose handler has not returned
}

// dialScripted returns a client of the server, both ended with the test.
func dialScripted(t *testing.T, s *scripted, opts ...client.Option) *client.Client {
	t.Helper()
	listener := bufconn.Listen(1 << 16)
	// As the real server: it would otherwise take the pings of a client for an attack.
	g := grpc.NewServer(grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: client.MinKeepalive}))
	pb.RegisterSupervisorServiceServer(g, s)
	var serving sync.WaitGroup
	serving.Go(func() { _ = g.Serve(listener) }) // ends with Stop
	t.Cleanup(func() {
		g.Stop()
		serving.Wait()
	})
	dialer := grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) })
	c, err := client.Dial("passthrough:///scripted", append(opts, client.WithGRPC(dialer))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func (s *scripted) WatchEvents(req *pb.WatchEventsRequest, stream serverStream) error {
	s.mu.Lock()
	s.open++
	n := len(s.requests)
	s.requests = append(s.requests, req)
	s.times = append(s.times, time.Now())
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.open--
	}()
	if n >= len(s.streams) {
		return refusal(codes.PermissionDenied, "ROLE_REQUIRED", nil)
	}
	return s.streams[n](stream)
}

func (s *scripted) ListTasks(_ context.Context, req *pb.ListTasksRequest) (*pb.ListTasksResponse, error) {
	return s.list(req)
}

func (s *scripted) AddTask(_ context.Context, req *pb.AddTaskRequest) (*pb.AddTaskResponse, error) {
	return s.add(req)
}

func (s *scripted) RemoveTask(_ context.Context, req *pb.RemoveTaskRequest) (*pb.RemoveTaskResponse, error) {
	return s.remove(req)
}

// expectNoStream fails if a stream is left once all is quiet, which takes no time.
func (s *scripted) expectNoStream(t *testing.T) {
	t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open > 0 {
		t.Errorf("%d streams are left", s.open)
	}
}

// resumed returns the sequence that each stream resumed from, -1 for one that did not.
func (s *scripted) resumed() (sequences []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, req := range s.requests {
		if req.GetResume() == nil {
			sequences = append(sequences, -1)
		} else {
			sequences = append(sequences, int(req.GetResume().GetSequence()))
		}
	}
	return sequences
}

// pauses returns the time between each stream and the next.
func (s *scripted) pauses() (pauses []time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 1; i < len(s.times); i++ {
		pauses = append(pauses, s.times[i].Sub(s.times[i-1]))
	}
	return pauses
}

// sends returns a stream that sends messages and ends with err, or, without one, when the client has left.
func sends(err error, messages ...*pb.WatchEventsResponse) func(serverStream) error {
	return func(stream serverStream) error {
		for _, msg := range messages {
			if err := stream.Send(msg); err != nil {
				return err
			}
		}
		if err == nil {
			<-stream.Context().Done()
			return stream.Context().Err()
		}
		return err
	}
}

var errShutdown = refusal(codes.Unavailable, "SERVER_SHUTDOWN", nil)

func expiredCursor(epoch, oldest, last string) error {
	return refusal(codes.OutOfRange, "CURSOR_EXPIRED", map[string]string{"epoch": epoch, "oldest_sequence": oldest, "last_sequence": last})
}

func at(epoch string, sequence uint64) *pb.Cursor {
	return &pb.Cursor{Epoch: epoch, Sequence: sequence}
}

// position is a message with a cursor alone.
func position(sequence uint64) *pb.WatchEventsResponse {
	return &pb.WatchEventsResponse{Cursor: at("e", sequence)}
}

// events is a message of the log e with events of these sequences, of output of a task "t" whose uid is "u".
func events(sequences ...uint64) *pb.WatchEventsResponse {
	return eventsIn("e", sequences...)
}

func eventsIn(epoch string, sequences ...uint64) *pb.WatchEventsResponse {
	msg := &pb.WatchEventsResponse{Cursor: at(epoch, sequences[len(sequences)-1])}
	for _, n := range sequences {
		msg.Events = append(msg.Events, &pb.Event{Sequence: n, Kind: pb.EventKind_EVENT_KIND_TASK_OUTPUT, Task: "t", Uid: "u"})
	}
	return msg
}

// starting is a message of the log e with the start of an attempt of that task.
func starting(sequence uint64) *pb.WatchEventsResponse {
	msg := events(sequence)
	msg.Events[0].Kind = pb.EventKind_EVENT_KIND_TASK_STARTING
	return msg
}

// last is the last event of a log.
func last(sequence uint64) *pb.WatchEventsResponse {
	return &pb.WatchEventsResponse{
		Events: []*pb.Event{{Sequence: sequence, Kind: pb.EventKind_EVENT_KIND_ALL_STOPPED_WITHIN_GRACE}},
		Cursor: at("e", sequence),
	}
}

func withGap(msg *pb.WatchEventsResponse, first, last uint64) *pb.WatchEventsResponse {
	msg.Gap = &pb.Gap{First: first, Last: last}
	return msg
}

func synced(epoch string, sequence uint64, tasks ...*pb.Task) *pb.WatchEventsResponse {
	return &pb.WatchEventsResponse{Tasks: tasks, SnapshotComplete: true, Cursor: at(epoch, sequence)}
}

// task is the task "t" as of the event with that sequence.
func task(sequence uint64) *pb.Task {
	return &pb.Task{Name: "t", Uid: "u", Sequence: sequence, State: pb.TaskState_TASK_STATE_RUNNING}
}
