package http_test

import (
	"io"
	nethttp "net/http"
	"net/http/httptest"
	"testing"

	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugins/http"
	"github.com/taskvisor/taskvisor/supervisor/plugins/internal/bodytest"
)

// The answer, and each part of its body, is progress, and so a sign of life.
func TestProgress(t *testing.T) {
	say := make(chan string)
	server := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, _ *nethttp.Request) {
		flush := nethttp.NewResponseController(w).Flush
		if err := flush(); err != nil {
			t.Error(err)
		}
		for part := range say {
			if _, err := io.WriteString(w, part); err != nil {
				t.Error(err)
			}
			if err := flush(); err != nil {
				t.Error(err)
			}
		}
	}))
	defer server.Close()
	body := bodytest.Build(t, bodytest.Registry(t, http.New()), "http", map[string]any{"url": server.URL, "timeout": "1h"})
	life := bodytest.Begin(t, body)
	life.Await("200 OK")
	say <- "going"
	life.Await("200 OK, 5 bytes so far")
	say <- " on"
	life.Await("200 OK, 8 bytes so far")
	close(say)
	if end := life.End(); end.Outcome != supervisor.OutcomeCompleted {
		t.Errorf("%s %s", end.Outcome, end.Reason)
	}
}
