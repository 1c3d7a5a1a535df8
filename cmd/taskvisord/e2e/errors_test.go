//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// mistake is a request that the server refuses, and how.
type mistake struct {
	name     string
	method   string
	request  string
	code     codes.Code
	reason   string
	fields   []string          // of the violations, in any order
	metadata map[string]string // that has to be among that of the error
}

// task is an AddTask of a sleep task, whose other fields are given.
func task(fields string) string {
	return `{"task":{"name":"new","plugin":"sleep",` + fields + `}}`
}

// invalid is an AddTask that has wrong fields.
func invalid(name, request string, fields ...string) mistake {
	return mistake{name: name, method: "AddTask", request: request, code: codes.InvalidArgument, reason: "INVALID_FIELD", fields: fields}
}

// invalidCall is invalid for other methods.
func invalidCall(name, method, request string, fields ...string) mistake {
	m := invalid(name, request, fields...)
	m.method = method
	return m
}

// repeated returns a JSON array of n times the same.
func repeated(element string, n int) string {
	return "[" + strings.TrimSuffix(strings.Repeat(element+",", n), ",") + "]"
}

// labels returns n labels, without the braces.
func labels(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(`"l%d":"x"`, i)
	}
	return strings.Join(all, ",")
}

// knownPlugins returns the names of the plugins that the daemon lists, separated by commas.
func (d *daemon) knownPlugins(t *testing.T) string {
	t.Helper()
	listed := &taskvisorv1.ListPluginsResponse{}
	d.call(t, "taskvisor.v1.PluginService/ListPlugins", `{}`, listed)
	var names []string
	for _, p := range listed.GetPlugins() {
		names = append(names, p.GetName())
	}
	if !slices.Contains(names, "exec") || !slices.Contains(names, "sleep") {
		t.Errorf("plugins %q", names)
	}
	return strings.Join(names, ",")
}

// minMistakes is how many mistakes there have to be, so that none gets lost.
const minMistakes = 150

// TestMistakesAreRefused: each mistake gets the code, the reason and the violations that the contract has for it, and changes nothing: neither
// the tasks, nor the event log, nor what is served.
func TestMistakesAreRefused(t *testing.T) {
	d := startDaemon(t, "--exec-allow", "date")
	added := &taskvisorv1.AddTaskResponse{}
	d.call(t, "AddTask", `{"task":{"name":"taken","plugin":"sleep","config":{"duration":"1h"}},"request_id":"used"}`, added)
	d.call(t, "AddTask", `{"task":{"name":"ended","plugin":"sleep","config":{"duration":"0s"}}}`, &taskvisorv1.AddTaskResponse{})
	w := d.watch(t, `{"start":"WATCH_START_OLDEST"}`)
	w.until(t, "TASK_REMOVED")

	all := mistakes(t, d, added.GetTask().GetUid())
	if len(all) < minMistakes {
		t.Errorf("%d mistakes, want at least %d", len(all), minMistakes)
	}
	t.Logf("%d mistakes", len(all))
	conn := d.dial(t)
	before := stateOf(t, conn)
	for group := range slices.Chunk(all, 10) {
		t.Run("group", func(t *testing.T) {
			for _, m := range group {
				t.Run(m.method+", "+m.name, func(t *testing.T) {
					t.Parallel()
					m.check(t, d.refuse(t, m.method, m.request))
				})
			}
		})
		// Nothing that one of them does can be undone by another one: the cursor only goes on.
		if after := stateOf(t, conn); !proto.Equal(after.tasks, before.tasks) || after.health != before.health {
			t.Fatalf("one of the last ten changed the state:\n%v, %s\nwas:\n%v, %s", after.tasks, after.health, before.tasks, before.health)
		}
	}
}

// state is all that a mistake could change.
type state struct {
	tasks  *taskvisorv1.ListTasksResponse // finished ones included, and the cursor of the log
	health string                         // of the server, and of the task "taken"
}

func stateOf(t *testing.T, conn *grpc.ClientConn) (s state) {
	t.Helper()
	tasks, err := taskvisorv1.NewSupervisorServiceClient(conn).ListTasks(t.Context(), &taskvisorv1.ListTasksRequest{IncludeFinished: true})
	if err != nil {
		t.Fatal(err)
	}
	s.tasks = tasks
	for _, service := range []string{"", "task/taken", "task/new"} {
		resp, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{Service: service})
		s.health += fmt.Sprintf("%q: %s %s; ", service, resp.GetStatus(), status.Code(err))
	}
	return s
}

// dial connects to the daemon without grpcurl, for what is asked often.
func (d *daemon) dial(t *testing.T) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(d.addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// check compares a refusal with what the contract says of it.
func (m *mistake) check(t *testing.T, r refusal) {
	t.Helper()
	if r.code != m.code || r.exit != exitOffset+int(m.code) {
		t.Errorf("code %s, grpcurl exits with %d; want %s", r.code, r.exit, m.code)
	}
	if r.info.GetReason() != m.reason || r.info.GetDomain() != "taskvisor" {
		t.Errorf("reason %q of %q, want %q of taskvisor", r.info.GetReason(), r.info.GetDomain(), m.reason)
	}
	for key, want := range m.metadata {
		if got := r.info.GetMetadata()[key]; got != want {
			t.Errorf("metadata %s is %q, want %q", key, got, want)
		}
	}
	got, want := r.fields(), slices.Clone(m.fields)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("violations of %q, want %q", got, want)
	}
	for _, v := range r.wrong {
		if v.GetDescription() == "" {
			t.Errorf("the violation of %s does not say what to do", v.GetField())
		}
	}
	if r.message == "" {
		t.Error("no message")
	}
	if t.Failed() {
		t.Logf("the message is: %s", r.message)
	}
}
