package cli

import (
	"fmt"

	"google.golang.org/grpc/status"

	"github.com/taskvisor/taskvisor/client"
)

// reconnects tells, on standard error, that a stream ended and is opened again.
func (a *app) reconnects() client.WatchOption {
	return client.OnReconnect(func(r client.Reconnect) {
		s := status.Convert(r.Err)
		fmt.Fprintf(a.stderr, "%s: %s; trying again in %s\n", programName, sentence(s), span(r.Delay))
	})
}
