//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// These refusals need a daemon or a moment of their own.

func TestPluginThatIsNotEnabled(t *testing.T) {
	d := startDaemon(t)
	m := mistake{code: codes.PermissionDenied, reason: "PLUGIN_DISABLED", metadata: map[string]string{"plugin": "exec"}}
	r := d.refuse(t, "AddTask", tick)
	m.check(t, r)
	if !strings.Contains(r.message, "--exec-allow") {
		t.Errorf("the message does not say what to do: %s", r.message)
	}
}

func TestOneTaskTooMany(t *testing.T) {
	d := startDaemon(t, "--max-tasks", "1")
	d.call(t, "AddTask", `{"task":{"plugin":"sleep","config":{"duration":"1h"}}}`, &taskvisorv1.AddTaskResponse{})
	m := mistake{code: codes.ResourceExhausted, reason: "TASK_LIMIT", metadata: map[string]string{"limit": "1"}}
	m.check(t, d.refuse(t, "AddTask", `{"task":{"plugin":"sleep"}}`))
}

func TestRequestThatIsTooLarge(t *testing.T) {
	d := startDaemon(t)
	m := mistake{code: codes.ResourceExhausted, reason: "SIZE_LIMIT", metadata: map[string]string{"limit": "1048576"}}
	m.check(t, d.refuse(t, "AddTask", task(`"config":{"reason":"`+strings.Repeat("x", 2<<20)+`"}`)))
}

func TestRequestThatIsLargerThanTheFlag(t *testing.T) {
	d := startDaemon(t, "--max-request-bytes", "5000")
	m := mistake{code: codes.ResourceExhausted, reason: "SIZE_LIMIT", metadata: map[string]string{"limit": "5000"}}
	m.check(t, d.refuse(t, "AddTask", task(`"config":{"then":"failure","reason":"`+strings.Repeat("x", 5000)+`"}`)))
	d.call(t, "AddTask", task(`"config":{"then":"failure","reason":"`+strings.Repeat("x", 200)+`"}`), &taskvisorv1.AddTaskResponse{})
}

// grpcurl asks for the contract on a stream while it makes its call: that many calls fit into the least that can be given.
func TestFewCallsPerConnection(t *testing.T) {
	d := startDaemon(t, "--max-calls-per-connection", "10")
	w := d.watch(t, "{}")
	d.call(t, "AddTask", `{"task":{"name":"short","plugin":"sleep","config":{"duration":"0s"}}}`, &taskvisorv1.AddTaskResponse{})
	w.until(t, "TASK_REMOVED")
}

// While one caller makes calls as fast as it can, the calls of the same address by grpcurl are refused, which shows when to come again; health is not.
func TestCallsThatComeTooFast(t *testing.T) {
	d := startDaemon(t, "--request-rate", "1")
	tasks, stop := taskvisorv1.NewSupervisorServiceClient(d.dial(t)), make(chan struct{})
	var flood sync.WaitGroup
	flood.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				_, _ = tasks.ListTasks(context.Background(), &taskvisorv1.ListTasksRequest{})
			}
		}
	})
	defer flood.Wait()
	defer close(stop)
	for {
		p := d.send(t, "ListTasks", "{}", "-format-error", "-protoset", filepath.Join(root, "server", "descriptor.binpb"))
		if p.exit(t) == 0 {
			continue // it came before the others, once in a second at most
		}
		m := mistake{code: codes.ResourceExhausted, reason: "RATE_LIMIT", metadata: map[string]string{"limit": "1"}}
		r := readRefusal(t, p)
		if m.check(t, r); r.wait <= 0 || r.wait > time.Second+time.Millisecond {
			t.Errorf("RetryInfo says %s", r.wait)
		}
		break
	}
	if code := start(t, bin.probe, "-addr", d.addr).exit(t); code != 0 {
		t.Errorf("grpc-health-probe exits with %d", code)
	}
}

// One connection too many is closed at once, which grpcurl tells at once. The socket is the way in for the operator, and the log says what to do.
func TestOneConnectionTooMany(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	d := startDaemon(t, "--max-connections", "1", "--socket", socket)
	w := d.watch(t, `{"start":"WATCH_START_OLDEST"}`)
	if code := d.send(t, "ListTasks", "{}", "-connect-timeout", "5").exit(t); code == 0 {
		t.Error("a second connection is let in")
	}
	if code := start(t, bin.grpcurl, "-plaintext", "-unix", "-d", `{"task":{"name":"late","plugin":"sleep"}}`, socket, method("AddTask")).exit(t); code != 0 {
		t.Errorf("grpcurl on the socket exits with %d", code)
	}
	w.until(t, "TASK_REMOVED") // the first connection goes on
	if _, _, ok := d.stderr.find(0, func(line string) bool { return strings.Contains(line, "raise --max-connections listener=--listen ") }); !ok {
		t.Error("the log does not say that a connection was refused")
	}
}

// One principal cannot take all streams: here the user of the socket has as many as they may, and others still get one.
func TestOneStreamOfAPrincipalTooMany(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	d := startDaemon(t, "--max-streams-per-principal", "1", "--socket", socket)
	onSocket := func() *process {
		return start(t, bin.grpcurl, "-plaintext", "-unix", "-format-error", "-d", `{}`, socket, method("WatchEvents"))
	}
	if _, _, ok := onSocket().stdout.line(0); !ok {
		t.Fatal("no stream")
	}
	m := mistake{code: codes.ResourceExhausted, reason: "PRINCIPAL_STREAM_LIMIT", metadata: map[string]string{
		"limit": "1", "principal": fmt.Sprintf("unix:%d", os.Geteuid()),
	}}
	refused := onSocket()
	<-refused.ended
	m.check(t, readRefusal(t, refused))
	d.watch(t, "{}")
}

// What gRPC refuses before a service is reached has a code of gRPC and no reason, as the contract says.
func TestRequestsThatGRPCRefuses(t *testing.T) {
	d := startDaemon(t)
	for name, test := range map[string]struct {
		request string
		code    codes.Code
	}{
		"text that is not UTF-8": {`task { name: "a\xff" plugin: "sleep" }`, codes.Internal},
		"more than 4 MiB":        {`task { name: "` + strings.Repeat("x", 5<<20) + `" }`, codes.ResourceExhausted},
	} {
		t.Run(name, func(t *testing.T) {
			p := d.send(t, "AddTask", test.request, "-format", "text", "-format-error")
			if code := p.exit(t); code != exitOffset+int(test.code) {
				t.Errorf("grpcurl exits with %d\n%s", code, p.output())
			}
		})
	}
	listed := &taskvisorv1.ListTasksResponse{}
	if d.call(t, "ListTasks", `{}`, listed); listed.GetCursor().GetSequence() != 0 {
		t.Errorf("the log is at %v", listed.GetCursor())
	}
}

// gated ignores SIGTERM and ends when somebody writes to a second pipe.
const gated = `exec 3>"$LIFELINE"; trap '' TERM; echo up >&3; read -r go <"$LIFELINE.gate"`

func TestBodyThatIgnoresItsRemoval(t *testing.T) {
	d := startDaemon(t, "--exec-allow", "sh")
	w := d.watch(t, `{}`)
	l := newLifeline(t)
	if err := syscall.Mkfifo(l.path+".gate", 0o600); err != nil {
		t.Fatal(err)
	}
	uid := d.superviseOn(t, l, "child", gated, "100s")

	m := mistake{code: codes.DeadlineExceeded, reason: "TASK_STUCK", metadata: map[string]string{"name": "child", "uid": uid}}
	m.check(t, d.refuse(t, "RemoveTask", `{"name":"child","grace_period":"0.1s"}`))
	w.until(t, "GRACE_EXCEEDED")
	listed := &taskvisorv1.ListTasksResponse{}
	if d.call(t, "ListTasks", `{"filter":{"states":["TASK_STATE_STUCK"]}}`, listed); len(listed.GetTasks()) != 1 {
		t.Errorf("listed as stuck: %v", listed.GetTasks())
	}
	gate, err := os.OpenFile(l.path+".gate", os.O_RDWR, 0) // for writing alone it would block until there is a reader
	if err != nil {
		t.Fatal(err)
	}
	defer gate.Close()
	if _, err := gate.WriteString("go\n"); err != nil {
		t.Fatal(err)
	}
	removed := w.until(t, "TASK_REMOVED") // as soon as the body returns
	if last := removed[len(removed)-1]; last.GetOutcome() != taskvisorv1.Outcome_OUTCOME_CANCELED {
		t.Errorf("the life ends with %v", last)
	}
}

func TestCursorThatIsTooOld(t *testing.T) {
	d := startDaemon(t, "--event-buffer", "16")
	for range 6 { // lives of four events at least
		d.call(t, "AddTask", `{"task":{"name":"short","plugin":"sleep","config":{"duration":"1h"}}}`, &taskvisorv1.AddTaskResponse{})
		d.call(t, "RemoveTask", `{"name":"short"}`, &taskvisorv1.RemoveTaskResponse{})
	}
	listed := &taskvisorv1.ListTasksResponse{}
	d.call(t, "ListTasks", `{}`, listed)
	cursor := listed.GetCursor()

	r := d.refuse(t, "WatchEvents", fmt.Sprintf(`{"resume":{"epoch":%q,"sequence":"1"}}`, cursor.GetEpoch()))
	m := mistake{code: codes.OutOfRange, reason: "CURSOR_EXPIRED", metadata: map[string]string{
		"epoch":           cursor.GetEpoch(),
		"oldest_sequence": fmt.Sprint(cursor.GetSequence() - 15),
		"last_sequence":   fmt.Sprint(cursor.GetSequence()),
	}}
	m.check(t, r)
}
