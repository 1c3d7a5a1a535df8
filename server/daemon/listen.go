package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// listen opens the listeners that the config asks for, all or none.
func listen(ctx context.Context, c *config) ([]net.Listener, error) {
	var listeners []net.Listener
	if c.listen != "" {
		lacks, remedy := c.lacks()
		l, err := listenTCP(ctx, c.listen, c.insecure || lacks == "")
		if errors.Is(err, errExposed) {
			return nil, &usageError{[]string{fmt.Sprintf("%s: %s is not a loopback address, and nothing on it would be %s; "+
				"%s; or listen on 127.0.0.1 or on --socket; or accept the risk with --insecure", c.origin("listen"), c.listen, lacks, remedy)}}
		}
		if err != nil {
			return nil, describeListen(c.origin("listen"), c.listen, err)
		}
		listeners = append(listeners, l)
	}
	if c.socket != "" {
		l, err := listenUnix(ctx, c.socket)
		if err != nil {
			closeAll(listeners)
			return nil, fmt.Errorf("%s: %w", c.origin("socket"), err)
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		l.Close()
	}
}

// errExposed says that an address is open to others while it is not protected.
var errExposed = errors.New("not a loopback address")

// listenTCP looks the address up before it listens, so that the address that was judged is the one that is opened. exposed allows those that
// others can reach.
func listenTCP(ctx context.Context, address string, exposed bool) (net.Listener, error) {
	resolved, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, err
	}
	if !resolved.IP.IsLoopback() && !exposed {
		return nil, errExposed
	}
	network := "tcp"
	if resolved.IP.To4() != nil {
		network = "tcp4" // else 0.0.0.0 would open all IPv6 addresses too
	}
	return new(net.ListenConfig).Listen(ctx, network, resolved.String())
}

// describeListen says what to do about an address that cannot be listened on.
func describeListen(origin, address string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s: %s is in use; stop the program that listens there, or choose another address with --listen (port 0 takes a free one)",
			origin, address)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s: no permission to listen on %s; ports below 1024 need a privilege, choose a higher one", origin, address)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s: this machine does not have the address of %s; choose one that it has, or 0.0.0.0 for all", origin, address)
	default:
		return fmt.Errorf("%s: %w", origin, err)
	}
}
