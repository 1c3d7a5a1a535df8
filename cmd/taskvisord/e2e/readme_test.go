//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// documentedAddr is where the daemon of README.md listens.
const documentedAddr = "127.0.0.1:7700"

// mayRun are the programs whose commands may stand in a console block. Whatever else a reader is to type belongs into a block of another
// kind: this test would run it.
var mayRun = []string{"grpcurl", "grpc-health-probe", "taskvisor"}

// TestReadmeSession runs the console blocks of README.md, as console_test.go reads and pattern_test.go compares them, against a daemon that
// was started like `make run` starts it, as the reader has just done.
func TestReadmeSession(t *testing.T) {
	d := startAsMakeRun(t)
	s := session{document: "README.md", mayRun: mayRun, standIns: []string{documentedAddr, d.addr}, ids: identities{}, config: configFor(t, d.addr)}
	s.play(t, func(heading string) bool { return heading != ownDaemon })
}

// everything is for play.
func everything(string) bool { return true }

// play runs all steps of those sections of the document whose heading is wanted.
func (s *session) play(t *testing.T, wanted func(heading string) bool) {
	t.Helper()
	steps, err := readConsole(sections(s.read(t), wanted))
	if err != nil {
		t.Fatalf("%s: %v", s.document, err)
	}
	if len(steps) == 0 {
		t.Fatalf("%s has no block that is marked console: there is no session to run. console_test.go has the format", s.document)
	}
	for _, step := range steps {
		if !slices.Contains(s.mayRun, step.program()) {
			t.Fatalf("%s:%d: %s: only %q may stand in a console block", s.document, step.line, step.program(), s.mayRun)
		}
		s.run(t, step)
	}
	for _, b := range s.background {
		late := time.AfterFunc(settling, b.interrupt)
		s.interrupt(t, b.step, b.process)
		late.Stop()
	}
}

// read returns the document.
func (s *session) read(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(s.document)))
	if err != nil {
		t.Fatalf("%s has to show a session with grpcurl: %v", s.document, err)
	}
	return string(text)
}

// settling is how long what happened in the session may take to show in another terminal.
const settling = 10 * time.Second

// session runs the steps of a document.
type session struct {
	document   string   // path from the root
	mayRun     []string // programs
	standIns   []string // what the document has, and what this test has in its place, in turn
	ids        identities
	config     string // folder of config files; empty: no step needs one
	background []backgroundStep
}

// configFor returns a folder of config files that tell taskvisor, which the reader calls without an address, where the daemon of a test listens.
func configFor(t *testing.T, addr string) string {
	t.Helper()
	home := t.TempDir()
	dir := filepath.Join(home, "taskvisor")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte("server: "+addr+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return home
}

// backgroundStep is a command in another terminal.
type backgroundStep struct {
	step
	*process
}

func (s *session) run(t *testing.T, step step) {
	t.Helper()
	switch {
	case step.background:
		p := s.start(t, step)
		p.stdout.line(0)
		s.background = append(s.background, backgroundStep{step, p})
	case step.interrupted:
		s.interrupt(t, step, s.start(t, step))
	default:
		s.repeat(t, step)
	}
}

// report fails the test unless err is nil.
func (s *session) report(t *testing.T, step step, err error, printed string) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s:%d: $ %s\n%v\nIt printed:\n%s", s.document, step.line, step.command, err, printed)
	}
}

// looks is how often a list may be looked at until it shows what is documented: it shows a moment, of tasks that go on.
const looks = 20

// repeat runs a command to its end and compares what it prints.
func (s *session) repeat(t *testing.T, step step) {
	t.Helper()
	tries := 1
	if strings.Contains(step.command, "/ListTasks") || strings.HasPrefix(step.command, "taskvisor ls ") || strings.HasPrefix(step.command, "taskvisor get ") {
		tries = looks
	}
	var printed string
	var err error
	for range tries {
		p := s.start(t, step)
		<-p.ended
		printed = s.output(p)
		if err = compare(s.ids, step.output, printed); err == nil {
			return
		}
	}
	s.report(t, step, err, printed)
}

// interrupt ends a command as soon as it has printed what is documented.
func (s *session) interrupt(t *testing.T, step step, p *process) {
	t.Helper()
	err := s.awaitOutput(step, p)
	p.interrupt()
	<-p.ended
	s.report(t, step, err, s.output(p))
}

// interrupt does what ^C does, to the process group that start has made.
func (p *process) interrupt() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGINT) // fails if it has ended by itself, which is fine
}

// awaitOutput waits until a command has printed what is documented. It returns an error when that will not happen any more.
func (s *session) awaitOutput(step step, p *process) error {
	err := errors.New("nothing was printed")
	for offset := 0; ; {
		_, next, ok := p.stdout.line(offset)
		if !ok {
			return fmt.Errorf("it ended before it had printed what is documented: %w", err)
		}
		offset = next
		printed := s.asDocumented(p.stdout.String()[:offset])
		if err = compareStream(s.ids, step.output, printed); err == nil || errors.Is(err, errTooMuch) {
			return err
		}
	}
}

// output returns what a command has printed, with the addresses and files that the document has.
func (s *session) output(p *process) string { return s.asDocumented(p.output()) }

func (s *session) asDocumented(text string) string {
	reversed := slices.Clone(s.standIns)
	for i := 0; i < len(reversed); i += 2 {
		reversed[i], reversed[i+1] = reversed[i+1], reversed[i]
	}
	return strings.NewReplacer(reversed...).Replace(text)
}

// start starts a command by the shell, as the reader does, in a process group of its own, which a terminal would interrupt as one. Addresses
// and files are those of this test, uids are those that it made.
func (s *session) start(t *testing.T, step step) *process {
	t.Helper()
	command := s.ids.apply(strings.NewReplacer(s.standIns...).Replace(step.command))
	return startCommand(t, func(ctx context.Context) *exec.Cmd {
		cmd := exec.CommandContext(ctx, "sh", "-c", command)
		cmd.Dir = root
		path := []string{filepath.Dir(bin.daemon), filepath.Dir(bin.grpcurl), os.Getenv("PATH")}
		cmd.Env = append(os.Environ(), "PATH="+strings.Join(path, string(filepath.ListSeparator)), "XDG_CONFIG_HOME="+s.config)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
		return cmd
	})
}
