package cli

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/server/servertest"
)

var update = flag.Bool("cli.update", false, "write the golden files anew; read the difference before you commit it")

// world is a server in memory, in virtual time, and what the command line printed that talked to it.
type world struct {
	*servertest.Harness
	t          *testing.T
	stdin      string
	environ    []string
	terminal   Terminal
	transcript bytes.Buffer
}

// inWorld runs a test in a bubble, where it is always the same time, and compares the transcript with the golden file of the test.
func inWorld(t *testing.T, f func(w *world), opts ...servertest.Option) {
	t.Helper()
	inWorldAt(t, ".", f, opts...)
}

// inWorldAt is inWorld for a test that has changed its directory: dir is where this package is.
func inWorldAt(t *testing.T, dir string, f func(w *world), opts ...servertest.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		quiet := servertest.WithServer(server.Config{Logger: slog.New(slog.DiscardHandler), Version: "v3.2.1"})
		w := &world{Harness: servertest.New(t, append([]servertest.Option{quiet}, opts...)...), t: t}
		f(w)
		golden(t, dir, w.transcript.String())
	})
}

// here returns the directory of this package, for a test that is about to leave it.
func here(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// golden compares text with the file that is named like the test.
func golden(t *testing.T, dir, text string) {
	t.Helper()
	text = normalised(text)
	name := filepath.Join(dir, "testdata", strings.ReplaceAll(t.Name(), "/", "_")+".txt")
	if *update {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("%v; write it with -cli.update", err)
	}
	if text != string(want) {
		t.Errorf("%s differs; look at it with -cli.update and git diff. %s", name, firstDifference(string(want), text))
	}
}

func firstDifference(want, got string) string {
	wanted := strings.Split(want, "\n")
	for i, line := range strings.Split(got, "\n") {
		if i >= len(wanted) || line != wanted[i] {
			return fmt.Sprintf("Line %d is now\n%s\nand was\n%s", i+1, line, strings.Join(wanted[min(i, len(wanted)):min(i+1, len(wanted))], ""))
		}
	}
	return "It is shorter now."
}

var uidPattern = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

var madeName = regexp.MustCompile(`script-[0-9a-z]{8}\b`)

// normalised numbers the uids and epochs, and replaces the names that the server makes, which are others in each run, and what built this test.
func normalised(text string) string {
	text = madeName.ReplaceAllString(text, "script-00000000")
	text = strings.NewReplacer(runtime.Version(), "go1.0", runtime.GOOS+"/"+runtime.GOARCH, "linux/amd64").Replace(text)
	numbers := map[string]int{}
	return uidPattern.ReplaceAllStringFunc(text, func(uid string) string {
		if numbers[uid] == 0 {
			numbers[uid] = len(numbers) + 1
		}
		return fmt.Sprintf("00000000-0000-7000-8000-%012d", numbers[uid])
	})
}

// run runs a command and adds it to the transcript.
func (w *world) run(args ...string) { w.runFor(0, args...) }

// runFor is run for a command that goes on, until it is interrupted after a time. What the command before has set going has happened by then.
func (w *world) runFor(d time.Duration, args ...string) {
	w.t.Helper()
	synctest.Wait()
	stdout, stderr, code := w.output(d, args...)
	fmt.Fprintf(&w.transcript, "$ taskvisor %s\n%s", shown(args), stdout)
	for line := range strings.Lines(stderr) {
		fmt.Fprintf(&w.transcript, "! %s", line)
	}
	if code != 0 {
		fmt.Fprintf(&w.transcript, "exit code %d\n", code)
	}
	w.transcript.WriteByte('\n')
}

// output runs a command and returns what it printed.
func (w *world) output(d time.Duration, args ...string) (stdout, stderr string, code int) {
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	if d > 0 {
		defer time.AfterFunc(d, cancel).Stop()
	}
	var out, errs bytes.Buffer
	code = Run(ctx, Process{
		Args: args, Environ: w.environ, Stdin: strings.NewReader(w.stdin), Stdout: &out, Stderr: &errs, Terminal: w.terminal, Zone: time.UTC, Version: "v1.2.3",
		Dial: func(string, ...client.Option) (*client.Client, error) { return client.New(w.Conn), nil },
	})
	return out.String(), errs.String(), code
}

// at80And120 runs a command as on terminals of two widths.
func (w *world) at80And120(args ...string) {
	w.t.Helper()
	for _, columns := range []int{80, 120} {
		w.environ = []string{fmt.Sprintf("COLUMNS=%d", columns)}
		fmt.Fprintf(&w.transcript, "# COLUMNS=%d\n", columns)
		w.run(args...)
	}
	w.environ = nil
}

func shown(args []string) string {
	quoted := make([]string, len(args))
	for i, arg := range args {
		quoted[i] = arg
		if arg == "" || strings.ContainsAny(arg, " *?[]{}()!'\"\n|&;<>$") {
			quoted[i] = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

// pass lets time pass.
func (w *world) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// populate adds tasks in all the states that a person meets.
func (w *world) populate() {
	release := make(chan struct{})
	w.t.Cleanup(func() { close(release) })
	w.Define("refused", func(context.Context) error { return errors.New("dial tcp 10.0.0.7:5432: connect: connection refused") })
	w.Define("stubborn", func(ctx context.Context) error {
		<-ctx.Done()
		<-release
		return nil
	})
	w.add("web/front", servertest.Wait, labels("app=web", "tier=front"), timeout(10*time.Minute))
	w.add("billing-database-migration-of-the-year-2025", "refused", steadily(40*time.Second), labels("app=billing"), retries(5))
	w.add("once", servertest.Succeed)
	w.add("doomed", servertest.Fail, never)
	w.add("export-a", servertest.Wait, slot("export"))
	w.add("export-b", servertest.Wait, slot("export"))
	w.add("clock", servertest.Succeed, every(90*time.Second))
	w.add("stuck", "stubborn")
	w.pass(100 * time.Second)
	go func() { // answers when the grace period is over
		_, _ = w.Tasks.RemoveTask(w.t.Context(), &pb.RemoveTaskRequest{Name: "stuck", GracePeriod: durationpb.New(time.Second)})
	}()
	w.pass(5 * time.Second)
}

// add adds a task, and lets happen what comes of that at once: what two tasks do at the same moment has no order.
func (w *world) add(name, body string, changes ...change) *pb.Task {
	w.t.Helper()
	defer synctest.Wait()
	return w.Add(name, body, changes...)
}

type change = func(*pb.TaskSpec)

func labels(pairs ...string) change {
	return func(s *pb.TaskSpec) {
		s.Labels = map[string]string{}
		for _, pair := range pairs {
			key, value, _ := strings.Cut(pair, "=")
			s.Labels[key] = value
		}
	}
}

func timeout(d time.Duration) change {
	return func(s *pb.TaskSpec) { s.Timeout = durationpb.New(d) }
}

// steadily makes failures follow each other after the same delay.
func steadily(d time.Duration) change {
	return func(s *pb.TaskSpec) {
		s.Backoff = &pb.BackoffPolicy{First: durationpb.New(d), Max: durationpb.New(d), Jitter: pb.Jitter_JITTER_NONE}
	}
}

func retries(n uint32) change {
	return func(s *pb.TaskSpec) { s.Restart = &pb.RestartPolicy{MaxRetries: n} }
}

func never(s *pb.TaskSpec) {
	s.Restart = &pb.RestartPolicy{Mode: pb.RestartMode_RESTART_MODE_NEVER}
}

func slot(name string) change {
	return func(s *pb.TaskSpec) { s.Admission = &pb.Admission{Slot: name} }
}

func every(d time.Duration) change {
	return func(s *pb.TaskSpec) {
		s.Restart = &pb.RestartPolicy{Mode: pb.RestartMode_RESTART_MODE_ALWAYS, Interval: durationpb.New(d)}
	}
}

func captured(s *pb.TaskSpec) { s.CaptureOutput = true }
