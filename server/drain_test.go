package server_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/server/servertest"
	"github.com/taskvisor/taskvisor/supervisor"
)

// shutDown begins a shutdown and returns a function that waits for its verdict.
func shutDown(ctx context.Context, s *server.Server) func() error {
	verdict := make(chan error, 1)
	go func() { verdict <- s.Shutdown(ctx) }()
	return func() error { return <-verdict }
}

// defineSlow defines a body that takes this long to stop.
func defineSlow(h *servertest.Harness, stop time.Duration) {
	h.Define("slow", func(ctx context.Context) error {
		<-ctx.Done()
		time.Sleep(stop)
		return nil
	})
}

// While the tasks stop, "calls are answered as before, so that everybody can see how that goes, only AddTask is refused, with SERVER_SHUTDOWN".
func TestShutdownAnswersCallsWhileTasksStop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		defineSlow(h, 3*time.Second)
		task := h.Add("task", "slow")
		synctest.Wait()
		begin := time.Now()
		verdict := shutDown(t.Context(), h.Server)
		time.Sleep(time.Second)
		for _, validateOnly := range []bool{false, true} {
			_, err := h.Tasks.AddTask(t.Context(), &pb.AddTaskRequest{Task: servertest.Spec("new", servertest.Wait), ValidateOnly: validateOnly})
			wantMetadata(t, wantRefusal(t, err, codes.Unavailable, "SERVER_SHUTDOWN"), nil)
		}
		if tasks := list(t, h, &pb.ListTasksRequest{}).GetTasks(); len(tasks) != 1 || tasks[0].GetState() != pb.TaskState_TASK_STATE_STOPPING {
			t.Errorf("listed: %v", tasks)
		}
		if _, err := h.Plugins.ListPlugins(t.Context(), &pb.ListPluginsRequest{}); err != nil {
			t.Error(err)
		}
		late := watch(t, h, &pb.WatchEventsRequest{Start: startOldest})
		removed, err := h.Tasks.RemoveTask(t.Context(), &pb.RemoveTaskRequest{Name: "task"})
		if err != nil || removed.GetTask().GetUid() != task.GetUid() || removed.GetTask().GetOutcome() != pb.Outcome_OUTCOME_CANCELED {
			t.Errorf("removed: %v, %v", removed, err)
		}
		wantRefusal(t, late.end(), codes.Unavailable, "SERVER_SHUTDOWN")
		if err := verdict(); err != nil || time.Since(begin) != 3*time.Second {
			t.Errorf("verdict %v after %v", err, time.Since(begin))
		}
		if _, err := h.Tasks.ListTasks(t.Context(), &pb.ListTasksRequest{}); refusalOf(t, err).code != codes.Unavailable {
			t.Errorf("after the shutdown: %v", err)
		}
	})
}

// "The stream delivers everything up to the verdict, then ends UNAVAILABLE, reason SERVER_SHUTDOWN", for each start and filter.
func TestShutdownDeliversTheTailOfStreams(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		defineSlow(h, time.Second)
		h.Add("a", "slow")
		h.Add("b", servertest.Wait)
		synctest.Wait()
		verdictOnly := &pb.EventFilter{Kinds: []pb.EventKind{pb.EventKind_EVENT_KIND_ALL_STOPPED_WITHIN_GRACE}}
		var followers []*follower
		for _, req := range []*pb.WatchEventsRequest{
			{}, {Start: startOldest}, {Start: startSnapshot}, {Filter: verdictOnly}, {Filter: &pb.EventFilter{Names: []string{"a"}}},
		} {
			followers = append(followers, watch(t, h, req))
		}
		verdict := shutDown(t.Context(), h.Server)
		tail := []string{
			"SHUTDOWN_REQUESTED", "TASK_STOPPED", "TASK_REMOVED", "TASK_STOPPED", "TASK_REMOVED", "ALL_STOPPED_WITHIN_GRACE",
		}
		added := []string{"TASK_ADD_REQUESTED", "TASK_ADDED", "TASK_ADD_REQUESTED", "TASK_ADDED", "TASK_STARTING", "TASK_STARTING"}
		for i, want := range [][]string{tail, slices.Concat(added, tail), tail, tail[5:], tail[1:3]} {
			f := followers[i]
			wantRefusal(t, f.end(), codes.Unavailable, "SERVER_SHUTDOWN")
			got := f.kinds()
			if i == 1 {
				slices.Sort(got[:6]) // two tasks began at once
				slices.Sort(want[:6])
			}
			if !slices.Equal(got, want) {
				t.Errorf("%d: got %q, want %q", i, got, want)
			}
		}
		if err := verdict(); err != nil {
			t.Error(err)
		}
	})
}

// The verdict may be that tasks are stuck: each is named in an event, and in the error.
func TestShutdownWithAStuckTask(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t, servertest.WithEngine(supervisor.Config{Grace: 4 * time.Second}))
		release := make(chan struct{})
		defer close(release)
		h.Define("deaf", func(context.Context) error { <-release; return nil })
		h.Add("stuck", "deaf")
		h.Add("fine", servertest.Wait)
		synctest.Wait()
		f := watch(t, h, &pb.WatchEventsRequest{})
		removal := make(chan error, 1)
		begin := time.Now()
		verdict := shutDown(t.Context(), h.Server)
		synctest.Wait()
		go func() {
			_, err := h.Tasks.RemoveTask(t.Context(), &pb.RemoveTaskRequest{Name: "stuck"})
			removal <- err
		}()
		wantRefusal(t, f.end(), codes.Unavailable, "SERVER_SHUTDOWN")
		if want := []string{"SHUTDOWN_REQUESTED", "TASK_STOPPED", "TASK_REMOVED", "GRACE_EXCEEDED"}; !slices.Equal(f.kinds(), want) {
			t.Errorf("got %q, want %q", f.kinds(), want)
		}
		if last := f.events()[3]; last.GetTask() != "stuck" || last.GetAttempt() != 1 {
			t.Errorf("the last event is %v", last)
		}
		stuck, ok := errors.AsType[*supervisor.StuckError](verdict())
		if !ok || len(stuck.Tasks) != 1 || stuck.Tasks[0].Spec.Name != "stuck" || time.Since(begin) != 4*time.Second {
			t.Errorf("verdict %v after %v", stuck, time.Since(begin))
		}
		wantRefusal(t, <-removal, codes.DeadlineExceeded, "TASK_STUCK") // GracefulStop has waited for its answer
	})
}

// "Health says NOT_SERVING, so that no new callers come", at once; "other streams, such as those of health, end" with the verdict.
func TestShutdownTellsProbers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		defineSlow(h, 3*time.Second)
		h.Add("task", "slow")
		synctest.Wait() // it runs
		prober := healthpb.NewHealthClient(h.Conn)
		stream, err := prober.Watch(t.Context(), &healthpb.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		next := func() healthpb.HealthCheckResponse_ServingStatus {
			resp, err := stream.Recv()
			if err != nil {
				t.Fatal(err)
			}
			return resp.GetStatus()
		}
		if got := next(); got != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("before: %v", got)
		}
		begin := time.Now()
		verdict := shutDown(t.Context(), h.Server)
		if got := next(); got != healthpb.HealthCheckResponse_NOT_SERVING || time.Since(begin) != 0 {
			t.Errorf("%v after %v", got, time.Since(begin))
		}
		for _, service := range healthServices {
			resp, err := prober.Check(t.Context(), &healthpb.HealthCheckRequest{Service: service})
			if err != nil || resp.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
				t.Errorf("%q: %v, %v", service, resp, err)
			}
		}
		_, err = stream.Recv()
		wantRefusal(t, err, codes.Unavailable, "SERVER_SHUTDOWN")
		if err := verdict(); err != nil || time.Since(begin) != 3*time.Second {
			t.Errorf("verdict %v after %v", err, time.Since(begin))
		}
	})
}

// blockedWatch opens a stream that is not read, and makes so many events that its handler waits for the client.
func blockedWatch(t *testing.T, h *servertest.Harness) *follower {
	t.Helper()
	h.Define("talks", func(context.Context) error { return errors.New(strings.Repeat("x", 1<<16)) })
	f := watch(t, h, &pb.WatchEventsRequest{})
	for range 50 { // 8 KiB each; HTTP/2 takes 64 KiB, and the server as much before it waits
		resp, err := h.Server.AddTask(t.Context(), &pb.AddTaskRequest{Task: servertest.Spec("", "talks")})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // it has failed once
		if _, err := h.Server.RemoveTask(t.Context(), &pb.RemoveTaskRequest{Uid: resp.GetTask().GetUid()}); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Wait()
	return f
}

// "Not even a blocked send may keep a stream's handler from ending": "callers who have not read their streams when Config.DrainTimeout is over
// lose their connection". Others do not notice.
func TestShutdownDoesNotWaitForWhoDoesNotRead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t, servertest.WithServer(server.Config{Logger: quiet, DrainTimeout: 7 * time.Second}))
		blocked := blockedWatch(t, h)
		reads := watch(t, h, &pb.WatchEventsRequest{})
		begin := time.Now()
		verdict := shutDown(t.Context(), h.Server)
		wantRefusal(t, reads.end(), codes.Unavailable, "SERVER_SHUTDOWN")
		if took := time.Since(begin); took != 0 {
			t.Errorf("a reader learned of the shutdown after %v", took)
		}
		if err := verdict(); err != nil || time.Since(begin) != 7*time.Second {
			t.Errorf("verdict %v after %v", err, time.Since(begin))
		}
		if r := refusalOf(t, blocked.end()); r.code != codes.Unavailable {
			t.Errorf("who does not read: %v", blocked.err)
		}
	})
}

// Many who do not read, on connections of their own, a stuck task, and some who read: those learn the verdict at the end of the grace, also
// through a filter; the others are cut when DrainTimeout is over, all at once; and that is the end.
func TestShutdownWithManyWhoDoNotReadAndAStuckTask(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const grace, drain = 4 * time.Second, 7 * time.Second
		h := newHarness(t, servertest.WithServer(server.Config{Logger: quiet, DrainTimeout: drain}),
			servertest.WithEngine(supervisor.Config{Grace: grace, OutputRate: 1 << 30, OutputBurst: 1 << 30}))
		release := make(chan struct{})
		defer close(release)
		h.Define("stuck", func(ctx context.Context) error {
			for range 5_000 {
				supervisor.OutputLine(ctx, supervisor.Stdout, strings.Repeat("x", 100))
			}
			<-release
			return nil
		})
		var stalled, reading []*follower
		for i := range 10 {
			other := *h
			other.Tasks = pb.NewSupervisorServiceClient(h.Dial())
			stalled = append(stalled, watch(t, &other, &pb.WatchEventsRequest{Filter: &pb.EventFilter{Names: []string{"stuck", "*"}[:1+i%2]}}))
		}
		h.Add("stuck", "stuck", func(s *pb.TaskSpec) { s.CaptureOutput = true })
		synctest.Wait()
		for _, filter := range []*pb.EventFilter{nil, {Names: []string{"stuck"}}, {Kinds: []pb.EventKind{pb.EventKind_EVENT_KIND_GRACE_EXCEEDED}}} {
			reading = append(reading, watch(t, h, &pb.WatchEventsRequest{Filter: filter}))
		}
		begin := time.Now()
		verdict := shutDown(t.Context(), h.Server)
		for _, f := range reading {
			wantRefusal(t, f.end(), codes.Unavailable, "SERVER_SHUTDOWN")
			if kinds := f.kinds(); time.Since(begin) != grace || kinds[len(kinds)-1] != "GRACE_EXCEEDED" {
				t.Errorf("after %v a reader has %q", time.Since(begin), kinds)
			}
		}
		if streams := h.Server.Stats().Streams; streams != len(stalled) {
			t.Errorf("%d streams are open, want %d", streams, len(stalled))
		}
		var stuck *supervisor.StuckError
		if err := verdict(); !errors.As(err, &stuck) || time.Since(begin) != grace+drain {
			t.Errorf("verdict %v after %v", err, time.Since(begin))
		}
		if stats := h.Server.Stats(); stats.Streams != 0 {
			t.Errorf("after the shutdown %+v", stats)
		}
		for _, f := range stalled {
			if r := refusalOf(t, f.end()); r.code != codes.Unavailable {
				t.Errorf("who does not read: %v", f.err)
			}
			f.wantFlow(0, true)
		}
	})
}

// A client who does not read and leaves is let go, with its place among MaxStreams.
func TestABlockedStreamEndsWhenTheCallerLeaves(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t, servertest.WithServer(server.Config{Logger: quiet, MaxStreams: 1}))
		blocked := blockedWatch(t, h)
		wantRefusal(t, watchError(t, h, &pb.WatchEventsRequest{}), codes.ResourceExhausted, "STREAM_LIMIT")
		blocked.leave()
		synctest.Wait()
		watch(t, h, &pb.WatchEventsRequest{})
	})
}

// It returns "the error of ctx if that was done before the verdict", and waits for nobody any more.
func TestShutdownOfACallerInAHurry(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		defineSlow(h, 8*time.Second)
		h.Add("task", "slow")
		synctest.Wait()
		f := watch(t, h, &pb.WatchEventsRequest{})
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := h.Server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 2*time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		if r := refusalOf(t, f.end()); r.code != codes.Unavailable {
			t.Errorf("the stream ended %v", f.err)
		}
		if err := h.Supervisor.Shutdown(t.Context()); err != nil || time.Since(begin) != 8*time.Second {
			t.Errorf("the supervisor: %v after %v", err, time.Since(begin))
		}
	})
}

// "A second call with a ctx that is done cuts a first one short."
func TestShutdownIsCutShortByASecondCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t, servertest.WithServer(server.Config{Logger: quiet, DrainTimeout: time.Hour}))
		blockedWatch(t, h)
		begin := time.Now()
		first := make(chan error, 1)
		go func() { first <- h.Server.Shutdown(t.Context()) }()
		time.Sleep(time.Minute)
		select {
		case err := <-first:
			t.Errorf("the first call did not wait: %v", err)
		default:
		}
		done, cancel := context.WithCancel(t.Context())
		cancel()
		second := h.Server.Shutdown(done)
		if second != nil && !errors.Is(second, context.Canceled) {
			t.Errorf("the second call: %v", second)
		}
		if err := <-first; err != nil || time.Since(begin) != time.Minute {
			t.Errorf("verdict %v after %v", err, time.Since(begin))
		}
	})
}

// serve serves g on a listener of its own, and returns a connection to it and how Serve ends.
func serve(t *testing.T, g *grpc.Server) (*grpc.ClientConn, <-chan error) {
	t.Helper()
	listener := bufconn.Listen(1 << 16)
	served := make(chan error, 1)
	go func() { served <- g.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///second", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn, served
}

// "There may be several … Shutdown stops them all." One that is made too late never serves.
func TestShutdownStopsEveryGRPCServer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		conn, served := serve(t, h.Server.NewGRPCServer())
		task := h.Add("task", servertest.Wait)
		resp, err := pb.NewSupervisorServiceClient(conn).ListTasks(t.Context(), &pb.ListTasksRequest{})
		if err != nil || len(resp.GetTasks()) != 1 || resp.GetTasks()[0].GetUid() != task.GetUid() {
			t.Errorf("listed over the second server: %v, %v", resp, err)
		}
		if err := h.Server.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
		late, served := serve(t, h.Server.NewGRPCServer())
		if err := <-served; !errors.Is(err, grpc.ErrServerStopped) {
			t.Errorf("a server made after the shutdown: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := pb.NewSupervisorServiceClient(late).ListTasks(ctx, &pb.ListTasksRequest{}); err == nil {
			t.Error("a server made after the shutdown answers")
		}
	})
}

// Register serves a program that has a gRPC server already.
func TestRegisterOnAServerOfTheCaller(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		own := grpc.NewServer()
		h.Server.Register(own)
		conn, served := serve(t, own)
		added, err := pb.NewSupervisorServiceClient(conn).AddTask(t.Context(), &pb.AddTaskRequest{Task: waitSpec()})
		if err != nil {
			t.Fatal(err)
		}
		if tasks := list(t, h, &pb.ListTasksRequest{}).GetTasks(); len(tasks) != 1 || tasks[0].GetUid() != added.GetTask().GetUid() {
			t.Errorf("listed: %v", tasks)
		}
		stream, err := pb.NewSupervisorServiceClient(conn).WatchEvents(t.Context(), &pb.WatchEventsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		f := &follower{t: t, stream: stream}
		f.next()
		if err := h.Server.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		wantRefusal(t, f.end(), codes.Unavailable, "SERVER_SHUTDOWN")
		own.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// Everybody who shuts down gets the one verdict, and streams that come and go meanwhile all end.
func TestShutdownAmidCallers(t *testing.T) {
	h := newHarness(t, servertest.WithServer(patient))
	h.Add("task", servertest.Wait)
	stop := make(chan struct{})
	callers := make(chan struct{})
	for range 4 {
		go func() {
			defer func() { callers <- struct{}{} }()
			for {
				select {
				case <-stop:
					return
				default:
				}
				stream, err := h.Tasks.WatchEvents(t.Context(), &pb.WatchEventsRequest{Start: startSnapshot})
				for err == nil {
					_, err = stream.Recv()
				}
			}
		}()
	}
	watch(t, h, &pb.WatchEventsRequest{}).next()
	one, other := shutDown(t.Context(), h.Server), shutDown(t.Context(), h.Server)
	if err := errors.Join(one(), other()); err != nil {
		t.Error(err)
	}
	close(stop)
	for range 4 {
		<-callers
	}
}

// An answer that is on its way when the shutdown begins arrives.
func TestShutdownLetsCallsFinish(t *testing.T) {
	bubble(t, func(t *testing.T) {
		hold := make(chan struct{})
		h := newHarness(t, servertest.WithGRPC(grpc.ChainUnaryInterceptor(
			func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
				resp, err := handler(ctx, req)
				<-hold
				return resp, err
			})))
		type answer struct {
			resp *pb.ListTasksResponse
			err  error
		}
		answers := make(chan answer, 1)
		go func() {
			resp, err := h.Tasks.ListTasks(t.Context(), &pb.ListTasksRequest{})
			answers <- answer{resp, err}
		}()
		synctest.Wait()
		verdict := shutDown(t.Context(), h.Server)
		time.Sleep(time.Second)
		close(hold)
		if a := <-answers; a.err != nil || !proto.Equal(a.resp, &pb.ListTasksResponse{Cursor: a.resp.GetCursor()}) {
			t.Errorf("got %v, %v", a.resp, a.err)
		}
		if err := verdict(); err != nil {
			t.Error(err)
		}
	})
}
