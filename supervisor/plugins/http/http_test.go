package http_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
	"github.com/taskvisor/taskvisor/supervisor/plugin/plugintest"
	"github.com/taskvisor/taskvisor/supervisor/plugins/http"
	"github.com/taskvisor/taskvisor/supervisor/plugins/internal/bodytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newServer serves what the tests ask for.
func newServer(t *testing.T) *httptest.Server {
	t.Helper()
	mux := nethttp.NewServeMux()
	mux.HandleFunc("/status/{code}", func(w nethttp.ResponseWriter, r *nethttp.Request) {
		code, err := strconv.Atoi(r.PathValue("code"))
		if err != nil {
			code = nethttp.StatusBadRequest
		}
		if after := r.URL.Query().Get("after"); after != "" {
			w.Header().Set("Retry-After", after)
		}
		if to := r.URL.Query().Get("to"); to != "" {
			w.Header().Set("Location", to)
		}
		w.WriteHeader(code)
		fmt.Fprint(w, r.URL.Query().Get("text"))
	})
	mux.HandleFunc("/echo", func(w nethttp.ResponseWriter, r *nethttp.Request) {
		body, err := io.ReadAll(r.Body)
		fmt.Fprintln(w, r.Method, r.Host, r.UserAgent(), r.Header.Get("X-Token"), string(body), err)
		user, password, _ := r.BasicAuth()
		fmt.Fprintln(w, user, password)
	})
	mux.HandleFunc("/long", func(w nethttp.ResponseWriter, r *nethttp.Request) {
		for range 1000 {
			if _, err := io.WriteString(w, strings.Repeat("ä", 1000)); err != nil {
				return
			}
		}
		fmt.Fprint(w, "end")
	})
	mux.HandleFunc("/gzip", func(w nethttp.ResponseWriter, r *nethttp.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		fmt.Fprint(z, strings.Repeat("x", 1<<20)) // compressing more is work for a machine that may be busy
		z.Close()
	})
	mux.HandleFunc("/broken", func(w nethttp.ResponseWriter, r *nethttp.Request) {
		w.Header().Set("Content-Length", "10")
		fmt.Fprint(w, "five.")
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

func registry(t *testing.T) *plugin.Registry {
	t.Helper()
	return bodytest.Registry(t, http.New())
}

// anHour is the timeouts of a config that a busy machine does not reach.
func anHour(config map[string]any) map[string]any {
	patient := map[string]any{"timeout": "1h", "connect_timeout": "1h"}
	maps.Copy(patient, config)
	return patient
}

// call runs one attempt, which has an hour unless the config says otherwise.
func call(t *testing.T, config map[string]any) error {
	t.Helper()
	config = anHour(config)
	return bodytest.Build(t, registry(t), "http", config).Run(t.Context())
}

func TestAnswers(t *testing.T) {
	server := newServer(t)
	for name, test := range map[string]struct {
		path   string
		config map[string]any // besides the URL
		want   string         // BASE stands for the URL of the server; empty for success
		fatal  bool
		after  time.Duration
	}{
		"200":                   {path: "/status/200"},
		"204":                   {path: "/status/204"},
		"500":                   {path: "/status/500?text=no+database", want: `GET BASE/status/500?text=no+database: 500 Internal Server Error instead of 2xx; it says "no database"`},
		"404, no text":          {path: "/status/404", want: `GET BASE/status/404: 404 Not Found instead of 2xx`},
		"status without a name": {path: "/status/599", want: `GET BASE/status/599: 599 instead of 2xx`},
		"404, expected":         {path: "/status/404", config: map[string]any{"expect": map[string]any{"status": []any{"200", "404-410"}}}},
		"200, not expected": {
			path: "/status/200?text=x", config: map[string]any{"expect": map[string]any{"status": []any{"201", "3xx"}}},
			want: `GET BASE/status/200?text=x: 200 OK instead of 201, 3xx; it says "x"`,
		},
		"redirect":     {path: "/status/302?to=/status/200", want: `GET BASE/status/302?to=/status/200: 302 Found to "/status/200" instead of 2xx`},
		"followed":     {path: "/status/302?to=/status/200", config: map[string]any{"max_redirects": 1}},
		"followed, no": {path: "/status/302?to=/status/500", config: map[string]any{"max_redirects": 1}, want: `GET BASE/status/302?to=/status/500: 500 Internal Server Error instead of 2xx`},
		"in circles": {
			path: "/status/307?to=?to=", config: map[string]any{"max_redirects": 10},
			want: `GET BASE/status/307?to=?to=: 307 Temporary Redirect instead of 2xx`,
		},
		"contains":       {path: "/status/200?text=all+is+well", config: map[string]any{"expect": map[string]any{"contains": "is well"}}},
		"does not":       {path: "/status/200?text=all+is+well", config: map[string]any{"expect": map[string]any{"contains": "ill"}}, want: `GET BASE/status/200?text=all+is+well: 200 OK, but the body does not contain "ill"; it says "all is well"`},
		"matches":        {path: "/status/200?text=all+is+well", config: map[string]any{"expect": map[string]any{"matches": "^all .* well$"}}},
		"matches not":    {path: "/status/200", config: map[string]any{"expect": map[string]any{"matches": "^green$"}}, want: `GET BASE/status/200: 200 OK, but the body does not match "^green$"`},
		"fatal":          {path: "/status/401", config: map[string]any{"fatal_status": []any{"4xx"}}, want: `GET BASE/status/401: 401 Unauthorized, after which there is no use in another attempt`, fatal: true},
		"fatal goes on":  {path: "/status/500", config: map[string]any{"fatal_status": []any{"4xx"}}, want: `GET BASE/status/500: 500 Internal Server Error instead of 2xx`},
		"retry after":    {path: "/status/503?after=7", want: `GET BASE/status/503?after=7: 503 Service Unavailable instead of 2xx`, after: 7 * time.Second},
		"too many":       {path: "/status/429?after=120", want: `GET BASE/status/429?after=120: 429 Too Many Requests instead of 2xx`, after: 2 * time.Minute},
		"in a century":   {path: "/status/503?after=3153600000000", want: `GET BASE/status/503?after=3153600000000: 503 Service Unavailable instead of 2xx`, after: time.Hour},
		"capped":         {path: "/status/503?after=7", config: map[string]any{"max_retry_after": "2s"}, want: `GET BASE/status/503?after=7: 503 Service Unavailable instead of 2xx`, after: 2 * time.Second},
		"after, but 500": {path: "/status/500?after=7", want: `GET BASE/status/500?after=7: 500 Internal Server Error instead of 2xx`},
		"date gone by":   {path: "/status/503?after=Wed,+21+Oct+2015+07:28:00+GMT", want: `GET BASE/status/503?after=Wed,+21+Oct+2015+07:28:00+GMT: 503 Service Unavailable instead of 2xx`},
		"broken off":     {path: "/broken", want: `GET BASE/broken: 200 OK, but its body broke off after 5 bytes: unexpected EOF`},
		"beyond the end": {path: "/long", config: map[string]any{"expect": map[string]any{"contains": "end"}}, want: `GET BASE/long: 200 OK, but the body does not contain "end"; it begins with "` + strings.Repeat("ä", 128) + `"`},
		"to the end":     {path: "/long", config: map[string]any{"expect": map[string]any{"contains": "end"}, "max_body": 3 << 20}},
		"blown up":       {path: "/gzip", config: map[string]any{"expect": map[string]any{"contains": "y"}, "max_body": 4}, want: `GET BASE/gzip: 200 OK, but the body does not contain "y"; it begins with "xxxx"`},
	} {
		config := map[string]any{"url": server.URL + test.path}
		for key, value := range test.config {
			config[key] = value
		}
		err := call(t, config)
		got := ""
		if err != nil {
			got = strings.ReplaceAll(err.Error(), server.URL, "BASE")
		}
		after, _ := supervisor.RetryAfterOf(err)
		if got != test.want || supervisor.IsFatal(err) != test.fatal || after != test.after {
			t.Errorf("%s:\n got %s (fatal %t, after %s)\nwant %s (fatal %t, after %s)", name, got, supervisor.IsFatal(err), after, test.want, test.fatal, test.after)
		}
	}
}

// A date is taken for a delay from now.
func TestRetryAfterMayBeADate(t *testing.T) {
	server := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, _ *nethttp.Request) {
		w.Header().Set("Retry-After", time.Now().Add(10*time.Minute).UTC().Format(nethttp.TimeFormat))
		w.WriteHeader(nethttp.StatusServiceUnavailable)
	}))
	defer server.Close()
	after, ok := supervisor.RetryAfterOf(call(t, map[string]any{"url": server.URL}))
	if !ok || after < 9*time.Minute || after > 10*time.Minute {
		t.Errorf("retry after %s, %t", after, ok)
	}
}

func TestTheRequestIsAsConfigured(t *testing.T) {
	server := newServer(t)
	withUser := strings.Replace(server.URL, "http://", "http://joe:secret@", 1)
	for name, test := range map[string]struct {
		config   map[string]any
		contains string
	}{
		"by default": {map[string]any{"url": server.URL + "/echo"}, "GET " + server.Listener.Addr().String() + " taskvisor   <nil>"},
		"all": {
			map[string]any{"url": server.URL + "/echo", "method": "PUT", "body": "{}", "headers": map[string]any{"host": "a.example:80", "User-Agent": "me", "x-token": "t"}},
			"PUT a.example:80 me t {} <nil>",
		},
		"user": {map[string]any{"url": withUser + "/echo"}, "joe secret"},
	} {
		test.config["expect"] = map[string]any{"contains": test.contains}
		if err := call(t, test.config); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := call(t, map[string]any{"url": withUser + "/status/500"}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("the password is shown: %v", err)
	}
}

func TestNoProxyIsUsed(t *testing.T) {
	server := newServer(t)
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	t.Setenv("NO_PROXY", "")
	if err := call(t, map[string]any{"url": server.URL + "/status/200"}); err != nil {
		t.Error(err)
	}
}

// Each attempt has a connection of its own, which is closed with it.
func TestConnectionsAreNotKept(t *testing.T) {
	var opened, closed atomic.Int32
	allClosed := make(chan struct{})
	server := httptest.NewUnstartedServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, _ *nethttp.Request) { fmt.Fprint(w, "x") }))
	server.Config.ConnState = func(_ net.Conn, state nethttp.ConnState) {
		switch state {
		case nethttp.StateNew:
			opened.Add(1)
		case nethttp.StateClosed:
			if closed.Add(1) == 3 {
				close(allClosed)
			}
		}
	}
	server.Start()
	defer server.Close()
	body, err := registry(t).Build("http", anHour(map[string]any{"url": server.URL}))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := body.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	<-allClosed
	if n := opened.Load(); n != 3 {
		t.Errorf("%d connections, want 3", n)
	}
}

func TestUnixSocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.URL.Path != "/ok" {
			w.WriteHeader(nethttp.StatusTeapot)
		}
	}))
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	defer server.Close()
	if err := call(t, map[string]any{"url": "http://any.example/ok", "unix_socket": socket}); err != nil {
		t.Error(err)
	}
	want := "GET http://any.example/no at " + socket + ": 418 I'm a teapot instead of 2xx"
	if err := call(t, map[string]any{"url": "http://any.example/no", "unix_socket": socket}); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestWhoDoesNotAnswer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // accepts by its backlog and says nothing
	if err != nil {
		t.Fatal(err)
	}
	silent := "http://" + listener.Addr().String()
	want := "GET " + silent + ": no complete answer within 20ms"
	if err := call(t, map[string]any{"url": silent, "timeout": "20ms"}); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	listener.Close()
	err = call(t, map[string]any{"url": silent})
	if err == nil || !strings.HasPrefix(err.Error(), "GET "+silent+": dial tcp") || strings.Count(err.Error(), silent) != 1 {
		t.Errorf("got %v", err)
	}
}

func TestConformance(t *testing.T) {
	server := newServer(t)
	arrived := make(chan struct{})
	hangs := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		select {
		case arrived <- struct{}{}:
			<-r.Context().Done()
		case <-r.Context().Done():
		}
	}))
	defer hangs.Close()
	url := func(path string) map[string]any { return anHour(map[string]any{"url": server.URL + path}) }
	plugintest.Run(t, http.New(), plugintest.Config{
		Good: []plugintest.Case{
			{Config: url("/status/200")},
			{Name: "failure", Config: url("/status/500?text=no"), End: plugintest.Fails, Reason: `500 Internal Server Error instead of 2xx; it says "no"`},
			{Name: "asked to wait", Config: url("/status/503?after=7"), End: plugintest.Fails, RetryAfter: 7 * time.Second},
			{Name: "fatal", Config: anHour(map[string]any{"url": server.URL + "/status/403", "fatal_status": []any{"403"}}), End: plugintest.Dies},
			{Name: "long", Config: url("/long")},
		},
		Bad: []plugintest.Bad{
			{Path: "url", Config: map[string]any{}},
			{Path: "url", Config: map[string]any{"url": "ftp://a"}},
		},
		Endless: anHour(map[string]any{"url": hangs.URL}),
		AtWork:  func() { <-arrived },
		Within:  time.Minute, // a loaded machine may take seconds to start a few goroutines
	})
}

func TestWhatIsRefused(t *testing.T) {
	r := registry(t)
	const ok = "http://localhost/"
	for name, test := range map[string]struct {
		config map[string]any
		want   []string
	}{
		"no URL":       {map[string]any{}, []string{`url: is missing; give a string such as "http://127.0.0.1:8080/healthz": what to ask for: an http or https URL`}},
		"no scheme":    {map[string]any{"url": "localhost/x"}, []string{`url: "localhost/x" has no scheme that is known here; begin it with http:// or https://`}},
		"other scheme": {map[string]any{"url": "file:///etc/passwd"}, []string{`url: "file:///etc/passwd" has no scheme that is known here; begin it with http:// or https://`}},
		"no host":      {map[string]any{"url": "http:///x"}, []string{`url: "http:///x" names no host; give one such as "http://127.0.0.1:8080/healthz"`}},
		"bad URL":      {map[string]any{"url": "http://a\n"}, []string{`url: "http://a\n" is no URL: net/url: invalid control character in URL; give one such as "http://127.0.0.1:8080/healthz"`}},
		"statuses": {
			map[string]any{"url": ok, "expect": map[string]any{"status": []any{"200", "2XX", "99", "600", "299-200", "0200", "", "2xx-3xx"}}},
			[]string{
				`expect.status[1]: "2XX" is no status; give a number from 100 to 599, a range such as "200-204", or a class such as "2xx"`,
				`expect.status[2]: "99" is no status; give a number from 100 to 599, a range such as "200-204", or a class such as "2xx"`,
				`expect.status[3]: "600" is no status; give a number from 100 to 599, a range such as "200-204", or a class such as "2xx"`,
				`expect.status[4]: "299-200" is no status; give a number from 100 to 599, a range such as "200-204", or a class such as "2xx"`,
				`expect.status[5]: "0200" is no status; give a number from 100 to 599, a range such as "200-204", or a class such as "2xx"`,
				`expect.status[6]: "" is no status; give a number from 100 to 599, a range such as "200-204", or a class such as "2xx"`,
				`expect.status[7]: "2xx-3xx" is no status; give a number from 100 to 599, a range such as "200-204", or a class such as "2xx"`,
			},
		},
		"no status": {map[string]any{"url": ok, "expect": map[string]any{"status": []any{}}}, []string{`expect.status: is empty, so that no answer would do; give statuses such as "2xx", or leave it out`}},
		"headers": {
			map[string]any{"url": ok, "headers": map[string]any{"a b": "x", "Content-Length": "3", "x": "a\r\nb: c", "host": "a/b"}},
			[]string{
				`headers.Content-Length: "Content-Length" follows from the rest of the request; leave it out`,
				`headers["a b"]: "a b" is no name of a header; give letters, digits and -`,
				`headers.host: "a/b" is no host; give a name or an address, with or without a port`,
				`headers.x: "a\r\nb: c" has characters that no header can have, such as line ends; remove them`,
			},
		},
		"expression": {
			map[string]any{"url": ok, "expect": map[string]any{"matches": "a("}},
			[]string{"expect.matches: \"a(\" is no regular expression: missing closing ): `a(`; see https://github.com/google/re2/wiki/Syntax"},
		},
		"HEAD": {map[string]any{"url": ok, "method": "HEAD", "expect": map[string]any{"contains": "x"}}, []string{"expect: the answer to HEAD has no body; use GET, or leave contains and matches out"}},
		"no time": {map[string]any{"url": ok, "timeout": "0s", "connect_timeout": "0s"}, []string{
			`timeout: 0s leaves no time; give more, such as "10s"`, `connect_timeout: 0s leaves no time; give more, such as "5s"`,
		}},
		"socket":          {map[string]any{"url": ok, "unix_socket": "run/x"}, []string{`unix_socket: "run/x" is no absolute path; give one, beginning with /`}},
		"TLS without TLS": {map[string]any{"url": ok, "tls": map[string]any{"server_name": "x"}}, []string{"tls: is set, but the URL begins with http://; begin it with https://, or leave tls out"}},
		"half of a pair": {map[string]any{"url": "https://localhost", "tls": map[string]any{"cert_file": "x"}}, []string{
			`tls.cert_file: "x" is no absolute path; give one, beginning with /`, "tls.key_file: is missing; give the key of cert_file, or leave cert_file out",
		}},
		"no effect": {map[string]any{"url": "https://localhost", "tls": map[string]any{"ca_file": "/x", "insecure_skip_verify": true}}, []string{
			"tls.insecure_skip_verify: true accepts any certificate, so ca_file and server_name would have no effect; leave them or this out",
		}},
		"limits": {map[string]any{"url": ok, "max_redirects": 11, "max_body": 16<<20 + 1, "method": "get"}, []string{
			`method: "get" is not allowed; did you mean "GET"? give one of "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"`,
			"max_redirects: 11 is out of range; give an integer from 0 to 10", "max_body: 16777217 is out of range; give an integer from 0 to 16777216",
		}},
	} {
		_, err := r.Build("http", test.config)
		bodytest.WantRefused(t, name, err, test.want)
	}
}

// A task that captures output has the body of the answer as output.
func TestTheBodyIsOutput(t *testing.T) {
	server := newServer(t)
	body, err := registry(t).Build("http", anHour(map[string]any{"url": server.URL + "/status/200?text=one%0Atwo"}))
	if err != nil {
		t.Fatal(err)
	}
	sup, err := supervisor.New(supervisor.Config{})
	if err != nil {
		t.Fatal(err)
	}
	spec := supervisor.Once("check", body)
	spec.CaptureOutput = true
	snap, err := sup.Add(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = sup.Wait(t.Context(), supervisor.ByUID(snap.UID)); err != nil {
		t.Fatal(err)
	}
	reader, err := sup.Read(sup.OldestCursor())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := sup.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	var lines []string
	buf := make([]supervisor.Event, 100)
	n, _, err := reader.Next(t.Context(), buf)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range buf[:n] {
		if e.Kind == supervisor.TaskOutput {
			lines = append(lines, e.Line)
		}
	}
	if want := []string{"one", "two"}; !slices.Equal(lines, want) {
		t.Errorf("output %q, want %q", lines, want)
	}
}
