package tcp_test

import (
	"net"
	"testing"

	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugins/internal/bodytest"
	"github.com/taskvisor/taskvisor/supervisor/plugins/tcp"
)

// Each step, and each part of an answer, is progress, and so a sign of life.
func TestProgress(t *testing.T) {
	say := make(chan string)
	addr := serve(t, "tcp", "127.0.0.1:0", func(conn net.Conn) {
		for part := range say {
			if _, err := conn.Write([]byte(part)); err != nil {
				t.Error(err)
			}
		}
	})
	body := bodytest.Build(t, bodytest.Registry(t, tcp.New()), "tcp", map[string]any{"address": addr, "expect": "over", "timeout": "1h"})
	life := bodytest.Begin(t, body)
	life.Await("connected")
	say <- "going"
	life.Await("5 bytes of an answer")
	say <- " on"
	life.Await("8 bytes of an answer")
	say <- " and over"
	close(say)
	if end := life.End(); end.Outcome != supervisor.OutcomeCompleted {
		t.Errorf("%s %s", end.Outcome, end.Reason)
	}
}
