package client

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
)

// maxSocketPath is how long the path of a unix socket may be on Linux; elsewhere a few bytes less.
const maxSocketPath = 107

// target is where a server is.
type target struct {
	dial  string // as gRPC takes it
	local bool   // a unix socket or a loopback address: what is sent there does not leave the machine
}

// parseTarget reads what a person may give: host:port, a path of a unix socket, unix:PATH or unix://PATH, or a URL of gRPC such as dns:///host:port. The
// error says what is wrong with it.
func parseTarget(text string) (target, error) {
	scheme, rest, isURL := strings.Cut(text, "://")
	switch {
	case text == "":
		return target{}, badTarget(text, "it is empty")
	case scheme == "http" || scheme == "https":
		return target{}, badTarget(text, "%s:// is not how a gRPC server is named", scheme)
	case scheme == "unix" && isURL:
		return socketTarget(text, rest)
	case strings.HasPrefix(text, "unix:"):
		return socketTarget(text, strings.TrimPrefix(text, "unix:"))
	case isURL:
		endpoint := rest[strings.LastIndex(rest, "/")+1:]
		return target{dial: text, local: isLoopback(endpoint)}, nil
	case strings.ContainsRune(text, filepath.Separator):
		return socketTarget(text, text)
	}
	return hostTarget(text)
}

func socketTarget(text, path string) (target, error) {
	switch {
	case path == "" || strings.HasSuffix(path, "/"):
		return target{}, badTarget(text, "the path of the socket is missing")
	case len(path) > maxSocketPath:
		return target{}, badTarget(text, "the path of a unix socket has at most %d bytes, this one has %d", maxSocketPath, len(path))
	}
	return target{dial: "unix:" + path, local: true}, nil
}

// hostTarget refuses a host without a port, for which gRPC would silently take 443, and a port that is none, which it would try for ever.
func hostTarget(text string) (target, error) {
	host, port, err := net.SplitHostPort(text)
	if _, isIP := netip.ParseAddr(text); isIP == nil && strings.Contains(text, ":") {
		return target{}, badTarget(text, "an IPv6 address goes in brackets: [%s]:7700", text)
	}
	if err != nil || port == "" {
		return target{}, badTarget(text, "the port is missing")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return target{}, badTarget(text, "%q is no port: give 1 to 65535", port)
	}
	if host == "" {
		text = net.JoinHostPort("localhost", port)
	}
	return target{dial: text, local: isLoopback(text)}, nil
}

// isLoopback reports whether a host, with a port or not, is this machine. Only what cannot be anything else counts.
func isLoopback(endpoint string) bool {
	host, _, err := net.SplitHostPort(endpoint)
	if err != nil {
		host = endpoint
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

func badTarget(text, format string, args ...any) error {
	return fmt.Errorf("target %q: %s; give host:port, unix:///path/to/socket or the path of a socket", text, fmt.Sprintf(format, args...))
}
