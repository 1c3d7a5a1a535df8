//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// Who the callers are, in turn.
const (
	chaosAdmin = iota
	chaosOperator
	chaosWatcher // may not add anything, and tries
	chaosOverSocket
	chaosKinds
)

var chaosRoles = [chaosKinds]string{"admin", "operate", "watch", ""}

// chaosCaller is a client with a connection of its own, which makes one call after the other. It belongs to one goroutine.
type chaosCaller struct {
	t      *testing.T
	chaos  *chaos
	number int
	kind   int
	random *rand.Rand

	conn  *grpc.ClientConn
	tasks pb.SupervisorServiceClient
	wires wires

	cut    bool // the connection was cut, and no call has succeeded since
	serial int
	owned  map[string]*ownedTask // by name: what it has added and not removed
	past   map[string]bool       // names of what it has removed for sure
	counts chaosCounts
}

// ownedTask is what a caller knows about a task of its own.
type ownedTask struct {
	request *pb.AddTaskRequest
	uid     string
	lasting bool // runs until it is removed
	unsure  bool // whether it is there: a call about it came to no answer
}

func newChaosCaller(t *testing.T, c *chaos, number int) *chaosCaller {
	t.Helper()
	a := &chaosCaller{
		t: t, chaos: c, number: number, kind: number % chaosKinds, random: rand.New(rand.NewPCG(c.seed, uint64(number))),
		owned: map[string]*ownedTask{}, past: map[string]bool{},
	}
	a.dial()
	t.Cleanup(a.close)
	return a
}

// dial makes a new connection.
func (a *chaosCaller) dial() {
	target, options := a.chaos.addr, []grpc.DialOption{
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: a.chaos.ca.Pool()})),
		grpc.WithPerRPCCredentials(bearer(chaosTokens + chaosRoles[a.kind])),
	}
	if a.kind == chaosOverSocket {
		target, options = "unix:"+a.chaos.socket, []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	}
	quickly := backoff.Config{BaseDelay: 10 * time.Millisecond, Multiplier: 2, MaxDelay: 500 * time.Millisecond}
	conn, err := grpc.NewClient(target, append(options,
		grpc.WithContextDialer(a.wires.dial),
		// Calls wait for a connection: only those that were under way when one broke may fail because of that.
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)),
		grpc.WithDisableRetry(),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: quickly, MinConnectTimeout: chaosHang}),
	)...)
	if err != nil {
		a.t.Fatal(err)
	}
	a.conn, a.tasks = conn, pb.NewSupervisorServiceClient(conn)
}

// close closes all connections. An error says that one was closed before.
func (a *chaosCaller) close() {
	a.conn.Close()
	a.wires.close()
}

// run makes calls until ctx is done.
func (a *chaosCaller) run(ctx context.Context) {
	type act struct {
		weight int
		do     func(context.Context)
	}
	acts := []act{{10, a.list}, {2, a.listInvalid}, {8, a.watch}, {2, a.watchInvalid}, {2, a.loseSilently}}
	if a.kind == chaosWatcher {
		acts = append(acts, act{5, a.addForbidden})
	} else {
		acts = append(acts, act{30, a.addNew}, act{12, a.addAgain}, act{10, a.addInvalid}, act{18, a.removeOwn}, act{5, a.removeUnknown},
			act{8, a.contend}, act{4, a.addCut})
	}
	sum := 0
	for _, one := range acts {
		sum += one.weight
	}
	for ctx.Err() == nil && !a.t.Failed() {
		n := a.random.IntN(sum)
		for _, one := range acts {
			if n -= one.weight; n < 0 {
				one.do(a.t.Context())
				break
			}
		}
	}
}

// call makes a call that has to come to an end, and returns its error; the caller judges it.
func (a *chaosCaller) call(ctx context.Context, invoke func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, chaosHang)
	defer cancel()
	err := invoke(ctx)
	a.counts.calls++
	if err == nil {
		a.cut = false
	}
	if ctx.Err() == context.DeadlineExceeded {
		a.t.Errorf("caller %d: a call hangs for %s: %v", a.number, chaosHang, err)
	}
	return err
}

func (a *chaosCaller) warmUp(ctx context.Context) error {
	for _, spec := range []*pb.TaskSpec{
		{Name: "warm", Plugin: "exec", Config: object("command", []any{"sleep", "1000"})},
		{Name: "up", Plugin: "sleep", Config: object("duration", "1h")},
	} {
		if err := a.call(ctx, func(ctx context.Context) error {
			if _, err := a.tasks.AddTask(ctx, &pb.AddTaskRequest{Task: spec, RequestId: "warm-up-" + spec.GetName()}); err != nil {
				return err
			}
			_, err := a.tasks.RemoveTask(ctx, &pb.RemoveTaskRequest{Name: spec.GetName()})
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// compare returns what is wrong with the tasks that are there, by name.
func (a *chaosCaller) compare(listed map[string]*pb.Task) (problems []string) {
	for name, own := range a.owned {
		task := listed[name]
		switch {
		case own.unsure || !own.lasting && task == nil:
		case task == nil:
			problems = append(problems, fmt.Sprintf("caller %d: task %q with uid %s is gone", a.number, name, own.uid))
		case task.GetUid() != own.uid:
			problems = append(problems, fmt.Sprintf("caller %d: task %q has the uid %s, not %s", a.number, name, task.GetUid(), own.uid))
		}
	}
	for name := range a.past {
		if task := listed[name]; task != nil {
			problems = append(problems, fmt.Sprintf("caller %d: task %q was removed, and is there: %v", a.number, name, task))
		}
	}
	return problems
}

// bearer sends a token.
type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

func (bearer) RequireTransportSecurity() bool { return true }

// wires are the connections of a caller.
type wires struct {
	mu     sync.Mutex // guards what is below
	last   *wire
	silent []net.Conn // gone silent, the oldest first
}

func (w *wires) dial(ctx context.Context, address string) (net.Conn, error) {
	network := "tcp"
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address = "unix", path
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = &wire{Conn: conn}
	return w.last, nil
}

// breakOff ends the connection without the good manners of TLS and HTTP/2.
func (w *wires) breakOff() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last == nil {
		return
	}
	if tcp, ok := w.last.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a reset; if that fails, the end is a polite one
	}
	w.last.Conn.Close()
}

// maxSilent is how many silent connections a caller has at once.
const maxSilent = 3

// silence makes the connection one that looks alive to the other side, and is not.
func (w *wires) silence() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last == nil {
		return
	}
	w.last.silent.Store(true)
	w.silent = append(w.silent, w.last.Conn)
	if len(w.silent) > maxSilent {
		w.silent[0].Close()
		w.silent = w.silent[1:]
	}
}

// close closes the silent connections.
func (w *wires) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, conn := range w.silent {
		conn.Close()
	}
	w.silent = nil
}

// wire is a connection that can go silent: then what is sent is lost, what comes is not read, and nobody says good bye.
type wire struct {
	net.Conn
	silent atomic.Bool
}

func (w *wire) Write(p []byte) (int, error) {
	if w.silent.Load() {
		return len(p), nil
	}
	return w.Conn.Write(p)
}

// Close leaves a silent connection open, but ends the Read that has begun.
func (w *wire) Close() error {
	if w.silent.Load() {
		return w.SetReadDeadline(time.Now())
	}
	return w.Conn.Close()
}
