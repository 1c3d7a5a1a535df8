package client

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// Keepalive.
const (
	// DefaultKeepalive is how often a connection is tested unless WithKeepalive says otherwise. A watcher mostly listens, and a peer that is
	// gone says nothing: pings tell the two apart.
	DefaultKeepalive = 30 * time.Second
	// MinKeepalive is how often a server accepts pings.
	MinKeepalive = 10 * time.Second

	keepaliveTimeout = 10 * time.Second // for the answer to a ping
)

const defaultUserAgent = "taskvisor-client"

// maxConnectDelay is how long a connection that cannot be made waits at most before it tries again. gRPC itself waits up to two minutes, for
// servers that have thousands of clients; people who restart one server of their own would think that the client is dead.
const maxConnectDelay = 5 * time.Second

// Dial returns a client of the server at target:
//
//   - host:port, with [ ] around an IPv6 address; :port is this machine;
//   - unix:///path/to/socket, unix:path, or just the path, if it has a slash in it;
//   - any other URL that grpc.NewClient takes, such as dns:///host:port.
//
// It does not wait for the server; the first call does. The connection is in plain text unless WithTLS is given, which suits a server on the
// same machine. Errors say what is wrong with the target or an option; no connection was tried then.
func Dial(target string, opts ...Option) (*Client, error) {
	o := collect(opts)
	t, err := parseTarget(target)
	if err != nil {
		return nil, fmt.Errorf("dial taskvisor: %w", err)
	}
	dialOptions, err := o.dialOptions(t)
	if err != nil {
		return nil, fmt.Errorf("dial taskvisor at %q: %w", target, err)
	}
	conn, err := newConn(t, o, dialOptions)
	if err != nil {
		return nil, fmt.Errorf("dial taskvisor at %q: %w", target, err)
	}
	return newClient(conn, o, conn.Close), nil
}

// newConn makes the connection with the options of the caller behind those of this package. Which credentials are in there, only gRPC can see, and
// it refuses a token that they do not encrypt; that is said in the same words as without such options.
func newConn(t target, o *options, opts []grpc.DialOption) (*grpc.ClientConn, error) {
	all := slices.Concat(opts, o.grpc)
	token := o.bearer(t)
	if token == nil {
		return grpc.NewClient(t.dial, all...)
	}
	conn, err := grpc.NewClient(t.dial, append(all, grpc.WithPerRPCCredentials(token))...)
	if err == nil || !token.secure {
		return conn, err
	}
	if other, otherErr := grpc.NewClient(t.dial, all...); otherErr == nil { // so it is the token
		return nil, errors.Join(ErrTokenInPlainText, other.Close())
	}
	return nil, err
}

// dialOptions says in terms of gRPC what the caller asked for.
func (o *options) dialOptions(t target) ([]grpc.DialOption, error) {
	if o.keepalive < MinKeepalive {
		return nil, fmt.Errorf("keepalive of %s: a server accepts a ping every %s; give that or more", o.keepalive, MinKeepalive)
	}
	transport, err := o.transport(t)
	if err != nil {
		return nil, err
	}
	return []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		// Without a call under way nobody waits for an answer, so nobody pings.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: o.keepalive, Timeout: keepaliveTimeout}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: maxConnectDelay},
			MinConnectTimeout: maxConnectDelay,
		}),
		grpc.WithUserAgent(o.agent),
	}, nil
}

func (o *options) transport(t target) (credentials.TransportCredentials, error) {
	switch {
	case o.tls != nil:
		config, err := o.tls.config()
		if err != nil {
			return nil, err
		}
		return credentials.NewTLS(config), nil
	case o.token != nil && t.local:
		return onThisMachine{insecure.NewCredentials()}, nil
	}
	return insecure.NewCredentials(), nil
}
