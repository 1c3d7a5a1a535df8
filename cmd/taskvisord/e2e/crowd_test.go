//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

const (
	crowdTasks    = 1000 // of which one ignores that it is canceled
	crowdWatchers = 100
	crowdStalled  = 10 // of them, which never read

	crowdGrace = 2 * time.Second
	// What a daemon that is told to stop may take: the grace, 5 s for those who have not read their streams, and 1 s for what is left, on a machine
	// that has other things to do as well.
	crowdBudget = crowdGrace + 5*time.Second + time.Second
)

// TestShutdownOfACrowd: SIGTERM while 1,000 tasks run, one of which is stuck, and 100 watch, 10 of whom never read. The daemon exits within its
// budget and says by its code, in its log and to those who watch which task it was.
func TestShutdownOfACrowd(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, "--grace", crowdGrace.String())
	calls := pb.NewSupervisorServiceClient(d.connect(t))
	for range crowdStalled { // from the first event on: what they do not read is more than fits into a connection
		stream, err := pb.NewSupervisorServiceClient(d.connect(t)).WatchEvents(t.Context(), &pb.WatchEventsRequest{Start: pb.WatchStart_WATCH_START_OLDEST})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Header(); err != nil {
			t.Fatal(err)
		}
	}
	addCrowd(t, calls)
	var watching sync.WaitGroup
	for range crowdWatchers - crowdStalled {
		stream, err := calls.WatchEvents(t.Context(), &pb.WatchEventsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Header(); err != nil {
			t.Fatal(err)
		}
		watching.Go(func() { expectCrowdToEnd(t, stream) })
	}

	begin := time.Now()
	d.signal(t, syscall.SIGTERM)
	const exitStuck = 3
	if code := d.exit(t); code != exitStuck {
		t.Errorf("the daemon exits with %d, want %d", code, exitStuck)
	}
	took := time.Since(begin)
	t.Logf("it took %s; the budget is %s", took.Round(time.Millisecond), crowdBudget)
	if took > crowdBudget {
		t.Errorf("it took %s, and the budget is %s", took, crowdBudget)
	}
	watching.Wait()
	lines := strings.Split(strings.TrimSpace(d.stderr.String()), "\n")
	want := fmt.Sprintf("1 of %d tasks did not stop within %s: stuck; quitting without them", crowdTasks, crowdGrace)
	if last := lines[len(lines)-1]; !strings.HasSuffix(last, want) {
		t.Errorf("the last line of the log is\n%s\nwant %s", last, want)
	}
}

// connect returns a connection of its own.
func (d *daemon) connect(t *testing.T) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(d.addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// addCrowd adds the tasks and returns when all of them run.
func addCrowd(t *testing.T, calls pb.SupervisorServiceClient) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	events, err := calls.WatchEvents(ctx, &pb.WatchEventsRequest{Filter: &pb.EventFilter{Kinds: []pb.EventKind{pb.EventKind_EVENT_KIND_TASK_STARTING}}})
	if err == nil {
		_, err = events.Header()
	}
	for i := 0; err == nil && i < crowdTasks; i++ {
		config := map[string]*structpb.Value{"duration": structpb.NewStringValue("1h")}
		spec := &pb.TaskSpec{Name: fmt.Sprintf("task-%d", i), Plugin: "sleep", Config: &structpb.Struct{Fields: config}}
		if i == crowdTasks/2 {
			spec.Name = "stuck"
			config["ignore_cancel"] = structpb.NewStringValue("1h")
		}
		_, err = calls.AddTask(ctx, &pb.AddTaskRequest{Task: spec})
	}
	for started := 0; err == nil && started < crowdTasks; {
		var message *pb.WatchEventsResponse
		message, err = events.Recv()
		started += len(message.GetEvents())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// expectCrowdToEnd reads a stream: the removal of every task but one, the verdict that names this one, and the end.
func expectCrowdToEnd(t *testing.T, stream grpc.ServerStreamingClient[pb.WatchEventsResponse]) {
	removed, last := 0, new(pb.Event)
	for {
		message, err := stream.Recv()
		if err != nil {
			if status.Code(err) != codes.Unavailable || reasonOf(err) != "SERVER_SHUTDOWN" {
				t.Errorf("a stream ends with %v", err)
			}
			break
		}
		if message.GetGap() != nil {
			t.Errorf("a watcher has lost %v", message.GetGap())
		}
		for _, last = range message.GetEvents() {
			if last.GetKind() == pb.EventKind_EVENT_KIND_TASK_REMOVED {
				removed++
			}
		}
	}
	if removed != crowdTasks-1 || last.GetKind() != pb.EventKind_EVENT_KIND_GRACE_EXCEEDED || last.GetTask() != "stuck" {
		t.Errorf("a watcher was told of the end of %d tasks, and in the end %v", removed, last)
	}
}
