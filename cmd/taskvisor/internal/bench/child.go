package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// startPatience is how long a process, or a task, may take to begin: far more than any takes.
const startPatience = 30 * time.Second

// child is a process of a measurement, asked from one goroutine at a time.
type child struct {
	role string
	ctx  context.Context //nolint:containedctx // of the process: with it, all that waits for the process ends
	kill context.CancelFunc
	cmd  *exec.Cmd
	said *lastText // on standard error; to be read once the process has ended
	in   *json.Encoder
	out  *json.Decoder
}

// launcher starts children.
type launcher struct {
	program []string // this very program, up to the role
}

// start starts a process, gives it its plan, and waits until it is ready. It is killed when ctx is done. If this process dies, its children find their
// standard input closed.
func (l *launcher) start(ctx context.Context, role string, plan, ready any) (*child, error) {
	ctx, kill := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, l.program[0], append(l.program[1:len(l.program):len(l.program)], role)...)
	c := &child{role: role, ctx: ctx, kill: kill, cmd: cmd, said: &lastText{}}
	cmd.Stderr = c.said
	cmd.WaitDelay = time.Second
	stdin, err := cmd.StdinPipe()
	if err == nil {
		var stdout io.Reader
		if stdout, err = cmd.StdoutPipe(); err == nil {
			c.in, c.out = json.NewEncoder(stdin), json.NewDecoder(stdout)
			err = cmd.Start()
		}
	}
	if err != nil {
		kill()
		return nil, fmt.Errorf("start the process %q: %w", role, err)
	}
	if err := exchange(c, plan, ready); err != nil {
		c.stop()
		return nil, err
	}
	return c, nil
}

// stop ends the process at once. It may be called again.
func (c *child) stop() {
	c.kill()
	_ = c.cmd.Wait() // it was killed, or it was waited for before
}

// ask sends a request and waits for the result.
func (c *child) ask(do string, result any) error { return exchange(c, request{do}, result) }

func exchange(c *child, message, result any) error {
	var raw answer[json.RawMessage]
	err := c.in.Encode(message)
	if err == nil {
		err = c.out.Decode(&raw)
	}
	switch {
	case c.ctx.Err() != nil:
		return fmt.Errorf("the process %q was ended: %w", c.role, context.Cause(c.ctx))
	case err != nil:
		c.stop()
		return fmt.Errorf("the process %q ended by itself (%w); it said: %q", c.role, err, c.said.text)
	case raw.Problem != "":
		return fmt.Errorf("the process %q: %s", c.role, raw.Problem)
	case result == nil:
		return nil
	}
	return json.Unmarshal(raw.Result, result)
}

// answerAll is the other end of child: it reads the plan and hands it to begin, and then answers each request with what begin returned, until
// there are no more. A problem is told to whoever asked, and ends the process.
func answerAll[P, R any](r io.Reader, w io.Writer, begin func(plan *P) (ready any, do func(string) (R, error), err error)) error {
	in, out := json.NewDecoder(r), json.NewEncoder(w)
	plan := new(P)
	if err := in.Decode(plan); err != nil {
		return fmt.Errorf("read the plan on standard input, which taskvisor bench writes: %w", err)
	}
	ready, do, err := begin(plan)
	if err != nil {
		return errors.Join(err, out.Encode(answer[any]{Problem: err.Error()}))
	}
	if err := out.Encode(answer[any]{Result: ready}); err != nil {
		return err
	}
	for {
		var req request
		if err := in.Decode(&req); err != nil {
			return ignoreEOF(err)
		}
		result, err := do(req.Do)
		if err != nil {
			return errors.Join(err, out.Encode(answer[any]{Problem: err.Error()}))
		}
		if err := out.Encode(answer[R]{Result: result}); err != nil {
			return err
		}
	}
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
