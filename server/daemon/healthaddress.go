package daemon

import (
	"crypto/tls"
	"fmt"
	"net"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// healthAddress is where a daemon tells its health, and how to speak with it there.
type healthAddress struct {
	setting   string // that gives it
	network   string
	address   string
	transport credentials.TransportCredentials
}

// String names the address for a message.
func (a *healthAddress) String() string { return fmt.Sprintf("%s (--%s)", a.address, a.setting) }

// healthAddress returns the address that is the easiest to ask: neither the one for probes nor the socket knows TLS.
func (c *config) healthAddress() (*healthAddress, error) {
	switch {
	case c.healthListen != "":
		return plainAddress("health-listen", c.healthListen, c)
	case c.socket != "":
		return &healthAddress{"socket", "unix", c.socket, insecure.NewCredentials()}, nil
	case c.tlsCert == "":
		return plainAddress("listen", c.listen, c)
	default:
		return c.encryptedAddress()
	}
}

func plainAddress(setting, value string, c *config) (*healthAddress, error) {
	address, err := reachable(value)
	if err != nil {
		return nil, &usageError{[]string{c.origin(setting) + ": " + err.Error()}}
	}
	return &healthAddress{setting, "tcp", address, insecure.NewCredentials()}, nil
}

// encryptedAddress is --listen with TLS. The certificate is not verified, as the kubelet does not for its probes: nothing secret is said, a name that
// is good for this machine may not be in it, and a daemon whose certificate has expired is still alive.
func (c *config) encryptedAddress() (*healthAddress, error) {
	if c.tlsClientCA != "" {
		return nil, &usageError{[]string{c.origin("tls-client-ca") + ": the daemon asks clients for a certificate, and a health check has none; " +
			"have it listen on --health-listen or --socket as well"}}
	}
	at, err := plainAddress("listen", c.listen, c)
	if err == nil {
		at.transport = credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true})
	}
	return at, err
}

// reachable returns the address to connect to for one to listen on.
func reachable(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", err // the parser of the setting has accepted it
	}
	if port == "0" {
		return "", fmt.Errorf("with port 0 in %s, only the daemon knows where it listens; give it a port", listen)
	}
	ip := net.ParseIP(host)
	switch {
	case host == "" || ip != nil && ip.To4() != nil && ip.IsUnspecified():
		host = "127.0.0.1"
	case ip != nil && ip.IsUnspecified():
		host = "::1"
	}
	return net.JoinHostPort(host, port), nil
}
