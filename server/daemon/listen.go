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

// setting returns the name of the setting that a listener is of.
func (l *listeners) setting(one net.Listener) string {
	switch {
	case one == l.health:
		return healthListen
	case one == l.http:
		return "http-listen"
	case one.Addr().Network() == "unix":
		return "socket"
	default:
		return "listen"
	}
}

// bind makes each of the listeners refuse connections beyond a limit of its own.
func (l *listeners) bind(limit int, log *slog.Logger) {
	bind := func(one net.Listener) net.Listener {
		b := newBoundedListener(one, l.setting(one), limit, log)
		l.bounded = append(l.bounded, b)
		return b
	}
	for i, one := range l.grpc {
		l.grpc[i] = bind(one)
	}
	if l.health != nil {
		l.health = bind(l.health)
	}
	if l.http != nil {
		l.http = bind(l.http)
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
		if l.health, err = listenAt(ctx, c, healthListen, c.healthListen); err != nil {
			return l, err
		}
	}
	return l, nil
}

// listenAt opens the address of a setting, for what has to be protected.
func listenAt(ctx context.Context, c *config, setting, address string) (net.Listener, error) {
	resolved, err := c.resolve(setting, address)
	if err != nil {
		return nil, err
	}
	l, err := listenTCP(ctx, resolved)
	if err != nil {
		return nil, describeListen(c.origin(setting), address, setting, err)
	}
	return l, nil
}

// resolve looks up the address of a setting. It is a usageError if others can reach it while it is not protected.
func (c *config) resolve(setting, address string) (*net.TCPAddr, error) {
	resolved, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.origin(setting), err)
	}
	lacks, remedy := c.lacks()
	if resolved.IP.IsLoopback() || c.insecure || lacks == "" || setting == healthListen {
		return resolved, nil
	}
	other := "127.0.0.1"
	if setting == "listen" {
		other += " or on --socket"
	}
	return nil, &usageError{[]string{fmt.Sprintf("%s: %s is not a loopback address, and nothing on it would be %s; "+
		"%s; or listen on %s; or accept the risk with --insecure", c.origin(setting), address, lacks, remedy, other)}}
}

// healthListen is the setting of the address for probes. Those, such as the kubelet's, have neither certificates nor tokens, and come from elsewhere; what
// they learn is no secret. So it needs no protection.
const healthListen = "health-listen"

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		l.Close()
	}
}

// listenTCP opens an address that was looked up before, so that the address that was judged is the one that is opened.
func listenTCP(ctx context.Context, resolved *net.TCPAddr) (net.Listener, error) {
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
