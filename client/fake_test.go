package client_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/protoadapt"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// fake is a server that keeps the contract as far as a client can tell, without running anything: a task that is added starts at once and
// runs until it is removed. Uids and sequences are the same each time, so that Examples can print them.
type fake struct {
	pb.UnimplementedSupervisorServiceServer
	pb.UnimplementedPluginServiceServer

	grpc     *grpc.Server
	listener *bufconn.Listener
	streams  sync.WaitGroup // WatchEvents handlers that have not returned

	mu      sync.Mutex
	added   int
	tasks   []*pb.Task // live, sorted by name
	ended   []*pb.Task // finished, in the order of their ends
	log     []*pb.Event
	changed chan struct{} // closed and replaced when the log grows
	pages   int           // ListTasks and ListPlugins calls
	headers metadata.MD   // of the last ListTasks call
}

const epoch = "1f0c"

// startFake returns a fake that serves, and a function that stops it.
func startFake(opts ...grpc.ServerOption) (*fake, func()) {
	f := &fake{grpc: grpc.NewServer(opts...), listener: bufconn.Listen(1 << 16), changed: make(chan struct{})}
	pb.RegisterSupervisorServiceServer(f.grpc, f)
	pb.RegisterPluginServiceServer(f.grpc, f)
	var serving sync.WaitGroup
	serving.Go(func() { _ = f.grpc.Serve(f.listener) }) // ends with the stop below, which is all that it could tell
	return f, func() {
		f.grpc.Stop()
		serving.Wait()
	}
}

// dial returns a client of the fake. The target is one that Dial takes; nothing listens there.
func (f *fake) dial() (*client.Client, error) {
	return client.Dial("passthrough:///fake", client.WithGRPC(grpc.WithContextDialer(f.dialer)))
}

func (f *fake) dialer(ctx context.Context, _ string) (net.Conn, error) {
	return f.listener.DialContext(ctx)
}

// connect returns a client of a new fake, and a function that ends both.
func connect() (c *client.Client, end func()) {
	f, stop := startFake()
	c, err := f.dial()
	if err != nil {
		panic(err) // only Examples have no testing.T to tell; the target is a constant
	}
	return c, func() {
		c.Close()
		stop()
	}
}

// append adds events to the log and wakes the streams. f.mu is held.
func (f *fake) append(events ...*pb.Event) {
	for _, e := range events {
		e.Sequence = uint64(len(f.log) + 1)
		f.log = append(f.log, e)
	}
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fake) cursor() *pb.Cursor {
	return &pb.Cursor{Epoch: epoch, Sequence: uint64(len(f.log))}
}

func (f *fake) find(name string) (int, bool) {
	return slices.BinarySearchFunc(f.tasks, name, func(t *pb.Task, name string) int {
		switch {
		case t.GetName() < name:
			return -1
		case t.GetName() > name:
			return 1
		}
		return 0
	})
}

func (f *fake) AddTask(_ context.Context, req *pb.AddTaskRequest) (*pb.AddTaskResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	spec := req.GetTask()
	if err := check(spec); err != nil {
		return nil, err
	}
	i, taken := f.find(spec.GetName())
	if taken {
		return nil, refusal(codes.AlreadyExists, "TASK_EXISTS", map[string]string{"uid": f.tasks[i].GetUid()})
	}
	f.added++
	uid := fmt.Sprintf("uid-%d", f.added)
	task := &pb.Task{Name: spec.GetName(), Uid: uid, Spec: spec, State: pb.TaskState_TASK_STATE_RUNNING, Attempt: 1}
	f.tasks = slices.Insert(f.tasks, i, task)
	f.append(
		&pb.Event{Task: task.GetName(), Uid: uid, Kind: pb.EventKind_EVENT_KIND_TASK_ADD_REQUESTED},
		&pb.Event{Task: task.GetName(), Uid: uid, Kind: pb.EventKind_EVENT_KIND_TASK_ADDED},
		&pb.Event{Task: task.GetName(), Uid: uid, Kind: pb.EventKind_EVENT_KIND_TASK_STARTING, Attempt: 1},
	)
	task.Sequence = uint64(len(f.log))
	task.StartTime = f.log[len(f.log)-1].GetTime()
	return &pb.AddTaskResponse{Task: task}, nil
}

func (f *fake) RemoveTask(_ context.Context, req *pb.RemoveTaskRequest) (*pb.RemoveTaskResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i, ok := f.find(req.GetName())
	switch {
	case !ok && req.GetAllowMissing():
		return &pb.RemoveTaskResponse{}, nil
	case !ok:
		return nil, refusal(codes.NotFound, "TASK_NOT_FOUND", map[string]string{"name": req.GetName()})
	}
	task := f.tasks[i]
	f.tasks = slices.Delete(f.tasks, i, i+1)
	final := &pb.Task{
		Name: task.GetName(), Uid: task.GetUid(), Spec: task.GetSpec(), Attempt: 1,
		State: pb.TaskState_TASK_STATE_FINISHED, Outcome: pb.Outcome_OUTCOME_CANCELED,
	}
	f.append(
		&pb.Event{Task: task.GetName(), Uid: task.GetUid(), Kind: pb.EventKind_EVENT_KIND_TASK_REMOVE_REQUESTED},
		&pb.Event{Task: task.GetName(), Uid: task.GetUid(), Kind: pb.EventKind_EVENT_KIND_TASK_STOPPED, Attempt: 1},
		&pb.Event{Task: task.GetName(), Uid: task.GetUid(), Kind: pb.EventKind_EVENT_KIND_TASK_REMOVED, Outcome: final.GetOutcome()},
	)
	final.Sequence = uint64(len(f.log))
	f.ended = append(f.ended, final)
	return &pb.RemoveTaskResponse{Task: final}, nil
}

func (f *fake) ListTasks(ctx context.Context, req *pb.ListTasksRequest) (*pb.ListTasksResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.noteHeaders(ctx)
	if err := grpc.SetHeader(ctx, metadata.Pairs("taskvisor-version", "v1.4.0")); err != nil {
		return nil, err
	}
	f.pages++
	var all []*pb.Task
	if req.GetIncludeFinished() {
		all = append(all, f.ended...)
	}
	all = slices.DeleteFunc(append(all, f.tasks...), func(t *pb.Task) bool {
		return !selects(req.GetFilter().GetNames(), t.GetName()) || !selects(req.GetFilter().GetUids(), t.GetUid())
	})
	tasks, next, err := page(all, int(req.GetPageSize()), req.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &pb.ListTasksResponse{Tasks: tasks, NextPageToken: next, Cursor: f.cursor()}, nil
}

func (f *fake) ListPlugins(_ context.Context, req *pb.ListPluginsRequest) (*pb.ListPluginsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pages++
	all := []*pb.Plugin{
		{Name: "exec", Description: "Runs a command.", DisabledReason: "Start the daemon with --exec-allow."},
		{Name: "sleep", Description: "Waits.", Enabled: true},
	}
	plugins, next, err := page(all, 1, req.GetPageToken()) // of one each, so that a few plugins make pages
	if err != nil {
		return nil, err
	}
	return &pb.ListPluginsResponse{Plugins: plugins, NextPageToken: next}, nil
}

func (f *fake) WatchEvents(req *pb.WatchEventsRequest, stream grpc.ServerStreamingServer[pb.WatchEventsResponse]) error {
	f.streams.Add(1)
	defer f.streams.Done()
	f.mu.Lock()
	at, begin := len(f.log), &pb.WatchEventsResponse{Cursor: f.cursor()}
	if req.GetStart() == pb.WatchStart_WATCH_START_SNAPSHOT {
		begin.Tasks, begin.SnapshotComplete = slices.Clone(f.tasks), true
	}
	f.mu.Unlock()
	if r := req.GetResume(); r != nil && r.GetEpoch() != epoch {
		return refusal(codes.OutOfRange, "CURSOR_EXPIRED", map[string]string{"epoch": epoch, "oldest_sequence": "1", "last_sequence": strconv.Itoa(at)})
	}
	if err := stream.SendHeader(nil); err != nil {
		return err
	}
	if r := req.GetResume(); r != nil || req.GetStart() == pb.WatchStart_WATCH_START_OLDEST {
		at = int(r.GetSequence())
	} else if err := stream.Send(begin); err != nil {
		return err
	}
	for {
		f.mu.Lock()
		events, cursor, changed := f.log[at:], f.cursor(), f.changed
		f.mu.Unlock()
		if len(events) > 0 {
			at += len(events)
			events = slices.DeleteFunc(slices.Clone(events), func(e *pb.Event) bool {
				return !selects(req.GetFilter().GetUids(), e.GetUid()) || !selects(req.GetFilter().GetKinds(), e.GetKind())
			})
			if err := stream.Send(&pb.WatchEventsResponse{Events: events, Cursor: cursor}); err != nil {
				return err
			}
			continue
		}
		select {
		case <-changed:
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
}

// selects reports whether a field of a filter selects the value.
func selects[T comparable](values []T, value T) bool {
	return len(values) == 0 || slices.Contains(values, value)
}

// page returns at most size of the items, 100 when size is 0, from the index that the token is.
func page[T any](items []T, size int, token string) (part []T, next string, err error) {
	if size == 0 {
		size = 100
	}
	from := 0
	if token != "" {
		if from, err = strconv.Atoi(token); err != nil || from > len(items) {
			return nil, "", refusal(codes.InvalidArgument, "INVALID_FIELD", nil, &errdetails.BadRequest_FieldViolation{Field: "page_token", Description: token})
		}
	}
	to := min(from+size, len(items))
	if to < len(items) {
		next = strconv.Itoa(to)
	}
	return items[from:to], next, nil
}

// check refuses the specs that the tests use as bad ones.
func check(spec *pb.TaskSpec) error {
	if p := spec.GetPlugin(); p != "exec" {
		return refusal(codes.InvalidArgument, "UNKNOWN_PLUGIN", map[string]string{"plugin": p, "known_plugins": "exec,sleep"})
	}
	var wrong []*errdetails.BadRequest_FieldViolation
	if spec.GetName() == "bad name" {
		wrong = append(wrong, &errdetails.BadRequest_FieldViolation{Field: "task.name", Description: "has a space"})
	}
	if d := spec.GetTimeout(); d.AsDuration() < 0 {
		wrong = append(wrong, &errdetails.BadRequest_FieldViolation{Field: "task.timeout", Description: d.AsDuration().String() + " is negative"})
	}
	if wrong != nil {
		return refusal(codes.InvalidArgument, "INVALID_FIELD", nil, wrong...)
	}
	return nil
}

// refusal makes an error the way that the contract says.
func refusal(code codes.Code, reason string, metadata map[string]string, wrong ...*errdetails.BadRequest_FieldViolation) error {
	details := []protoadapt.MessageV1{&errdetails.ErrorInfo{Reason: reason, Domain: "taskvisor", Metadata: metadata}}
	if wrong != nil {
		details = append(details, &errdetails.BadRequest{FieldViolations: wrong})
	}
	s, err := status.New(code, "refused").WithDetails(details...)
	if err != nil {
		return err
	}
	return s.Err()
}
