// Package web serves what an operator looks at over HTTP: metrics, health, profiles, and a page about tasks and watchers.
//
//	/healthz       200 while the process works                 anybody
//	/readyz        200 while calls are welcome, else 503       anybody
//	/metrics       for Prometheus                              role watch
//	/, /debug/tasks  tasks and watchers, as HTML or as text    role watch
//	/debug/pprof/  profiles of the Go runtime                  role admin
//
// Who asks is found out as for a call of gRPC: by the header "authorization: Bearer TOKEN" or by the client's certificate. Nothing here changes
// anything. Without authentication, who asks for a loopback address by another name is refused: that may be a site in a browser on this machine.
// Each answer has a bound: profiles that would take more than MaxProfile are refused.
package web

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strconv"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/supervisor"
)

// Bounds of a server for these pages.
const (
	// ReadTimeout is how long a client may take to send its request, all of it.
	ReadTimeout = 10 * time.Second
	// WriteTimeout is how long an answer may take, and that of a profile beside the time that it is about.
	WriteTimeout = 30 * time.Second
	// MaxProfile is how long a profile or a trace may take.
	MaxProfile = 2 * time.Minute
	// IdleTimeout is how long a connection is kept for another request.
	IdleTimeout = time.Minute
	// MaxHeaderBytes leaves room for a token of the largest length.
	MaxHeaderBytes = 4 * server.MaxToken
)

// Config says what is looked at.
type Config struct {
	Supervisor *supervisor.Supervisor
	Server     *server.Server // also finds out who asks
	Metrics    http.Handler
	Log        *slog.Logger // takes a line for who is refused
	// Hosts are the names, beside those of loopback, by which the pages may be asked for. nil: any name will do, as where callers authenticate.
	Hosts []string
	// Notes returns lines to be shown above the tasks, for this time. nil: none.
	Notes func(now time.Time) []string
}

// NewServer returns a server for the pages, with all the bounds.
func NewServer(c Config) *http.Server {
	return &http.Server{
		Handler:     newHandler(c),
		ReadTimeout: ReadTimeout, WriteTimeout: WriteTimeout, IdleTimeout: IdleTimeout, MaxHeaderBytes: MaxHeaderBytes,
		ErrorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug), // what clients do wrong, and nothing else
	}
}

// site serves the pages.
type site struct{ Config }

// anybody is the role that a page needs which needs none.
const anybody server.Role = 0

func newHandler(c Config) http.Handler {
	s := &site{c}
	mux := http.NewServeMux()
	for _, page := range []struct {
		pattern string
		role    server.Role
		handler http.Handler
	}{
		{"/healthz", anybody, s.healthy(server.HealthLiveness)},
		{"/readyz", anybody, s.healthy(server.HealthReadiness)},
		{"/metrics", server.RoleWatch, c.Metrics},
		{"/{$}", server.RoleWatch, http.HandlerFunc(s.tasks)},
		{"/debug/tasks", server.RoleWatch, http.HandlerFunc(s.tasks)},
		{"/debug/pprof/", server.RoleAdmin, profile(pprof.Index)},
		{"/debug/pprof/cmdline", server.RoleAdmin, http.HandlerFunc(pprof.Cmdline)},
		{"/debug/pprof/profile", server.RoleAdmin, profile(pprof.Profile)},
		{"/debug/pprof/symbol", server.RoleAdmin, http.HandlerFunc(pprof.Symbol)},
		{"/debug/pprof/trace", server.RoleAdmin, profile(pprof.Trace)},
	} {
		mux.Handle("GET "+page.pattern, s.only(page.role, page.handler)) // HEAD as well
	}
	return s.known(mux)
}

// only lets those through whose role allows it.
func (s *site) only(role server.Role, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if role != anybody {
			id, err := s.identify(r)
			switch {
			case err != nil:
				w.Header().Set("WWW-Authenticate", "Bearer")
				s.refuse(w, r, http.StatusUnauthorized, status.Convert(err).Message())
				return
			case id.Role < role:
				s.refuse(w, r, http.StatusForbidden, fmt.Sprintf("%s needs the role %s, and %s has the role %s; use the credentials of somebody who has it",
					r.URL.Path, role, cmp.Or(id.Principal, "the caller"), id.Role))
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// identify returns who asks, by the rules of the gRPC services.
func (s *site) identify(r *http.Request) (server.Identity, error) {
	ctx := r.Context()
	if headers := r.Header.Values("Authorization"); len(headers) > 0 {
		ctx = metadata.NewIncomingContext(ctx, metadata.MD{"authorization": headers})
	}
	from := &peer.Peer{Addr: address(r.RemoteAddr)}
	if r.TLS != nil {
		from.AuthInfo = credentials.TLSInfo{State: *r.TLS, CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}}
	}
	return s.Server.Authenticate(peer.NewContext(ctx, from))
}

// address is that of a client, as net/http has it.
type address string

// Network is part of net.Addr.
func (address) Network() string { return "tcp" }

// String is part of net.Addr.
func (a address) String() string { return string(a) }

var _ net.Addr = address("")

func (s *site) refuse(w http.ResponseWriter, r *http.Request, code int, text string) {
	s.Log.InfoContext(r.Context(), "refused a page", "path", r.URL.Path, "peer.address", r.RemoteAddr, "code", code, "error", text)
	http.Error(w, text, code)
}

// profile refuses what would take too long: package pprof knows no bound.
func profile(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seconds, err := strconv.ParseFloat(cmp.Or(r.FormValue("seconds"), "0"), 64)
		if err != nil || !(seconds >= 0 && seconds <= MaxProfile.Seconds()) {
			http.Error(w, fmt.Sprintf("seconds: %q is out of range; give 0 to %.0f", r.FormValue("seconds"), MaxProfile.Seconds()), http.StatusBadRequest)
			return
		}
		next(w, r)
	})
}

// healthy answers by the health of a service of grpc.health.v1.
func (s *site) healthy(service string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.Server.Healthy(r.Context(), service) {
			http.Error(w, service+": NOT_SERVING", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, service+": SERVING\n")
	})
}
