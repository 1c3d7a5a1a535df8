package server_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/server/servertest"
	"github.com/taskvisor/taskvisor/supervisor"
)

// healthServices are the services that a prober can ask about.
var healthServices = []string{"", "taskvisor.v1.SupervisorService", "taskvisor.v1.PluginService"}

// "SERVING, for the server as a whole and for each of its services"; "tasks that fail are no business of it".
func TestHealth(t *testing.T) {
	h := newHarness(t)
	h.Add("task", servertest.Fail)
	prober := healthpb.NewHealthClient(h.Conn)
	for _, service := range healthServices {
		resp, err := prober.Check(t.Context(), &healthpb.HealthCheckRequest{Service: service})
		if err != nil || resp.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("%q: %v, %v", service, resp, err)
		}
	}
	_, err := prober.Check(t.Context(), &healthpb.HealthCheckRequest{Service: "nobody"})
	if r := refusalOf(t, err); r.code != codes.NotFound {
		t.Errorf("an unknown service: %v", err)
	}
}

const (
	serving    = healthpb.HealthCheckResponse_SERVING
	notServing = healthpb.HealthCheckResponse_NOT_SERVING
	unknown    = healthpb.HealthCheckResponse_SERVICE_UNKNOWN
)

// prober watches the health of one service.
type prober struct {
	t      *testing.T
	h      *servertest.Harness
	stream healthpb.Health_WatchClient
	name   string
}

func probe(t *testing.T, h *servertest.Harness, service string) *prober {
	t.Helper()
	stream, err := healthpb.NewHealthClient(h.Conn).Watch(t.Context(), &healthpb.HealthCheckRequest{Service: service})
	if err != nil {
		t.Fatal(err)
	}
	return &prober{t, h, stream, service}
}

// sees checks that the next change is to this status and comes after this time, and that Check agrees.
func (p *prober) sees(want healthpb.HealthCheckResponse_ServingStatus, after time.Duration) {
	p.t.Helper()
	begin := time.Now()
	resp, err := p.stream.Recv()
	if err != nil {
		p.t.Fatal(err)
	}
	if resp.GetStatus() != want || time.Since(begin) != after {
		p.t.Errorf("%v after %v, want %v after %v", resp.GetStatus(), time.Since(begin), want, after)
	}
	checked, err := healthpb.NewHealthClient(p.h.Conn).Check(p.t.Context(), &healthpb.HealthCheckRequest{Service: p.name})
	switch {
	case want == unknown:
		wantMetadata(p.t, wantRefusal(p.t, err, codes.NotFound, "TASK_NOT_FOUND"), map[string]string{"name": p.name[len("task/"):]})
	case err != nil || checked.GetStatus() != want:
		p.t.Errorf("Check: %v, %v, want %v", checked, err, want)
	}
}

// "One service name per task: task/NAME, SERVING while RUNNING or in a success interval", through a life and beyond.
func TestHealthOfATask(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		attempts := 0
		h.Define("flaky", func(ctx context.Context) error {
			attempts++
			if attempts == 4 {
				<-ctx.Done()
				time.Sleep(2 * time.Second)
				return nil
			}
			time.Sleep(time.Second)
			if attempts == 2 {
				return errors.New("it fails once")
			}
			return nil
		})
		p := probe(t, h, "task/web/1")
		p.sees(unknown, 0)
		synctest.Wait()
		h.Add("web/2", servertest.Fail) // somebody else
		h.Add("web/1", "flaky", func(s *pb.TaskSpec) {
			s.Restart = always(seconds(5))
			s.Backoff = &pb.BackoffPolicy{First: seconds(3), Jitter: pb.Jitter_JITTER_NONE}
		})
		synctest.Wait()
		resp, err := p.stream.Recv()
		if err == nil && resp.GetStatus() == notServing { // it looked before the first attempt
			resp, err = p.stream.Recv()
		}
		if err != nil || resp.GetStatus() != serving {
			t.Errorf("running: %v, %v", resp, err)
		}
		p.sees(notServing, 1*time.Second+5*time.Second+1*time.Second) // a success, its interval, and a failure
		p.sees(serving, 3*time.Second)
		time.Sleep(10 * time.Second) // a success, its interval, and an attempt that goes on
		removed := make(chan error, 1)
		go func() {
			_, err := h.Tasks.RemoveTask(t.Context(), &pb.RemoveTaskRequest{Name: "web/1"})
			removed <- err
		}()
		p.sees(notServing, 0)
		p.sees(unknown, 2*time.Second)
		if err := <-removed; err != nil {
			t.Error(err)
		}
	})
}

// After a success, a task that waits for a permit is as healthy as one that waits for its time; before the first attempt and after a failure it
// is not.
func TestHealthOfATaskThatWaitsForAPermit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t, servertest.WithEngine(supervisor.Config{MaxConcurrent: 1}))
		h.Add("good", servertest.Succeed, func(s *pb.TaskSpec) { s.Restart = always(seconds(1)) })
		h.Add("bad", servertest.Fail, func(s *pb.TaskSpec) { s.Backoff = &pb.BackoffPolicy{First: seconds(1), Jitter: pb.Jitter_JITTER_NONE} })
		synctest.Wait()
		h.Add("holder", servertest.Wait)
		time.Sleep(time.Minute)
		h.Add("new", servertest.Wait)
		synctest.Wait()
		for _, task := range list(t, h, &pb.ListTasksRequest{}).GetTasks() {
			if want := task.GetName() != "holder"; (task.GetState() == pb.TaskState_TASK_STATE_WAITING) != want {
				t.Errorf("%v", task)
			}
		}
		for name, want := range map[string]healthpb.HealthCheckResponse_ServingStatus{
			"holder": serving, "good": serving, "bad": notServing, "new": notServing,
		} {
			probe(t, h, "task/"+name).sees(want, 0)
		}
	})
}

// Whoever shuts down, server or program, the tasks are NOT_SERVING from then on, and the stream ends.
func TestHealthOfATaskDuringTheShutdown(t *testing.T) {
	for name, shutdown := range map[string]func(*servertest.Harness) func(context.Context) error{
		"server":  func(h *servertest.Harness) func(context.Context) error { return h.Server.Shutdown },
		"program": func(h *servertest.Harness) func(context.Context) error { return h.Supervisor.Shutdown },
	} {
		bubble(t, func(t *testing.T) {
			h := newHarness(t)
			defineSlow(h, 3*time.Second)
			h.Add("task", "slow")
			synctest.Wait()
			p := probe(t, h, "task/task")
			p.sees(serving, 0)
			verdict := make(chan error, 1)
			go func() { verdict <- shutdown(h)(t.Context()) }()
			p.sees(notServing, 0)
			resp, err := p.stream.Recv()
			if err == nil && resp.GetStatus() == unknown { // it is gone a moment before the end
				_, err = p.stream.Recv()
			}
			wantRefusal(t, err, codes.Unavailable, "SERVER_SHUTDOWN")
			if err := <-verdict; err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

// What the log dropped may have been about the task: the registry is asked, not the events.
func TestHealthOfATaskAfterAGap(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := newGate()
		h := newHarness(t, servertest.WithEngine(supervisor.Config{EventBuffer: 4}), servertest.WithGRPC(grpc.ChainStreamInterceptor(g.intercept)))
		g.shut()
		p := probe(t, h, "task/task")
		synctest.Wait() // it is about to say that there is none
		h.Add("task", servertest.Wait)
		synctest.Wait()
		h.Add("other", servertest.Wait)
		h.Add("another", servertest.Wait)
		synctest.Wait()
		g.open()
		if resp, err := p.stream.Recv(); err != nil || resp.GetStatus() != unknown {
			t.Errorf("first: %v, %v", resp, err)
		}
		p.sees(serving, 0)
	})
}

// Startup, readiness and liveness through the life of a server.
func TestHealthForProbes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t, servertest.WithServer(server.Config{Logger: quiet, Starting: true}), servertest.WithEngine(supervisor.Config{Grace: time.Minute}))
		h.Define("slow", func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(10 * time.Second)
			return nil
		})
		check := func(when string, want map[string]bool) {
			t.Helper()
			for service, healthy := range want {
				if h.Server.Healthy(t.Context(), service) != healthy {
					t.Errorf("%s: %q is healthy: %t", when, service, !healthy)
				}
			}
		}
		check("at first", map[string]bool{
			"": false, server.HealthStartup: false, server.HealthReadiness: false, server.HealthLiveness: true, "taskvisor.v1.SupervisorService": false, "nobody": false,
		})
		watched := probe(t, h, server.HealthReadiness)
		watched.sees(notServing, 0)
		h.Server.Started()
		watched.sees(serving, 0)
		h.Add("task", "slow")
		h.Add("failed", servertest.Fail)
		synctest.Wait()
		check("later", map[string]bool{
			"": true, server.HealthStartup: true, server.HealthReadiness: true, server.HealthLiveness: true, "taskvisor.v1.SupervisorService": true, "task/task": true,
		})
		go func() { _ = h.Server.Shutdown(context.Background()) }()
		watched.sees(notServing, 0)
		time.Sleep(time.Second)
		h.Server.Started() // too late
		check("during the shutdown", map[string]bool{
			"": false, server.HealthStartup: true, server.HealthReadiness: false, server.HealthLiveness: true, "taskvisor.v1.SupervisorService": false,
		})
	})
}

// A health server needs no credentials, knows nothing but health, and answers until the supervisor has shut down.
func TestHealthServer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t, servertest.WithServer(server.Config{Logger: quiet, Authenticator: new(server.Access)}))
		h.Define("slow", func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(time.Second)
			return nil
		})
		listener := bufconn.Listen(1 << 16)
		served := make(chan error, 1)
		go func() { served <- h.Server.NewHealthServer().Serve(listener) }()
		conn, err := grpc.NewClient("passthrough:bufconn", grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		answer, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{Service: server.HealthLiveness})
		if err != nil || answer.GetStatus() != serving {
			t.Errorf("%v, %v", answer, err)
		}
		if _, err := pb.NewSupervisorServiceClient(conn).ListTasks(t.Context(), &pb.ListTasksRequest{}); status.Code(err) != codes.Unimplemented {
			t.Errorf("ListTasks: %v", err)
		}
		stream, err := healthpb.NewHealthClient(conn).Watch(t.Context(), &healthpb.HealthCheckRequest{Service: server.HealthReadiness})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []healthpb.HealthCheckResponse_ServingStatus{serving, notServing} {
			if answer, err := stream.Recv(); err != nil || answer.GetStatus() != want {
				t.Fatalf("%v, %v, want %v", answer, err, want)
			}
			if want == serving {
				_, err := h.Server.AddTask(t.Context(), &pb.AddTaskRequest{Task: servertest.Spec("slow", "slow")})
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				go func() { _ = h.Server.Shutdown(context.Background()) }()
			}
		}
		if _, err := stream.Recv(); err == nil {
			t.Error("the stream does not end")
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}
