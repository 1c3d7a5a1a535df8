package web

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/supervisor"
)

// Requests that name the address by what it is called are answered; those that another site has made a browser send are not.
func TestNamesOfTheAddress(t *testing.T) {
	sup, err := supervisor.New(supervisor.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sup.Shutdown(t.Context()) })
	code := func(hosts []string, host, path string) (int, string) {
		h := newHandler(Config{
			Supervisor: sup, Server: server.New(sup, nil, server.Config{}), Metrics: http.NotFoundHandler(), Log: slog.New(slog.DiscardHandler), Hosts: hosts,
		})
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	own := []string{"Workstation"}
	for host, want := range map[string]int{
		"127.0.0.1:7702": http.StatusOK, "127.0.0.1": http.StatusOK, "127.8.9.10:1": http.StatusOK, "[::1]:7702": http.StatusOK, "[::1]": http.StatusOK, "[::ffff:127.0.0.1]:1": http.StatusOK,
		"localhost:7702": http.StatusOK, "LOCALHOST": http.StatusOK, "localhost.:1": http.StatusOK, "a.localhost:1": http.StatusOK,
		"workstation:7702": http.StatusOK, "workstation.": http.StatusOK, "": http.StatusOK,
		"evil.example:7702": http.StatusForbidden, "evil.example": http.StatusForbidden, "localhost.evil.example": http.StatusForbidden, "127.0.0.1.evil.example:7702": http.StatusForbidden,
		"notlocalhost": http.StatusForbidden, "192.0.2.1:7702": http.StatusForbidden, "0.0.0.0:7702": http.StatusForbidden, "[::]:7702": http.StatusForbidden, "workstation.evil.example": http.StatusForbidden, ":7702": http.StatusOK,
		"evil\x1b[2J:1": http.StatusForbidden,
	} {
		for _, path := range []string{"/", "/healthz"} {
			if got, body := code(own, host, path); got != want {
				t.Errorf("%q: %d %s, want %d", host, got, body, want)
			}
			if got, _ := code(nil, host, path); got != http.StatusOK {
				t.Errorf("%q, where all names are welcome: %d", host, got)
			}
		}
	}
	if _, body := code(own, "evil\x1b[2J.example:1", "/"); !strings.HasPrefix(body, `"evil\x1b[2J.example:1" is no name of this address`) {
		t.Errorf("%q", body)
	}
}
