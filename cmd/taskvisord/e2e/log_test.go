//go:build e2e

package e2e

import (
	"strings"
	"syscall"
	"testing"
)

// TestLogLinesCannotBeForged: what a caller sends ends up in the log, where it must neither begin a line nor steer a terminal.
func TestLogLinesCannotBeForged(t *testing.T) {
	d := startDaemon(t)
	const evil = `x\n2026-01-01T00:00:00.000Z INFO  FORGED\u001b[31m`
	d.refuse(t, "AddTask", `{"task":{"name":"`+evil+`","plugin":"sleep"}}`)
	d.refuse(t, "AddTask", `{"task":{"name":"new","plugin":"`+evil+`"}}`)
	d.refuse(t, "RemoveTask", `{"name":"`+evil+`"}`)
	d.refuse(t, "RemoveTask", `{"uid":"`+evil+`"}`)
	d.refuse(t, "ListTasks", `{"page_token":"`+evil+`"}`)

	d.signal(t, syscall.SIGTERM)
	d.exit(t) // all of the log is here
	for line := range strings.Lines(d.stderr.String()) {
		if strings.HasPrefix(line, "2026-01-01") || strings.Contains(line, "\x1b") {
			t.Errorf("the log has the line %q", line)
		}
	}
}
