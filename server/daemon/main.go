package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

// Process is what a process has from its system. Main fills it in; tests and programs that embed a daemon bring their own.
type Process struct {
	Args    []string         // arguments, without the name of the program
	Env     []string         // NAME=value
	Stdout  io.Writer        // takes what was asked for: help, version, settings
	Stderr  io.Writer        // takes the log, and what went wrong
	Signals <-chan os.Signal // the first stops all tasks and then the daemon, the second quits at once; nil for none
}

// Main runs the daemon as the whole of a program, and exits with the code that says what happened. As process 1 of a container, and as a subreaper, it reaps
// the processes that it adopts, and takes no exit code from those who wait for a child by package os/exec.
func Main(opts ...Option) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	// A log that is piped into a program that ends (Ctrl-C ends both of "taskvisord | tee") must not kill the daemon in the middle of a drain, as
	// SIGPIPE does unless somebody receives it. It is not ignored, since the commands of tasks would inherit that.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	os.Exit(Run(context.Background(), Process{
		Args: os.Args[1:], Env: os.Environ(), Stdout: os.Stdout, Stderr: os.Stderr, Signals: signals,
	}, append(opts, wholeProcess)...))
}

// Run is Main for tests and for programs that do more than this: it returns the exit code. It returns when the daemon has ended, or at once
// on a second signal; tasks that ignored their cancellation then run on until the process ends. Canceling ctx is like a first signal.
func Run(ctx context.Context, p Process, opts ...Option) int {
	o := newOptions(opts)
	ctx, forced, release := watchSignals(ctx, p.Signals)
	defer release()
	var log atomic.Pointer[slog.Logger] // set once the settings are known
	ended := make(chan int, 1)
	go func() { ended <- execute(ctx, o, &p, &log) }()
	select {
	case code := <-ended:
		return code
	case signal := <-forced:
		lastWords(log.Load())
		return exitForced(signal)
	}
}

// lastWords says that the daemon quits.
func lastWords(log *slog.Logger) {
	if log != nil {
		briefly(func() { log.Warn("quitting at once, without waiting for tasks") })
	}
}

// logPatience is how long a signal waits for a line of the log.
const logPatience = 200 * time.Millisecond

// briefly waits for a line to be logged, but not for long: a log that nobody reads may be what a signal is about, and must not keep it from
// its effect.
func briefly(say func()) {
	said := make(chan struct{})
	go func() {
		defer close(said)
		say()
	}()
	patience := time.NewTimer(logPatience)
	defer patience.Stop()
	select {
	case <-said:
	case <-patience.C:
	}
}

// execute runs the command line and reports what goes wrong.
func execute(ctx context.Context, o *options, p *Process, log *atomic.Pointer[slog.Logger]) (code int) {
	report := reportPlain(p.Stderr, o.name)
	var handler slog.Handler
	cmd := newCommand(o, p, steps{
		logTo: func(c *config) {
			handler = newLogHandler(p.Stderr, c.logFormat, c.logLevel)
			log.Store(slog.New(handler))
			if c.logFormat == logJSON {
				report = reportLogged(handler)
			}
		},
		serve: func(ctx context.Context, c *config) (err error) {
			code, err = serve(ctx, o, c, handler)
			return err
		},
	})
	cmd.SetArgs(append([]string{}, p.Args...)) // cobra takes nil for those of the process
	cmd.SetOut(p.Stdout)
	cmd.SetErr(p.Stderr)
	if err := cmd.ExecuteContext(ctx); err != nil {
		problems, failed := problemsOf(err)
		report(problems)
		return failed
	}
	return code
}

// problemsOf returns what to tell of an error, and the exit code for it.
func problemsOf(err error) (problems []string, code int) {
	var usage *usageError
	problems, code = []string{err.Error()}, ExitFailure
	if errors.As(err, &usage) {
		problems, code = usage.problems, ExitUsage
	}
	if own, ok := errors.AsType[*exitError](err); ok {
		code = own.code
	}
	return problems, code
}

// reportPlain tells a person why the daemon did not start.
func reportPlain(w io.Writer, name string) func(problems []string) {
	return func(problems []string) {
		if len(problems) == 1 {
			fmt.Fprintf(w, "%s: %s\n", name, problems[0])
			return
		}
		fmt.Fprintf(w, "%s: %d problems:\n", name, len(problems))
		for _, problem := range problems {
			fmt.Fprintf(w, "  %s\n", problem)
		}
	}
}

// reportLogged tells it to what reads the log: a line that is no JSON would be lost on it.
func reportLogged(handler slog.Handler) func(problems []string) {
	return func(problems []string) {
		for _, problem := range problems {
			slog.New(handler).Error("cannot start", "reason", problem)
		}
	}
}
