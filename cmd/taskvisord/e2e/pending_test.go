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
		{"request_id", "AddTask", `{"task":{"name":"new","plugin":"sleep"},"request_id":"01975a4e-0000-7000-8000-000000000000"}`},
		{"if_exists", "AddTask", `{"task":{"name":"new","plugin":"sleep"},"if_exists":"IF_EXISTS_KEEP"}`},
		{"if_exists", "AddTask", `{"task":{"name":"new","plugin":"sleep"},"if_exists":"IF_EXISTS_REPLACE"}`},
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
