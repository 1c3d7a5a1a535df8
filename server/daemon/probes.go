package daemon

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/taskvisor/taskvisor/server/daemon/internal/web"
	"github.com/taskvisor/taskvisor/server/metrics"
)

// newMetrics returns what --http-listen tells Prometheus beside what is observed later.
func (d *daemon) newMetrics() *metrics.Metrics {
	m := metrics.New()
	for _, r := range d.security.reloaders {
		m.Registry().MustRegister(r.state.collectors(r.what)...)
	}
	return m
}

// serveProbes serves what tells how the daemon is, from before the first task until after the last.
func (d *daemon) serveProbes() error {
	if d.metrics != nil {
		if err := d.metrics.Observe(d.supervisor, d.server); err != nil {
			return fmt.Errorf("serve metrics: %w", err)
		}
		for _, l := range d.listeners.bounded {
			d.metrics.Registry().MustRegister(l.collectors()...)
		}
	}
	if l := d.listeners.health; l != nil {
		d.goServe(l, d.server.NewHealthServer().Serve)
	}
	if l := d.listeners.http; l != nil {
		d.serveWeb(l)
	}
	return nil
}

func (d *daemon) serveWeb(l net.Listener) {
	d.web = web.NewServer(web.Config{
		Supervisor: d.supervisor, Server: d.server, Metrics: d.metrics.Handler(), Log: d.log, Notes: d.security.notes, Hosts: d.webHosts(l),
	})
	serve := d.web.Serve
	if d.security.tls != nil {
		d.web.TLSConfig = d.security.tls.webConfig()
		d.web.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){} // no HTTP/2
		serve = func(l net.Listener) error { return d.web.ServeTLS(l, "", "") }
	}
	d.goServe(l, serve)
}

// webHosts returns the names by which the pages may be asked for: where nobody has to say who they are and all are on this machine, that of the setting.
// On other addresses, --insecure has let in whoever reaches them, by whatever name.
func (d *daemon) webHosts(l net.Listener) []string {
	a, ok := l.Addr().(*net.TCPAddr)
	if !ok || !a.IP.IsLoopback() || d.security.access != nil || d.security.mutual {
		return nil
	}
	host, _, err := net.SplitHostPort(d.config.httpListen)
	if err != nil {
		host = "" // not reached: the setting is an address
	}
	return []string{host}
}

// webPatience is how long the answers to requests that are under way may take at the end.
const webPatience = time.Second

// stopProbes ends the pages. The health server has ended with the gRPC servers.
func (d *daemon) stopProbes() {
	if d.web == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), webPatience)
	defer cancel()
	if d.web.Shutdown(ctx) != nil {
		d.web.Close() // a profile that is being made is not waited for
	}
}
