package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/peer"
)

// UnixPeer is the user at the other end of a unix socket, as the kernel has it: the credentials.AuthInfo of a connection with UnixCredentials.
type UnixPeer struct {
	credentials.CommonAuthInfo
	UID uint32
}

// AuthType returns "unix".
func (UnixPeer) AuthType() string { return "unix" }

// UnixCredentials returns the credentials of a server on a unix socket: each connection tells the user at its other end. Calls are then
// answered for the user of the server itself and for root, who have the role admin and the principal "unix:UID" unless they send a token; all other
// users are refused with UNAUTHENTICATED, even if the mode of the socket lets them in.
//
// Where the system does not tell the user, the mode of the socket is what protects it; the principal is then that of the own user. Connections that
// are no unix sockets, and have none that the method NetConn returns, as that of tls.Conn does, are closed.
func UnixCredentials() credentials.TransportCredentials {
	return &unixCredentials{insecure.NewCredentials(), socketUser}
}

type unixCredentials struct {
	credentials.TransportCredentials // of a client: there is nothing to tell
	user                             func(*net.UnixConn) (uid uint32, err error)
}

// ServerHandshake asks the kernel; nothing is sent.
func (c *unixCredentials) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	below := conn
	if wrapper, ok := conn.(interface{ NetConn() net.Conn }); ok {
		below = wrapper.NetConn()
	}
	socket, ok := below.(*net.UnixConn)
	if !ok {
		return nil, nil, fmt.Errorf("%T is no unix socket", conn)
	}
	uid, err := c.user(socket)
	if errors.Is(err, errors.ErrUnsupported) {
		uid, err = uint32(os.Geteuid()), nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("ask for the user at the other end: %w", err)
	}
	common := credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity} // nothing leaves the kernel
	return conn, UnixPeer{common, uid}, nil
}

// Clone returns a copy.
func (c *unixCredentials) Clone() credentials.TransportCredentials {
	return &unixCredentials{c.TransportCredentials.Clone(), c.user}
}

// unixPeer returns the user at the other end of a connection with UnixCredentials.
func unixPeer(ctx context.Context) (UnixPeer, bool) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return UnixPeer{}, false
	}
	info, ok := p.AuthInfo.(UnixPeer)
	return info, ok
}

// checkUnixPeer refuses users that should not have got in.
func checkUnixPeer(ctx context.Context) error {
	p, ok := unixPeer(ctx)
	if !ok || p.UID == 0 {
		return nil
	}
	own := uint32(os.Geteuid()) // a call of the system
	if p.UID == own {
		return nil
	}
	return &authError{fmt.Sprintf("this socket is that of the user with uid %d, and you have uid %d; call as that user or as root", own, p.UID)}
}
