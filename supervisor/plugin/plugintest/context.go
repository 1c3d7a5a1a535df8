package plugintest

import (
	"context"
	"sync"

	"github.com/taskvisor/taskvisor/supervisor"
)

// watched is a context that tells when somebody first looks whether it is done.
type watched struct {
	context.Context //nolint:containedctx // it is a context
	once            *sync.Once
	looked          chan struct{}
}

// Done implements context.Context.
func (w watched) Done() <-chan struct{} {
	w.once.Do(func() { close(w.looked) })
	return w.Context.Done()
}

// Err implements context.Context.
func (w watched) Err() error {
	w.once.Do(func() { close(w.looked) })
	return w.Context.Err()
}

// watch returns the body with a watched context, and the channel that is closed when it looks at it. It is for one attempt.
func watch(body supervisor.Task) (task supervisor.Task, looked <-chan struct{}) {
	w := watched{once: new(sync.Once), looked: make(chan struct{})}
	return supervisor.TaskFunc(func(ctx context.Context) error {
		w.Context = ctx
		return body.Run(w)
	}), w.looked
}
