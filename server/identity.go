package server

import (
	"context"
	"crypto/x509"
	"fmt"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// Identity is who makes a call.
type Identity struct {
	// Principal names the caller in the log and on the events that the call causes, see supervisor.WithPrincipal. Empty for a caller who is
	// not known.
	Principal string
	// Role is what the caller may do. The zero Role may do nothing.
	Role Role
	// Revoked is closed when the identity holds no longer: streams of the caller then end with UNAUTHENTICATED, also those whose client
	// does not read. Calls that are no streams are finished. nil: it always holds.
	Revoked <-chan struct{}
}

// Authenticator tells who makes a call. Access is one; others may ask an identity provider. Its method is called from many goroutines, once for
// each call that is not about health.
type Authenticator interface {
	// Authenticate returns who makes the call with this context, in which package metadata finds the headers and package peer the connection.
	// An error is told to the caller as it is, as UNAUTHENTICATED, or as the status that it is.
	Authenticate(ctx context.Context) (Identity, error)
}

// What the names of principals begin with that were not chosen by anybody. Access grants none of them to a token.
const (
	unixPrefix        = "unix:" // and the uid of the user at the other end of a unix socket
	certificatePrefix = "cert:" // and a name out of the client's certificate
)

// connectionIdentity returns who is at the other end of the connection, and can do all: for a server without Authenticator, whoever comes in is
// trusted.
func connectionIdentity(ctx context.Context) Identity {
	if id, ok := unixIdentity(ctx); ok {
		return id
	}
	if leaf := clientCertificate(ctx); leaf != nil {
		return Identity{Principal: certificatePrefix + certificateName(leaf), Role: RoleAdmin}
	}
	return Identity{Role: RoleAdmin}
}

// unixIdentity returns who is at the other end of a unix socket with UnixCredentials: the user of the server, or root.
func unixIdentity(ctx context.Context) (id Identity, ok bool) {
	if p, ok := unixPeer(ctx); ok {
		return Identity{Principal: fmt.Sprintf("%s%d", unixPrefix, p.UID), Role: RoleAdmin}, true
	}
	return Identity{}, false
}

// clientCertificate returns the certificate of the client, if there is one and TLS has verified it.
func clientCertificate(ctx context.Context) *x509.Certificate {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.VerifiedChains) == 0 {
		return nil
	}
	return info.State.VerifiedChains[0][0]
}

// certificateName returns the name by which a certificate is known best.
func certificateName(leaf *x509.Certificate) string {
	switch {
	case len(leaf.URIs) > 0:
		return leaf.URIs[0].String()
	case len(leaf.DNSNames) > 0:
		return leaf.DNSNames[0]
	case leaf.Subject.CommonName != "":
		return leaf.Subject.CommonName
	default:
		return "serial " + leaf.SerialNumber.String()
	}
}
