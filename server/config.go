package server

import (
	"log/slog"
	"time"

	"google.golang.org/grpc"
)

// Defaults of Config.
const (
	DefaultMaxStreams             = 10_000
	DefaultMaxStreamsPerPrincipal = 1_000
	DefaultMaxConcurrentStreams   = 2_000
	DefaultMaxRequestBytes        = 1 << 20
	DefaultMaxRequestIDs          = 100_000
	DefaultDrainTimeout           = 5 * time.Second
	DefaultLinger                 = 2 * time.Millisecond
	DefaultKeepaliveTime          = 30 * time.Second
	DefaultKeepaliveTimeout       = 10 * time.Second
	DefaultHandshakeTimeout       = 10 * time.Second
)

// MaxLinger is the largest Config.Linger.
const MaxLinger = 100 * time.Millisecond

// Config says how a Server behaves. The zero value works: each zero field stands for its default.
type Config struct {
	// Logger for what happens to calls. Default: slog.Default().
	Logger *slog.Logger
	// Version of the program, sent with each answer as the header "taskvisor-version". Default: none, and no header.
	Version string
	// Starting makes health say NOT_SERVING until Server.Started is called, for who serves before everything is ready.
	Starting bool
	// MaxStreams is how many WatchEvents streams may be open at once, on all connections together; one more is refused with STREAM_LIMIT.
	// Default: 10,000. Negative: no limit.
	MaxStreams int
	// MaxStreamsPerPrincipal is how many of them one principal may have, so that nobody takes all; one more is refused with PRINCIPAL_STREAM_LIMIT. Callers
	// without a principal are nobody in particular, and have no limit but MaxStreams. Default: 1,000. Negative: no limit.
	MaxStreamsPerPrincipal int
	// MaxConcurrentStreams is how many calls of all kinds one connection may have open at once; HTTP/2 lets one more wait. Default: 2,000.
	MaxConcurrentStreams uint32
	// MaxRequestBytes is the largest size of a request; a larger one is refused with SIZE_LIMIT. Default: 1 MiB. At most, and where it is
	// negative, 4 MiB, which is where gRPC itself refuses to read on.
	MaxRequestBytes int
	// RequestRate is how many calls each caller may make in a second, and at once after a second without any; one more is refused with RATE_LIMIT. A
	// caller is a principal, or an address where there is none: see Identity. The begin of a stream is a call, calls about health are none. Default: 0,
	// which is no limit.
	RequestRate int
	// Linger is how long a stream of events waits, after a message with 8 events or more, before it looks for more: under load, messages then have
	// many events, which costs everybody less. Events that come one by one are not held up. Default: 2 ms. Negative: none. At most
	// MaxLinger.
	Linger time.Duration
	// MaxRequestIDs is how many answers to requests with a request_id are kept, for ten minutes, to be given again to a retry; beyond that the
	// oldest ones go first, and a retry of such a request counts as new. One takes about half a KiB. Default: 100,000. Negative: no limit.
	MaxRequestIDs int
	// Authenticator tells who makes a call, and so what they may do: see Role for what needs which. Default: whoever can connect may do everything.
	// They then have a principal only if the connection itself names them: "unix:UID" with UnixCredentials, "cert:NAME" with a client certificate
	// that TLS has verified. Calls without gRPC, to the methods of Server itself, are not authenticated.
	Authenticator Authenticator
	// KeepaliveTime is after how long a quiet connection is asked whether its client is still there: a client that a network or a crash has taken
	// away says nothing, and its streams would stay open. Shorter finds it sooner, longer spares a metered network, or clients that want to sleep.
	// Default: 30 s. At least 1 s, which is the shortest that gRPC takes.
	KeepaliveTime time.Duration
	// KeepaliveTimeout is how long that client has to answer; then its connection is closed, and all its calls end. Default: 10 s.
	KeepaliveTimeout time.Duration
	// HandshakeTimeout is how long a new connection has to become one of TLS, if it is to, and of HTTP/2; then it is closed. Until then it costs a place
	// and nobody knows who it is. Default: 10 s.
	HandshakeTimeout time.Duration
	// UnaryInterceptors and StreamInterceptors are around all others, the first is the outermost: they see each call as its caller does, also one
	// that is refused. Streams of events do not come through them, for whom each interceptor costs memory: Server.Stats tells of those. Package
	// metrics has some.
	UnaryInterceptors  []grpc.UnaryServerInterceptor
	StreamInterceptors []grpc.StreamServerInterceptor
	// DrainTimeout is how long clients have, once the supervisor has shut down, to read the rest of their streams before their connections
	// are closed. Default: 5 s.
	DrainTimeout time.Duration
}

// MaxRequestBytes is the largest Config.MaxRequestBytes, and what gRPC itself reads at most. It answers a larger request without a word about the limit in
// force, so the limit of Config has to be the first that is met.
const MaxRequestBytes = 4 << 20

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.MaxStreams == 0 {
		c.MaxStreams = DefaultMaxStreams
	}
	if c.MaxStreamsPerPrincipal == 0 {
		c.MaxStreamsPerPrincipal = DefaultMaxStreamsPerPrincipal
	}
	if c.MaxConcurrentStreams == 0 {
		c.MaxConcurrentStreams = DefaultMaxConcurrentStreams
	}
	if c.MaxRequestBytes == 0 {
		c.MaxRequestBytes = DefaultMaxRequestBytes
	}
	if c.MaxRequestBytes < 0 || c.MaxRequestBytes > MaxRequestBytes {
		c.MaxRequestBytes = MaxRequestBytes
	}
	if c.Linger == 0 {
		c.Linger = DefaultLinger
	}
	c.Linger = min(c.Linger, MaxLinger)
	if c.MaxRequestIDs == 0 {
		c.MaxRequestIDs = DefaultMaxRequestIDs
	}
	if c.KeepaliveTime <= 0 {
		c.KeepaliveTime = DefaultKeepaliveTime
	}
	c.KeepaliveTime = max(c.KeepaliveTime, time.Second)
	if c.KeepaliveTimeout <= 0 {
		c.KeepaliveTimeout = DefaultKeepaliveTimeout
	}
	if c.HandshakeTimeout <= 0 {
		c.HandshakeTimeout = DefaultHandshakeTimeout
	}
	if c.DrainTimeout <= 0 {
		c.DrainTimeout = DefaultDrainTimeout
	}
	return c
}
