package cli

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/taskvisor/taskvisor/client"
)

// app is one run of the program: what the process has, what holds of the settings, and the connection. It belongs to the goroutine of Run.
type app struct {
	process        Process
	stdout, stderr io.Writer
	flags          flagSource // what the command line says
	settings       settings   // valid once a verb runs
	style          style
	exits          map[*cobra.Command][]int // exit codes of each command that may talk to a server
	client         *client.Client           // nil until connect
	limited        bool                     // --timeout counts for all of the verb
}

func newApp(p Process) *app {
	if p.Zone == nil {
		p.Zone = time.Local
	}
	if p.Dial == nil {
		p.Dial = client.Dial
	}
	a := &app{process: p, stdout: p.Stdout, stderr: p.Stderr, settings: defaults(), exits: map[*cobra.Command][]int{}}
	if a.stdout == nil {
		a.stdout = io.Discard
	}
	if a.stderr == nil {
		a.stderr = io.Discard
	}
	a.style = newStyle(p)
	return a
}

// close ends the connection, if there is one.
func (a *app) close() {
	if a.client != nil {
		_ = a.client.Close() // the program ends, and all calls have
	}
}

// connect returns a client of the server that the settings name. Nothing is sent before the first call.
func (a *app) connect(more ...client.Option) (*client.Client, error) {
	if a.client != nil {
		return a.client, nil
	}
	opts, err := a.settings.options()
	if err != nil {
		return nil, err
	}
	c, err := a.process.Dial(a.settings.server, append(opts, more...)...)
	if inner := errors.Unwrap(err); inner != nil {
		err = inner // without "dial taskvisor": nobody has asked for that
	}
	switch {
	case err != nil && a.settings.tokenFile != "" && !a.settings.encrypted():
		return nil, usagef("%w (here: --tls or --tls-ca FILE)", err)
	case err != nil:
		return nil, usageError{err}
	}
	a.client = c
	return c, nil
}

// call returns the context for a call that has an answer.
func (a *app) call(ctx context.Context) (context.Context, context.CancelFunc) {
	if a.settings.timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, a.settings.timeout)
}

// endless returns the context for what takes as long as it takes: --timeout counts only if somebody asked for it.
func (a *app) endless(ctx context.Context) (context.Context, context.CancelFunc) {
	if !a.settings.timeoutGiven {
		return context.WithCancel(ctx)
	}
	a.limited = true
	return a.call(ctx)
}

// runner is what a verb does.
type runner func(ctx context.Context, c *client.Client, args []string) error

// run makes a runner what cobra calls.
func (a *app) run(f runner) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, err := a.connect()
		if err != nil {
			return err
		}
		return f(cmd.Context(), c, args)
	}
}

// here returns a time as it is shown.
func (a *app) here(t time.Time) time.Time { return t.In(a.process.Zone) }
