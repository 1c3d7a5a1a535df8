package daemon

import (
	"log/slog"
	"net"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/taskvisor/taskvisor/server/internal/lograte"
)

// boundedListener is a listener that has no more than so many connections open at once. It closes what comes beyond, so that a client learns of it
// at once: one that was left in the queue of the kernel, as netutil.LimitListener does it, would wait until its patience ends, and nobody would know why.
//
// Each listener counts for itself. So whoever fills --listen fills neither --health-listen, nor --http-listen, nor --socket.
type boundedListener struct {
	net.Listener
	setting string // that names the address, without dashes
	limit   int64
	log     *slog.Logger
	lines   *lograte.Gate

	open    atomic.Int64
	refused atomic.Uint64
}

// refusalRate is how many lines about refused connections there are in a second: a client that comes again and again causes thousands.
const refusalRate = 0.1

func newBoundedListener(l net.Listener, setting string, limit int, log *slog.Logger) *boundedListener {
	return &boundedListener{Listener: l, setting: setting, limit: int64(limit), log: log, lines: lograte.NewGate(refusalRate, 1)}
}

// Accept returns the next connection for which there is room.
func (b *boundedListener) Accept() (net.Conn, error) {
	for {
		conn, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if b.open.Add(1) <= b.limit {
			return &boundedConn{Conn: conn, left: sync.OnceFunc(func() { b.open.Add(-1) })}, nil
		}
		b.open.Add(-1)
		b.refuse(conn)
	}
}

func (b *boundedListener) refuse(conn net.Conn) {
	b.refused.Add(1)
	conn.Close()
	if left, ok := b.lines.Pass(); ok {
		b.log.Warn("a connection is refused, as many are open as may: find out who opens them, or raise --max-connections",
			"listener", "--"+b.setting, "peer.address", conn.RemoteAddr().String(), "limit", b.limit, "refused", left+1)
	}
}

// boundedConn is a connection that counts until it is closed.
type boundedConn struct {
	net.Conn
	left func()
}

// Close makes room for another connection, so that a client who sees the end of this one finds it, and closes this one.
func (c *boundedConn) Close() error {
	c.left()
	return c.Conn.Close()
}

// NetConn returns the connection itself, for who asks the kernel about it.
func (c *boundedConn) NetConn() net.Conn { return c.Conn }

// collectors are what Prometheus learns of the listener.
func (b *boundedListener) collectors() []prometheus.Collector {
	labels := prometheus.Labels{"listener": b.setting}
	return []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "taskvisor_connections", Help: "Open connections, by the setting that names the address.", ConstLabels: labels,
		}, func() float64 { return float64(b.open.Load()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "taskvisor_connections_refused_total", Help: "Connections that were closed at once, as many were open as may.", ConstLabels: labels,
		}, func() float64 { return float64(b.refused.Load()) }),
	}
}
