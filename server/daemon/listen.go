package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"syscall"
)

// listeners are what the daemon is reached by.
type listeners struct {
	grpc   []net.Listener // one at least
	health net.Listener   // nil for none
	http   net.Listener   // so too

	bounded []*boundedListener // what bind made of all of them
}

// bind makes each of the listeners refuse connections beyond a limit of its own.
func (l *listeners) bind(limit int, log *slog.Logger) {
	bind := func(one net.Listener, setting string) net.Listener {
		b := newBoundedListener(one, setting, limit, log)
		l.bounded = append(l.bounded, b)
		return b
	}
	for i, one := range l.grpc {
		setting := "listen"
		if one.Addr().Network() == "unix" {
			setting = "socket"
		}
		l.grpc[i] = bind(one, setting)
	}
	if l.health != nil {
		l.health = bind(l.health, "health-listen")
	}
	if l.http != nil {
		l.http = bind(l.http, "http-listen")
	}
}

// all returns those that there are.
func (l *listeners) all() []net.Listener {
	all := slices.Clone(l.grpc)
	for _, one := range []net.Listener{l.health, l.http} {
		if one != nil {
			all = append(all, one)
		}
	}
	return all
}

// listen opens the listeners that the config asks for, all or none.
func listen(ctx context.Context, c *config) (l *listeners, err error) {
	l = new(listeners)
	defer func() {
		if err != nil {
			closeAll(l.all())
		}
	}()
	if c.listen != "" {
		main, err := listenAt(ctx, c, "listen", c.listen)
		if err != nil {
			return l, err
		}
		l.grpc = append(l.grpc, main)
	}
	if c.socket != "" {
		socket, err := listenUnix(ctx, c.socket)
		if err != nil {
			return l, fmt.Errorf("%s: %w", c.origin("socket"), err)
		}
		l.grpc = append(l.grpc, socket)
	}
	if c.httpListen != "" {
		if l.http, err = listenAt(ctx, c, "http-listen", c.httpListen); err != nil {
			return l, err
		}
	}
	if c.healthListen != "" {
		// Probes, such as those of the kubelet, have neither certificates nor tokens, and come from elsewhere; what they learn is no secret.
		if l.health, err = listenTCP(ctx, c.healthListen, true); err != nil {
			return l, describeListen(c.origin("health-listen"), c.healthListen, "health-listen", err)
		}
	}
	return l, nil
}

// listenAt opens the address of a setting, for what has to be protected.
func listenAt(ctx context.Context, c *config, setting, address string) (net.Listener, error) {
	lacks, remedy := c.lacks()
	l, err := listenTCP(ctx, address, c.insecure || lacks == "")
	if errors.Is(err, errExposed) {
		other := "127.0.0.1"
		if setting == "listen" {
			other += " or on --socket"
		}
		return nil, &usageError{[]string{fmt.Sprintf("%s: %s is not a loopback address, and nothing on it would be %s; "+
			"%s; or listen on %s; or accept the risk with --insecure", c.origin(setting), address, lacks, remedy, other)}}
	}
	if err != nil {
		return nil, describeListen(c.origin(setting), address, setting, err)
	}
	return l, nil
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
func describeListen(origin, address, setting string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s: %s is in use; stop the program that listens there, or choose another address with --%s (port 0 takes a free one)",
			origin, address, setting)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s: no permission to listen on %s; ports below 1024 need a privilege, choose a higher one", origin, address)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s: this machine does not have the address of %s; choose one that it has, or 0.0.0.0 for all", origin, address)
	default:
		return fmt.Errorf("%s: %w", origin, err)
	}
}
