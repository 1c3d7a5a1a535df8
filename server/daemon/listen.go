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
		l, err := listenTCP(ctx, c)
		if err != nil {
			return nil, err
		}
		listeners = append(listeners, l)
	}
	if c.socket != "" {
		l, err := listenUnix(ctx, c.socket)
		if err != nil {
			closeAll(listeners)
			return nil, err
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

// listenTCP looks the address up before it listens, so that the address that was judged is the one that is opened.
func listenTCP(ctx context.Context, c *config) (net.Listener, error) {
	address, err := net.ResolveTCPAddr("tcp", c.listen)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.origin("listen"), err)
	}
	if !address.IP.IsLoopback() && !c.insecure {
		return nil, &usageError{[]string{fmt.Sprintf(
			"%s: %s is not a loopback address, and nothing on it would be encrypted or authenticated; listen on 127.0.0.1 or on --socket, or accept the risk with --insecure",
			c.origin("listen"), c.listen)}}
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address.String())
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: %s is in use; stop the program that listens there, or choose another address with --listen (port 0 takes a free one)",
			c.origin("listen"), c.listen)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s: no permission to listen on %s; ports below 1024 need a privilege, choose a higher one", c.origin("listen"), c.listen)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s: this machine has no address %s; choose one that it has, or 0.0.0.0 for all", c.origin("listen"), address.IP)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", c.origin("listen"), err)
	}
	return l, nil
}
