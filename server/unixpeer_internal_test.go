package server

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/peer"
)

// handshake lets UnixCredentials look at a connection whose other end the kernel says to be this user.
func handshake(t *testing.T, user func(*net.UnixConn) (uint32, error)) (context.Context, error) {
	t.Helper()
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := net.Dial("unix", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	creds := (&unixCredentials{insecure.NewCredentials(), user}).Clone()
	_, info, err := creds.ServerHandshake(accepted)
	return peer.NewContext(t.Context(), &peer.Peer{AuthInfo: info}), err
}

// "Calls are answered for the user of the server itself and for root; all other users are refused."
func TestOtherUsersAreRefused(t *testing.T) {
	own := uint32(os.Geteuid())
	for uid, allowed := range map[uint32]bool{0: true, own: true, own + 1: false, 65534: own == 65534} {
		ctx, err := handshake(t, func(*net.UnixConn) (uint32, error) { return uid, nil })
		if err != nil {
			t.Fatal(err)
		}
		for _, authenticator := range []Authenticator{nil, new(Access)} {
			id, err := (&Server{config: Config{Authenticator: authenticator}}).identify(ctx)
			if (err == nil) != allowed || (id.Role == RoleAdmin) != allowed || strings.HasPrefix(id.Principal, unixPrefix) != allowed {
				t.Errorf("uid %d: %+v, %v", uid, id, err)
			}
		}
	}
}

// "Where the system does not tell the user, the principal is that of the own user." An error closes the connection.
func TestSystemsThatDoNotTellTheUser(t *testing.T) {
	ctx, err := handshake(t, func(*net.UnixConn) (uint32, error) { return 7, errors.ErrUnsupported })
	if p, ok := unixPeer(ctx); err != nil || !ok || p.UID != uint32(os.Geteuid()) || p.AuthType() != "unix" {
		t.Errorf("got %v, %v", p, err)
	}
	if _, err := handshake(t, func(*net.UnixConn) (uint32, error) { return 0, net.ErrClosed }); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}
