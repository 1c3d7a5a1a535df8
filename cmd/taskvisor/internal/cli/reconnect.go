package cli

import (
	"context"
	"fmt"

	"github.com/taskvisor/taskvisor/client"
)

// reconnects tells, on standard error, that a stream ended and is opened again; not each time, but whenever the reason is another one.
func (a *app) reconnects(ctx context.Context) client.WatchOption {
	told := ""
	return client.OnReconnect(func(r client.Reconnect) {
		s := statusOf(r.Err)
		if s != nil && s.Message() == told {
			return
		}
		if s != nil {
			told = s.Message()
		}
		fmt.Fprintf(a.stderr, "%s: %s\nTrying again until there is an answer; Ctrl-C ends it.\n", programName, a.explain(ctx, r.Err))
	})
}
