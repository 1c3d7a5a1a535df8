package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// probeTimeout is how long a probe may take: it follows a call that has failed already.
const probeTimeout = 2 * time.Second

// probe connects to the server by hand, to see why a call has failed. It returns nil if it cannot tell.
func probe(ctx context.Context, s settings) *found {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	network, address := addressOf(s.server)
	if address == "" {
		return nil
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return unreachable(network, address, err)
	}
	defer conn.Close()
	if !s.encrypted() {
		return plaintext(ctx, conn)
	}
	return encrypted(ctx, conn, s, address)
}

// addressOf returns where the target is, "" if only gRPC knows. The client has accepted the target.
func addressOf(target string) (network, address string) {
	scheme, rest, isURL := strings.Cut(target, "://")
	switch {
	case isURL && scheme == "unix":
		return "unix", rest
	case isURL:
		return "tcp", rest[strings.LastIndexByte(rest, '/')+1:]
	case strings.HasPrefix(target, "unix:"):
		return "unix", strings.TrimPrefix(target, "unix:")
	case strings.ContainsRune(target, os.PathSeparator):
		return "unix", target
	}
	return "tcp", target
}

// unreachable says why there is no connection.
func unreachable(network, address string, err error) *found {
	var unknown *net.DNSError
	socket := network == "unix"
	switch {
	case errors.As(err, &unknown):
		return &found{fmt.Sprintf("no machine is known by the name %q", unknown.Name), "Check the name, or give an address with --server."}
	case socket && errors.Is(err, fs.ErrNotExist):
		return &found{"there is no such socket",
			"Is the daemon running, with this path as its --socket? taskvisord makes the socket when it starts."}
	case errors.Is(err, fs.ErrPermission):
		return &found{"you may not open it" + ownerOf(address),
			"Become a user who may, or ask the one who runs the daemon."}
	case socket && (errors.Is(err, syscall.ENOTSOCK) || isOtherFile(address)):
		return &found{"this file is no socket", "Give the path that the daemon has as its --socket."}
	case socket && errors.Is(err, syscall.ECONNREFUSED):
		return &found{"the socket is there, but nobody listens on it: a daemon that was killed left it behind", "Start the daemon; it replaces the socket."}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &found{"nothing listens there",
			"Is the daemon running, and on this port? Its first line of log says where it listens. Another one is chosen with --server HOST:PORT,\n  TASKVISOR_SERVER or the config file."}
	case errors.Is(err, context.DeadlineExceeded), isNetTimeout(err):
		return &found{"no answer at all", "Is this the right host, and does a firewall let you through?"}
	}
	return &found{err.Error(), "Is this the right server? --server chooses another."}
}

// isOtherFile reports that a file is there, and no socket.
func isOtherFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().Type() != fs.ModeSocket
}

func isNetTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// ownerOf tells whose socket it is.
func ownerOf(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" (mode %04o%s)", info.Mode().Perm(), ownerID(info))
}

// plaintext looks at a server that did not understand plain text: whether it speaks TLS.
func plaintext(ctx context.Context, conn net.Conn) *found {
	// Nothing is sent over this connection; whose certificate it is does not matter.
	shake := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}) //nolint:gosec // see above
	if err := shake.HandshakeContext(ctx); err != nil && !speaksTLS(err) {
		return nil
	}
	return &found{"it speaks TLS, and was spoken to in plain text", "Give --tls-ca FILE with the certificate that signs its own, or --tls if the system trusts it."}
}

// speaksTLS reports whether the other side failed a handshake in words of TLS: by an alert.
func speaksTLS(err error) bool {
	var remote *net.OpError
	return errors.As(err, &remote) && remote.Op == "remote error"
}

// encrypted looks at a server that TLS did not lead to.
func encrypted(ctx context.Context, conn net.Conn, s settings, address string) *found {
	config, err := tlsConfig(s, address)
	if err != nil {
		return &found{err.Error(), "Give files that can be read."}
	}
	shake := tls.Client(conn, config)
	if err := shake.HandshakeContext(ctx); err != nil {
		return untrusted(err)
	}
	// The server says what it thinks of our certificate after the handshake.
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline) // fails only on a closed connection, as does the read
	}
	if _, err := shake.Read(make([]byte, 1)); speaksTLS(err) {
		return untrusted(err)
	}
	return nil
}

func tlsConfig(s settings, address string) (*tls.Config, error) {
	host, _, _ := net.SplitHostPort(address) // none: that of a socket
	config := &tls.Config{ServerName: s.tlsServerName, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12}
	if config.ServerName == "" {
		config.ServerName = host
	}
	if s.tlsCA != "" {
		pem, err := os.ReadFile(s.tlsCA)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM(pem)
	}
	if s.tlsCert != "" {
		pair, err := tls.LoadX509KeyPair(s.tlsCert, s.tlsKey)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// untrusted says why a handshake failed.
func untrusted(err error) *found {
	var (
		noTLS     tls.RecordHeaderError
		unknown   x509.UnknownAuthorityError
		wrongName x509.HostnameError
		invalid   x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &noTLS):
		return &found{"it does not speak TLS", "Leave out --tls and --tls-…, in the environment and the config file as well; or is it another server that you mean?"}
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return &found{fmt.Sprintf("its certificate is valid from %s to %s, and now is %s", day(invalid.Cert.NotBefore), day(invalid.Cert.NotAfter), day(time.Now())),
			"The server needs a new certificate; if this is wrong, look at the clock of this machine."}
	case errors.As(err, &unknown):
		return &found{"its certificate is signed by nobody that you trust", "Give --tls-ca FILE with the certificate that signs it."}
	case errors.As(err, &wrongName):
		return &found{wrongName.Error(), "Use a name that is in the certificate, in --server or in --tls-server-name."}
	case speaksTLS(err):
		return &found{"it refuses the certificate of this side, or wants one: " + err.Error(), "Give --tls-cert FILE and --tls-key FILE, of a certificate that the server trusts and that has not expired."}
	}
	return &found{"TLS fails: " + err.Error(), "Is this the right server? --server chooses another."}
}

func day(t time.Time) string { return t.UTC().Format(time.DateTime + " MST") }
