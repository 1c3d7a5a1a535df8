package file

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugins/http"
)

// task is the body. Its fields are those of the attempt that runs: there is never more than one.
type task struct {
	config Config
	call   supervisor.Task // of then.http; nil without
	known  sight           // what changes are compared with; nil before the first attempt
}

func newTask(c Config) *task {
	t := &task{config: c}
	if c.Then.HTTP != nil {
		t.call = http.NewTask(*c.Then.HTTP)
	}
	return t
}

// Run implements supervisor.Task.
func (t *task) Run(ctx context.Context) error {
	found, err := t.await(ctx)
	if err == nil {
		err = t.act(ctx)
		if err == nil || t.config.Then.Fail != "" {
			t.known = found
		}
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	default:
		return fmt.Errorf("%s: %w", t.config.Path, err)
	}
}

// await looks at the path until it is as it should be, and returns what it found.
func (t *task) await(ctx context.Context) (sight, error) {
	ticker := time.NewTicker(t.config.Interval.Std())
	defer ticker.Stop()
	last, since := t.known, time.Time{} // since is when last was found first
	for {
		now, err := look(t.config.Path, last)
		if err != nil {
			return nil, err
		}
		supervisor.Heartbeat(ctx)
		if t.known == nil {
			t.known = now
		}
		if since.IsZero() || !now.same(last) {
			since = time.Now()
		}
		last = now
		if t.holds(now) && time.Since(since) >= t.config.Settle.Std() && ctx.Err() == nil {
			return now, nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// holds reports whether what was found is what is waited for.
func (t *task) holds(now sight) bool {
	switch t.config.Until {
	case Missing:
		return now.missing()
	case Changed:
		return !now.same(t.known)
	case Exists:
	}
	return !now.missing()
}

// act does what is to be done then.
func (t *task) act(ctx context.Context) error {
	then := &t.config.Then
	switch {
	case then.Fail != "":
		return errors.New(then.Fail)
	case then.Signal != nil:
		return then.Signal.send(ctx)
	case t.call != nil:
		return t.call.Run(ctx)
	}
	return nil
}
