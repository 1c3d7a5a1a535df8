package client

import (
	"context"
	"time"

	"google.golang.org/grpc"
)

// Option changes how Dial connects and how a Client calls.
type Option func(*options)

// options are what Dial was asked for.
type options struct {
	tls       *TLS                                      // nil: plain text
	token     func(ctx context.Context) (string, error) // nil: none
	keepalive time.Duration                             // between pings
	agent     string
	retry     Retry
	grpc      []grpc.DialOption
}

func collect(opts []Option) *options {
	o := &options{keepalive: DefaultKeepalive, agent: defaultUserAgent}
	for _, opt := range opts {
		opt(o)
	}
	return o
}

// WithTLS encrypts the connection and checks the certificate of the server. The zero value of TLS is checked by what the system trusts.
func WithTLS(config TLS) Option { return func(o *options) { o.tls = &config } }

// WithToken sends a bearer token with each call. It is never sent in plain text to another machine: without WithTLS, Dial takes a token only for a
// unix socket or a loopback address.
func WithToken(token string) Option {
	return func(o *options) { o.token = func(context.Context) (string, error) { return token, nil } }
}

// WithTokenSource is WithToken for tokens that change: source is asked before each call, so it should remember what it can. A call fails with
// its error: one that is a gRPC status as it is, so that UNAVAILABLE is tried again, any other as UNAUTHENTICATED.
func WithTokenSource(source func(ctx context.Context) (string, error)) Option {
	return func(o *options) { o.token = source }
}

// WithKeepalive says how often the connection is tested while calls are open on it and nothing comes. Default: DefaultKeepalive. At least
// MinKeepalive: a server closes connections that ping more often.
func WithKeepalive(every time.Duration) Option { return func(o *options) { o.keepalive = every } }

// WithUserAgent names the program to the server, as in "deployer/1.2". Default: "taskvisor-client". gRPC adds its own name and version.
func WithUserAgent(name string) Option { return func(o *options) { o.agent = name } }

// WithRetry says how often calls are tried. Default: the zero Retry.
func WithRetry(retry Retry) Option { return func(o *options) { o.retry = retry } }

// WithGRPC gives options of gRPC itself. They are applied after those of this package and win over them, except that a token is not sent in plain
// text to another machine: credentials that do not encrypt are refused by Dial, or by each call where they turn out so only then, and a dialer
// that leads elsewhere than to the loopback address that was asked for gets no connection. Credentials for a loopback target are the word of the caller.
func WithGRPC(opts ...grpc.DialOption) Option {
	return func(o *options) { o.grpc = append(o.grpc, opts...) }
}
