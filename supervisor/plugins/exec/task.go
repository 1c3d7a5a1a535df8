package exec

import (
	"context"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"time"

	"github.com/taskvisor/taskvisor/supervisor"
)

// drainDelay is how long to wait for more output after the end of the group: what is in the pipes is read in any case, and more can only come
// from a process that left the group.
const drainDelay = time.Second

// task is the body.
type task struct {
	config Config
	guard  *Guard
	drain  time.Duration
}

// Run implements supervisor.Task.
func (t *task) Run(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	as, err := t.identity()
	if err != nil {
		return err
	}
	cmd, err := t.command(ctx, as)
	if err != nil {
		return err
	}
	var last tail
	log := supervisor.Logger(ctx)
	to := sinks{&last, pulseSink{ctx}, logSink{ctx, log}}
	if supervisor.Captures(ctx) {
		to = append(to, captureSink{ctx})
	}
	out, err := newOutput(to)
	if err != nil {
		return fmt.Errorf("cannot open pipes for the output of %q: %w", t.config.Command[0], err)
	}
	defer out.closeAll()
	in, err := newInput(t.config.Stdin)
	if err != nil {
		return fmt.Errorf("cannot open a pipe for the input of %q: %w", t.config.Command[0], err)
	}
	defer in.closeAll()
	if in.read != nil {
		cmd.Stdin = in.read
	}
	cmd.Stdout, cmd.Stderr = out.write[stdout], out.write[stderr]
	t.guard.watch(log)
	c := &child{cmd: cmd, as: as, grace: t.config.StopGrace.Std(), guard: t.guard, pipes: out.inodes()}
	end, err := c.run(ctx, func() {
		out.start()
		in.start()
	})
	if err != nil {
		return fmt.Errorf("cannot start %q: %w", t.config.Command[0], err)
	}
	if !out.finish(t.drain) {
		log.WarnContext(ctx, "a process that left its group still holds the output open; it may be an orphan", "command", t.config.Command[0])
	}
	return end.result(ctx, last.String())
}

// command prepares the command of one attempt. Name and environment are looked up anew each time: a command may be installed, and a PATH repaired,
// while the task waits for its next attempt.
func (t *task) command(ctx context.Context, as *identity) (*osexec.Cmd, error) {
	argv := t.config.Command
	path, err := osexec.LookPath(argv[0])
	if err != nil {
		return nil, lookupError(argv[0], err)
	}
	info, _ := supervisor.Attempt(ctx)
	return &osexec.Cmd{Path: path, Args: argv, Dir: t.config.Dir, Env: environ(os.Environ(), &t.config, as, info, t.guard)}, nil
}

// identity returns the user to run the command as, looked up anew each time like the command; nil for that of the daemon.
func (t *task) identity() (*identity, error) {
	if t.config.User == "" {
		return nil, nil //nolint:nilnil // as the comment says
	}
	as, err := identify(t.config.User)
	if err != nil {
		return nil, fmt.Errorf("cannot run %q as user %q: %w", t.config.Command[0], t.config.User, err)
	}
	return as, nil
}

// lookupError says why no file was found for a command. It comes with each attempt, so it does not show the whole PATH.
func lookupError(command string, err error) error {
	if e, ok := errors.AsType[*osexec.Error](err); ok {
		err = e.Err // what is around it names the command again
	}
	if errors.Is(err, osexec.ErrNotFound) {
		return fmt.Errorf("cannot start %q: %w of the daemon (%d folders); install it there, or give an absolute path",
			command, err, len(filepath.SplitList(os.Getenv("PATH"))))
	}
	return fmt.Errorf("cannot start %q: %w", command, err)
}
