//go:build e2e

package e2e

import (
	"testing"

	"google.golang.org/grpc/codes"
)

// TestFieldsThatHaveNotLanded: what the contract has and the server does not do yet is refused by name, and never ignored. A row goes when its
// behaviour comes.
func TestFieldsThatHaveNotLanded(t *testing.T) {
	d := startDaemon(t)
	for _, pending := range []struct{ field, method, request string }{
		{"filter.label_selector", "ListTasks", `{"filter":{"label_selector":"app=web"}}`},
		{"filter.label_selector", "WatchEvents", `{"filter":{"label_selector":"app=web"}}`},
	} {
		t.Run(pending.method+" "+pending.field, func(t *testing.T) {
			m := mistake{
				code: codes.Unimplemented, reason: "NOT_IMPLEMENTED",
				fields: []string{pending.field}, metadata: map[string]string{"field": pending.field},
			}
			m.check(t, d.refuse(t, pending.method, pending.request))
		})
	}
}
