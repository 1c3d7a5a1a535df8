package cli

import (
	"context"
	"errors"
	"fmt"
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
	if err != nil {
		return nil, setupError{a.dialError(err)}
	}
	a.client = c
	return c, nil
}

// dialError says what is wrong with the address, or with what there is to show to the server.
func (a *app) dialError(err error) error {
	if errors.Is(err, client.ErrTokenInPlainText) {
		return fmt.Errorf("the token of %s (as %s says) would be sent in plain text to another machine, %s (%s); encrypt the connection with --tls "+
			"or --tls-ca FILE, or use a unix socket or a loopback address", a.settings.tokenFile, a.settings.origins["token-file"], a.settings.server, a.origin())
	}
	if inner := errors.Unwrap(err); inner != nil {
		err = inner // without "dial taskvisor": nobody has asked for that
	}
	return fmt.Errorf("server %s (%s): %w", a.settings.server, a.origin(), err)
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
