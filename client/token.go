package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// ErrTokenInPlainText is in the error of Dial when it refuses to send a token unencrypted to another machine: whoever listens would have it.
var ErrTokenInPlainText = errors.New(
	"a token would be sent in plain text to another machine; encrypt the connection with WithTLS, or use a unix socket or a loopback address")

// badToken does not show the token: errors end up in logs.
const badToken = "the token is empty or has characters other than printable ASCII, as of a line end that came along; give the token alone"

// unauthenticated is what a server would say that got no token.
func unauthenticated(text string) error {
	return refusal(codes.Unauthenticated, pb.ErrorReason_ERROR_REASON_UNAUTHENTICATED, nil, text)
}

// bearer sends a token with each call.
type bearer struct {
	source func(ctx context.Context) (string, error)
	secure bool // the connection has to be encrypted
}

// bearer returns what sends the token, nil if there is none.
func (o *options) bearer(t target) *bearer {
	if o.token == nil {
		return nil
	}
	return &bearer{source: o.token, secure: !t.local}
}

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (b *bearer) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	token, err := b.source(ctx)
	if _, isStatus := status.FromError(err); err != nil && isStatus {
		return nil, err
	}
	if err != nil {
		return nil, unauthenticated(fmt.Sprintf("there is no token: %v", err))
	}
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, unauthenticated(badToken)
	}
	return map[string]string{"authorization": "Bearer " + token}, nil
}

// RequireTransportSecurity implements credentials.PerRPCCredentials. gRPC asks when it makes the connection, and looks at what that has turned out to be.
func (b *bearer) RequireTransportSecurity() bool { return b.secure }

// onThisMachine are credentials for plain text that refuse a connection which leads to another machine, whatever the name of the target says:
// a dialer of the caller, or a file of hosts, may know better.
type onThisMachine struct {
	credentials.TransportCredentials
}

// ClientHandshake implements credentials.TransportCredentials.
func (o onThisMachine) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if peer, ok := conn.RemoteAddr().(*net.TCPAddr); ok && !peer.IP.IsLoopback() {
		return nil, nil, fmt.Errorf("%s is not on this machine: %w", peer, ErrTokenInPlainText)
	}
	return o.TransportCredentials.ClientHandshake(ctx, authority, conn)
}

// Clone implements credentials.TransportCredentials.
func (o onThisMachine) Clone() credentials.TransportCredentials {
	return onThisMachine{o.TransportCredentials.Clone()}
}
