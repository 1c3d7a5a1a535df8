package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/server/servertest"
	"github.com/taskvisor/taskvisor/supervisor"
)

// as returns a context whose calls send the token.
func as(t testing.TB, token string) context.Context {
	t.Helper()
	return metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token)
}

// bearer is the credentials of a whole connection.
type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

func (bearer) RequireTransportSecurity() bool { return false }

// guarded is a server with a token for each role, which is also its principal.
func guarded(t testing.TB, config server.Config) (*servertest.Harness, *server.Access) {
	t.Helper()
	access := new(server.Access)
	if err := access.Set(everyRole()...); err != nil {
		t.Fatal(err)
	}
	config.Authenticator = access
	if config.Logger == nil {
		config.Logger = quiet
	}
	return newHarness(t, servertest.WithServer(config)), access
}

func everyRole() (grants []server.Grant) {
	for role := server.RoleWatch; role <= server.RoleAdmin; role++ {
		grants = append(grants, grantOf(role.String(), role, "token of "+role.String()))
	}
	return grants
}

// client returns the services over a connection that sends the token of the role.
func client(h *servertest.Harness, role server.Role) pb.SupervisorServiceClient {
	return pb.NewSupervisorServiceClient(h.Dial(grpc.WithPerRPCCredentials(bearer("token of " + role.String()))))
}

// method is a call of any method, with a request that says nothing.
type method struct {
	name   string
	stream bool
	needs  string // name of the role
}

// methods are those of the contract, with the roles that the contract gives them.
var methods = []method{
	{"/taskvisor.v1.SupervisorService/ListTasks", false, "watch"},
	{"/taskvisor.v1.SupervisorService/WatchEvents", true, "watch"},
	{"/taskvisor.v1.SupervisorService/AddTask", false, "operate"},
	{"/taskvisor.v1.SupervisorService/RemoveTask", false, "operate"},
	{"/taskvisor.v1.PluginService/ListPlugins", false, "watch"},
	{"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", true, "watch"},
	{"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", true, "watch"},
	{"/grpc.health.v1.Health/Check", false, ""},
	{"/grpc.health.v1.Health/List", false, ""},
	{"/grpc.health.v1.Health/Watch", true, ""},
}

// call returns how the method answers: nil also when it is a stream that goes on.
func (m method) call(ctx context.Context, conn *grpc.ClientConn) error {
	if !m.stream {
		return conn.Invoke(ctx, m.name, &emptypb.Empty{}, &emptypb.Empty{})
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, m.name)
	if err != nil {
		return err
	}
	// A stream that is refused may have ended already, which is io.EOF here.
	if err := stream.SendMsg(&emptypb.Empty{}); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	return stream.RecvMsg(&emptypb.Empty{})
}

// Each method with the token of each role, and with none.
func TestEachMethodNeedsItsRole(t *testing.T) {
	h, _ := guarded(t, server.Config{})
	var ranks = []string{"", "watch", "operate", "admin"}
	for _, m := range methods {
		for _, role := range ranks {
			t.Run(m.name+" "+role, func(t *testing.T) {
				ctx := t.Context()
				if role != "" {
					ctx = as(t, "token of "+role)
				}
				err := m.call(ctx, h.Conn)
				switch {
				case slices.Index(ranks, role) >= slices.Index(ranks, m.needs):
					if code := status.Code(err); code == codes.Unauthenticated || code == codes.PermissionDenied {
						t.Error(err)
					}
				case role == "":
					wantMetadata(t, wantRefusal(t, err, codes.Unauthenticated, "UNAUTHENTICATED"), nil)
				default:
					r := wantRefusal(t, err, codes.PermissionDenied, "ROLE_REQUIRED")
					wantMetadata(t, r, map[string]string{"role": role, "required_role": m.needs})
				}
			})
		}
	}
	if live := list(t, guardedList(h), &pb.ListTasksRequest{}).GetTasks(); len(live) != 0 {
		t.Errorf("there are tasks: %v", live)
	}
}

// guardedList returns a harness whose calls send the token of an admin.
func guardedList(h *servertest.Harness) *servertest.Harness {
	admin := *h
	admin.Tasks = client(h, server.RoleAdmin)
	return &admin
}

// A call of a role that may not make it does nothing.
func TestRefusedCallsDoNothing(t *testing.T) {
	h, _ := guarded(t, server.Config{})
	operator := client(h, server.RoleOperate)
	if _, err := operator.AddTask(t.Context(), &pb.AddTaskRequest{Task: servertest.Spec("task", servertest.Wait)}); err != nil {
		t.Fatal(err)
	}
	_, add := h.Tasks.AddTask(as(t, "token of watch"), &pb.AddTaskRequest{Task: servertest.Spec("other", servertest.Wait)})
	wantRefusal(t, add, codes.PermissionDenied, "ROLE_REQUIRED")
	_, remove := h.Tasks.RemoveTask(as(t, "token of watch"), &pb.RemoveTaskRequest{Name: "task"})
	wantRefusal(t, remove, codes.PermissionDenied, "ROLE_REQUIRED")
	tasks := list(t, guardedList(h), &pb.ListTasksRequest{}).GetTasks()
	if len(tasks) != 1 || tasks[0].GetName() != "task" || tasks[0].GetState() != pb.TaskState_TASK_STATE_RUNNING && tasks[0].GetState() != pb.TaskState_TASK_STATE_WAITING {
		t.Errorf("there are %v", tasks)
	}
}

// Headers that are no token, or none that is known. What was sent is in neither the answer nor the log.
func TestBadTokensAreRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		log := &recorder{}
		h, _ := guarded(t, server.Config{Logger: slog.New(log)})
		for _, headers := range [][]string{
			{"Bearer"}, {"Bearer "}, {""}, {"token of admin"}, {"Basic token of admin"}, {"Bearertoken of admin"}, {"Bearer  token of admin"},
			{"Bearer token of"}, {"Bearer token of admin "}, {"Bearer TOKEN OF ADMIN"}, {"Bearer " + strings.Repeat("x", 100_000)},
			{"Bearer token of admin", "Bearer token of admin"}, {"Bearer token of admin", "Bearer other"},
		} {
			ctx := t.Context()
			for _, header := range headers {
				ctx = metadata.AppendToOutgoingContext(ctx, "authorization", header)
			}
			_, err := h.Tasks.ListTasks(ctx, &pb.ListTasksRequest{})
			r := wantRefusal(t, err, codes.Unauthenticated, "UNAUTHENTICATED")
			if strings.Contains(r.message, "admin") || len(r.message) > 200 {
				t.Errorf("%q: %s", headers, r.message)
			}
			synctest.Wait()
			for _, line := range log.take() {
				if text := fmt.Sprint(line); strings.Contains(text, "token of") || line.level != slog.LevelInfo {
					t.Errorf("logged: %s", text)
				}
			}
		}
		for _, scheme := range []string{"Bearer", "bearer", "BEARER"} {
			ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", scheme+" token of watch")
			if _, err := h.Tasks.ListTasks(ctx, &pb.ListTasksRequest{}); err != nil {
				t.Error(err)
			}
		}
	})
}

// "The zero value grants nothing."
func TestAnEmptyAccessLetsNobodyIn(t *testing.T) {
	h := newHarness(t, servertest.WithServer(server.Config{Logger: quiet, Authenticator: new(server.Access)}))
	for _, ctx := range []context.Context{t.Context(), as(t, ""), as(t, "x")} {
		_, err := h.Tasks.ListTasks(ctx, &pb.ListTasksRequest{})
		wantRefusal(t, err, codes.Unauthenticated, "UNAUTHENTICATED")
	}
}

// "A principal is recorded on the events it causes and in the log."
func TestThePrincipalIsOnRecord(t *testing.T) {
	bubble(t, func(t *testing.T) {
		log := &recorder{}
		h, _ := guarded(t, server.Config{Logger: slog.New(log)})
		f := watch(t, guardedList(h), &pb.WatchEventsRequest{})
		if _, err := h.Tasks.AddTask(as(t, "token of operate"), &pb.AddTaskRequest{Task: servertest.Spec("task", servertest.Wait)}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Tasks.RemoveTask(as(t, "token of admin"), &pb.RemoveTaskRequest{Name: "task"}); err != nil {
			t.Fatal(err)
		}
		_, err := h.Tasks.RemoveTask(as(t, "token of watch"), &pb.RemoveTaskRequest{Name: "task"})
		wantRefusal(t, err, codes.PermissionDenied, "ROLE_REQUIRED")
		f.sees(pb.EventKind_EVENT_KIND_TASK_REMOVED)
		var onEvents []string
		for _, e := range f.events() {
			if e.GetPrincipal() != "" {
				onEvents = append(onEvents, kindName(e.GetKind())+" "+e.GetPrincipal())
			}
		}
		if want := []string{"TASK_ADD_REQUESTED operate", "TASK_REMOVE_REQUESTED admin"}; !slices.Equal(onEvents, want) {
			t.Errorf("events %q, want %q", onEvents, want)
		}
		synctest.Wait()
		var logged []string
		for _, line := range log.take() {
			logged = append(logged, line.fields["grpc.method"]+" "+line.fields["principal"])
		}
		if want := []string{"AddTask operate", "RemoveTask admin", "RemoveTask watch"}; !slices.Equal(logged, want) {
			t.Errorf("logged %q, want %q", logged, want)
		}
	})
}

// What becomes of a stream and of calls of "ann", an operator, when the grants change.
func TestStreamsEndWhenTheirGrantIsRevoked(t *testing.T) {
	ann := grantOf("ann", server.RoleOperate, "a")
	bob := grantOf("bob", server.RoleWatch, "b")
	for name, test := range map[string]struct {
		next    []server.Grant
		revoked bool
		again   codes.Code // of the next call
	}{
		"removed":              {[]server.Grant{bob}, true, codes.Unauthenticated},
		"all removed":          {nil, true, codes.Unauthenticated},
		"lowered":              {[]server.Grant{bob, grantOf("ann", server.RoleWatch, "a")}, true, codes.PermissionDenied},
		"another token":        {[]server.Grant{grantOf("ann", server.RoleOperate, "new"), bob}, true, codes.Unauthenticated},
		"another principal":    {[]server.Grant{grantOf("eve", server.RoleOperate, "a"), bob}, true, codes.OK},
		"raised":               {[]server.Grant{grantOf("ann", server.RoleAdmin, "a"), bob}, false, codes.OK},
		"another order":        {[]server.Grant{bob, ann}, false, codes.OK},
		"somebody else's goes": {[]server.Grant{ann}, false, codes.OK},
		"a second token":       {[]server.Grant{ann, bob, grantOf("ann", server.RoleOperate, "new")}, false, codes.OK},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var access server.Access
				if err := access.Set(ann, bob); err != nil {
					t.Fatal(err)
				}
				h := newHarness(t, servertest.WithServer(server.Config{Logger: quiet, Authenticator: &access}))
				stream, err := h.Tasks.WatchEvents(as(t, "a"), &pb.WatchEventsRequest{})
				if err != nil {
					t.Fatal(err)
				}
				f := &follower{t: t, stream: stream}
				f.next()
				ended := make(chan error, 1)
				go func() { ended <- f.end() }()
				if err := access.Set(test.next...); err != nil {
					t.Fatal(err)
				}
				synctest.Wait() // and no time passes
				select {
				case err := <-ended:
					if wantRefusal(t, err, codes.Unauthenticated, "UNAUTHENTICATED"); !test.revoked {
						t.Error("the stream was ended")
					}
				default:
					if test.revoked {
						t.Error("the stream goes on")
					}
				}
				_, err = h.Tasks.RemoveTask(as(t, "a"), &pb.RemoveTaskRequest{Name: "nobody", AllowMissing: true})
				if code := status.Code(err); code != test.again {
					t.Errorf("the next call: %v", err)
				}
			})
		})
	}
}

// "Also those whose client does not read." The place of the stream is free at once.
func TestABlockedStreamEndsWhenItsGrantIsRevoked(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, access := guarded(t, server.Config{MaxStreams: 1})
		admin := guardedList(h)
		blocked := blockedWatch(t, admin)
		wantRefusal(t, watchError(t, admin, &pb.WatchEventsRequest{}), codes.ResourceExhausted, "STREAM_LIMIT")
		if err := access.Set(grantOf("new", server.RoleAdmin, "new")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		renewed := *h
		renewed.Tasks = pb.NewSupervisorServiceClient(h.Dial(grpc.WithPerRPCCredentials(bearer("new"))))
		watch(t, &renewed, &pb.WatchEventsRequest{})
		wantRefusal(t, blocked.end(), codes.Unauthenticated, "UNAUTHENTICATED")
	})
}

// Health needs no credentials, so its streams outlive all of them.
func TestStreamsOfHealthAreNotRevoked(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, access := guarded(t, server.Config{})
		stream, err := healthpb.NewHealthClient(h.Conn).Watch(as(t, "token of admin"), &healthpb.HealthCheckRequest{Service: "task/late"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); err != nil {
			t.Fatal(err)
		}
		if err := access.Set(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if _, err := h.Server.AddTask(t.Context(), &pb.AddTaskRequest{Task: servertest.Spec("late", servertest.Wait)}); err != nil {
			t.Fatal(err)
		}
		if answer, err := stream.Recv(); err != nil || answer.GetStatus() == healthpb.HealthCheckResponse_SERVICE_UNKNOWN {
			t.Errorf("got %v, %v", answer, err)
		}
	})
}

// authenticator is one of somebody else.
type authenticator func(context.Context) (server.Identity, error)

func (a authenticator) Authenticate(ctx context.Context) (server.Identity, error) { return a(ctx) }

// "An error is told to the caller as it is, as UNAUTHENTICATED, or as the status that it is." A panic is a fault of the server, and no more.
func TestAuthenticatorsOfOthers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		log := &recorder{}
		var answer authenticator
		h := newHarness(t, servertest.WithServer(server.Config{Logger: slog.New(log), Authenticator: authenticator(
			func(ctx context.Context) (server.Identity, error) { return answer(ctx) },
		)}))
		call := func(a authenticator) error {
			answer = a
			_, err := h.Tasks.ListTasks(t.Context(), &pb.ListTasksRequest{})
			return err
		}
		err := call(func(context.Context) (server.Identity, error) {
			return server.Identity{}, errors.New("the badge is torn")
		})
		if r := wantRefusal(t, err, codes.Unauthenticated, "UNAUTHENTICATED"); r.message != "the badge is torn" {
			t.Errorf("told %q", r.message)
		}
		err = call(func(context.Context) (server.Identity, error) {
			return server.Identity{}, status.Error(codes.Unavailable, "nobody is at the door")
		})
		if s := status.Convert(err); s.Code() != codes.Unavailable || s.Message() != "nobody is at the door" {
			t.Error(err)
		}
		err = call(func(context.Context) (server.Identity, error) { return server.Identity{Principal: "nobody"}, nil })
		wantMetadata(t, wantRefusal(t, err, codes.PermissionDenied, "ROLE_REQUIRED"), map[string]string{"role": "none", "required_role": "watch"})
		log.take()
		err = call(func(context.Context) (server.Identity, error) { panic("a secret") })
		if r := wantRefusal(t, err, codes.Internal, "INTERNAL"); strings.Contains(r.message, "secret") {
			t.Error(err)
		}
		synctest.Wait()
		if lines := log.take(); len(lines) != 2 || lines[0].fields["panic"] != "a secret" {
			t.Errorf("logged %v", lines)
		}
		long := strings.Repeat("x", 2*supervisor.MaxPrincipal)
		if err := call(func(context.Context) (server.Identity, error) {
			return server.Identity{Principal: long, Role: server.RoleWatch}, nil
		}); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if lines := log.take(); len(lines) != 1 || len(lines[0].fields["principal"]) != supervisor.MaxPrincipal {
			t.Errorf("logged %v", lines)
		}
	})
}

// "Default: whoever can connect may do everything", and is nobody in particular.
func TestWithoutAuthenticatorEverybodyIsAdmin(t *testing.T) {
	h := newHarness(t)
	for _, m := range methods {
		for _, ctx := range []context.Context{t.Context(), as(t, "x")} {
			if code := status.Code(m.call(ctx, h.Conn)); code == codes.Unauthenticated || code == codes.PermissionDenied {
				t.Errorf("%s: %v", m.name, code)
			}
		}
	}
	f := watch(t, h, &pb.WatchEventsRequest{})
	h.Add("task", servertest.Wait)
	f.sees(pb.EventKind_EVENT_KIND_TASK_ADD_REQUESTED)
	if e := f.events()[0]; e.GetPrincipal() != "" {
		t.Errorf("the event is of %q", e.GetPrincipal())
	}
}
