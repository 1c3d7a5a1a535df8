package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/supervisor"
)

// newSite returns the pages about a supervisor.
func newSite(t *testing.T, config supervisor.Config) (*supervisor.Supervisor, http.Handler) {
	t.Helper()
	sup, err := supervisor.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sup.Shutdown(t.Context()) })
	return sup, newHandler(Config{
		Supervisor: sup, Server: server.New(sup, nil, server.Config{}), Metrics: http.NotFoundHandler(), Log: slog.New(slog.DiscardHandler),
		Notes: func(now time.Time) []string { return []string{"noted at " + now.UTC().Format(time.TimeOnly)} },
	})
}

// ask returns the answer to a request for a path; accept may be empty.
func ask(t *testing.T, h http.Handler, path, accept string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestTaskPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sup, h := newSite(t, supervisor.Config{MaxConcurrent: 3, Backoff: supervisor.BackoffPolicy{First: time.Hour, Max: time.Hour, Jitter: supervisor.JitterNone}})
		evil := supervisor.TaskFunc(func(ctx context.Context) error { return errors.New("<script>\x1b[2J\nnext") })
		if _, err := sup.Add(t.Context(), supervisor.Restartable("evil", evil)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(90 * time.Second)
		synctest.Wait()
		const text = `2000-01-01T00:01:30Z
1 tasks: 1 BACKOFF
5 events so far, the last 5 are kept
0 of 3 permits are held
noted at 00:01:30

Tasks
NAME  STATE    ATTEMPT  STREAK  STARTED    NEXT      LAST ERROR
evil  BACKOFF  1        1       1m30s ago  in 58m30s  1m30s ago: <script>\x1b[2J\nnext

Watchers (0)
PEER  PRINCIPAL  OPENED  LAG  EVENTS  GAPS  LOST
`
		if got := ask(t, h, "/debug/tasks", "*/*").Body.String(); strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(text), " ") {
			t.Errorf("got\n%s\nwant\n%s", got, text)
		}
		w := ask(t, h, "/", "text/html,application/xhtml+xml")
		if got := w.Body.String(); strings.Contains(got, "<script") || !strings.Contains(got, `<td>1m30s ago: &lt;script&gt;\x1b[2J\nnext</td>`) {
			t.Errorf("got\n%s", got)
		}
		if got := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(got, "default-src 'none'") {
			t.Errorf("policy %q", got)
		}
	})
}

// However many tasks there are, a page has a thousand of them, and tells where the next begins.
func TestPagesOfTasks(t *testing.T) {
	sup, h := newSite(t, supervisor.Config{})
	body := supervisor.TaskFunc(func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	})
	for i := range 2 * maxRows {
		if _, err := sup.Add(t.Context(), supervisor.Once(fmt.Sprintf("task-%04d", i), body)); err != nil {
			t.Fatal(err)
		}
	}
	rows, pages := 0, 0
	for path := "/debug/tasks"; path != ""; pages++ {
		got := ask(t, h, path, "").Body.String()
		rows += strings.Count(got, "\ntask-")
		_, path, _ = strings.Cut(got, "\nmore: ")
		path, _, _ = strings.Cut(path, "\n")
	}
	if rows != 2*maxRows || pages != 2 {
		t.Errorf("%d tasks on %d pages", rows, pages)
	}
	if got := ask(t, h, "/", "text/html").Body.String(); !strings.Contains(got, `<a href="/debug/tasks?after=task-0999">more</a>`) {
		t.Error("no link to the next page")
	}
}

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"plain ünïcode": "plain ünïcode", "a\tb\nc\x00": `a\tb\nc\x00`, "\u202e": `\u202e`, "\xff": `\xff`,
		strings.Repeat("é", 200): strings.Repeat("é", 150) + "…", "x" + strings.Repeat("é", 200): "x" + strings.Repeat("é", 149) + "…",
	} {
		if got := clean(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// Nothing here changes anything, so nothing but looking is allowed.
func TestOtherMethods(t *testing.T) {
	_, h := newSite(t, supervisor.Config{})
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, "/debug/pprof/symbol", strings.NewReader("x")))
		if w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
}

// Readiness ends with the first moment of the shutdown, liveness does not.
func TestHealthPages(t *testing.T) {
	sup, err := supervisor.New(supervisor.Config{})
	if err != nil {
		t.Fatal(err)
	}
	srv := server.New(sup, nil, server.Config{Starting: true})
	h := newHandler(Config{Supervisor: sup, Server: srv, Metrics: http.NotFoundHandler(), Log: slog.New(slog.DiscardHandler)})
	check := func(ready int) {
		t.Helper()
		if code := ask(t, h, "/readyz", "").Code; code != ready {
			t.Errorf("/readyz: %d, want %d", code, ready)
		}
		if code := ask(t, h, "/healthz", "").Code; code != http.StatusOK {
			t.Errorf("/healthz: %d", code)
		}
	}
	check(http.StatusServiceUnavailable)
	srv.Started()
	check(http.StatusOK)
	_ = srv.Shutdown(t.Context())
	check(http.StatusServiceUnavailable)
}
