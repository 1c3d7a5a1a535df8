package daemon

import (
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"syscall"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/taskvisor/taskvisor/server/internal/lograte"
)

// handshakes logs connections that came to nothing. Whoever can connect can cause such lines, so there are not too many of them.
type handshakes struct {
	log  *slog.Logger
	gate *lograte.Gate
}

// Lines about connections that came to nothing: in a second, and at once.
const (
	handshakeRate  = 1
	handshakeBurst = 10
)

func newHandshakes(log *slog.Logger) *handshakes {
	return &handshakes{log: log, gate: lograte.NewGate(handshakeRate, handshakeBurst)}
}

func (h *handshakes) warn(message string, conn net.Conn, attrs ...any) {
	left, ok := h.gate.Pass()
	if !ok {
		return
	}
	attrs = append([]any{"peer.address", conn.RemoteAddr().String()}, attrs...)
	if left > 0 {
		attrs = append(attrs, "left_out", left)
	}
	h.log.Warn(message, attrs...)
}

// failed says why a TLS handshake failed, in words for those who have to repair it.
func (h *handshakes) failed(conn net.Conn, err error) {
	var noTLS tls.RecordHeaderError
	var refused *tls.CertificateVerificationError
	var remote *net.OpError
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET): // who only looked whether somebody listens
		h.log.Debug("a client left during the TLS handshake", "peer.address", conn.RemoteAddr().String())
	case errors.Is(err, os.ErrDeadlineExceeded):
		h.warn("a client did not come to the end of the TLS handshake within --handshake-timeout, and its connection is closed", conn)
	case errors.As(err, &noTLS):
		h.warn("a client does not speak TLS, which this address needs; if it is to be let in, it has to connect with TLS: grpcurl does so without -plaintext", conn)
	case errors.As(err, &refused):
		h.warn("the certificate of a client is not accepted", conn, "reason", refused.Err)
	case errors.As(err, &remote) && remote.Op == "remote error":
		h.warn("a client does not accept the certificate of this daemon; it has to trust the authority that issued it, and to connect by a name that is in it",
			conn, "reason", remote.Err)
	default:
		h.warn("the TLS handshake with a client failed", conn, "reason", err)
	}
}

// tlsCredentials are credentials that say why handshakes fail: gRPC says so to nobody.
type tlsCredentials struct {
	credentials.TransportCredentials
	handshakes *handshakes
}

func newTLSCredentials(config *tls.Config, h *handshakes) credentials.TransportCredentials {
	return &tlsCredentials{credentials.NewTLS(config), h}
}

// ServerHandshake is that of TLS.
func (c *tlsCredentials) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secured, info, err := c.TransportCredentials.ServerHandshake(conn)
	if err != nil {
		c.handshakes.failed(conn, err)
	}
	return secured, info, err
}

// Clone returns a copy.
func (c *tlsCredentials) Clone() credentials.TransportCredentials {
	return &tlsCredentials{c.TransportCredentials.Clone(), c.handshakes}
}

// plainCredentials are those of a listener without TLS, which recognise clients that speak TLS.
type plainCredentials struct {
	credentials.TransportCredentials
	handshakes *handshakes
}

func newPlainCredentials(h *handshakes) credentials.TransportCredentials {
	return &plainCredentials{insecure.NewCredentials(), h}
}

// ServerHandshake waits for nothing: the first bytes are looked at when they are read.
func (c *plainCredentials) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return c.TransportCredentials.ServerHandshake(&plainConn{Conn: conn, handshakes: c.handshakes})
}

// Clone returns a copy.
func (c *plainCredentials) Clone() credentials.TransportCredentials {
	return &plainCredentials{c.TransportCredentials.Clone(), c.handshakes}
}

// plainConn is a connection without TLS.
type plainConn struct {
	net.Conn
	handshakes *handshakes
	begun      bool // belongs to the one goroutine that reads
}

// tlsHandshake is the first byte that a client sends who speaks TLS. (RFC 8446, section 5.1.)
const tlsHandshake = 22

// Read reads, and looks at the very first byte.
func (c *plainConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && !c.begun {
		c.begun = true
		if p[0] == tlsHandshake {
			c.handshakes.warn("a client speaks TLS, and this address has none; it has to connect without (grpcurl -plaintext), or the daemon needs --tls-cert and --tls-key", c.Conn)
		}
	}
	return n, err
}
