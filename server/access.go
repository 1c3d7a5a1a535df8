package server

import (
	"context"
	"crypto/subtle"
	"crypto/x509"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/metadata"
)

// Access is an Authenticator with a list of grants, which can be exchanged while the server runs. The zero value grants nothing. Its methods may be
// called from any goroutine.
//
// Of several credentials of a call the first of these counts, and when it is not good the call is refused, whatever the others are:
//
//  1. a bearer token, in the header "authorization: Bearer TOKEN";
//  2. the client's certificate, if TLS has verified it: its URIs go before its DNS names, and those before its common name; of several names of
//     one type that have a grant the first in the certificate counts;
//  3. the user at the other end of a unix socket, with UnixCredentials.
type Access struct {
	mu     sync.Mutex // held to exchange the grants
	grants atomic.Pointer[grants]
}

// grants is a list of grants in force. It is immutable.
type grants struct {
	tokens       []*granted
	certificates map[credential]*granted
}

// granted is a grant in force.
type granted struct {
	Grant
	revoked chan struct{} // closed when the grant is taken back
}

func (g *granted) identity() Identity {
	return Identity{Principal: g.Principal, Role: g.Role, Revoked: g.revoked}
}

// Set puts these grants in the place of all that there were. A grant that is missing, has a lower role or another principal is revoked: see
// Identity.Revoked. Error: which grant is wrong, or that two of them are about one credential; nothing has changed then.
func (a *Access) Set(list ...Grant) error {
	if len(list) > MaxGrants {
		return fmt.Errorf("%d grants are given, and there may be %d", len(list), MaxGrants)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	before := a.inForce()
	next := &grants{certificates: map[credential]*granted{}}
	all := make(map[credential]*granted, len(list))
	for i := range list {
		g := &granted{list[i], make(chan struct{})}
		if err := g.Validate(); err != nil {
			return fmt.Errorf("grant %d: %w", i, err)
		}
		key := g.credential()
		if all[key] != nil {
			return fmt.Errorf("grant %d: the credential is that of %q already", i, all[key].Principal)
		}
		if old := before.find(key); old != nil && old.Principal == g.Principal && old.Role <= g.Role {
			g.revoked = old.revoked
		}
		all[key] = g
		next.add(g)
	}
	a.grants.Store(next)
	before.revokeOthers(all)
	return nil
}

func (a *Access) inForce() *grants {
	if list := a.grants.Load(); list != nil {
		return list
	}
	return &grants{}
}

func (l *grants) add(g *granted) {
	if g.Token != (TokenHash{}) {
		l.tokens = append(l.tokens, g)
	} else {
		l.certificates[g.credential()] = g
	}
}

// find returns the grant for a credential, nil when there is none.
func (l *grants) find(c credential) *granted {
	if c.token != (TokenHash{}) {
		return l.byToken(c.token)
	}
	return l.certificates[c]
}

// byToken takes the same time whichever grant it is, and if it is none.
func (l *grants) byToken(hash TokenHash) (found *granted) {
	for _, g := range l.tokens {
		if subtle.ConstantTimeCompare(g.Token[:], hash[:]) == 1 {
			found = g
		}
	}
	return found
}

// byCertificate returns the grant for the name of the certificate that goes before its others.
func (l *grants) byCertificate(leaf *x509.Certificate) *granted {
	for _, uri := range leaf.URIs {
		if g := l.certificates[credential{uri: uri.String()}]; g != nil {
			return g
		}
	}
	for _, name := range leaf.DNSNames {
		if g := l.certificates[credential{dns: strings.ToLower(name)}]; g != nil {
			return g
		}
	}
	if leaf.Subject.CommonName == "" {
		return nil
	}
	return l.certificates[credential{common: leaf.Subject.CommonName}]
}

// revokeOthers revokes the grants that none of kept continues.
func (l *grants) revokeOthers(kept map[credential]*granted) {
	revoke := func(old *granted) {
		if now := kept[old.credential()]; now == nil || now.revoked != old.revoked {
			close(old.revoked)
		}
	}
	for _, g := range l.tokens {
		revoke(g)
	}
	for _, g := range l.certificates {
		revoke(g)
	}
}

// Authenticate implements Authenticator.
func (a *Access) Authenticate(ctx context.Context) (Identity, error) {
	if headers := metadata.ValueFromIncomingContext(ctx, "authorization"); len(headers) > 0 {
		if len(headers) > 1 {
			return Identity{}, &authError{"there are several authorization headers; send one"}
		}
		return a.Bearer(headers[0])
	}
	if leaf := clientCertificate(ctx); leaf != nil {
		if g := a.inForce().byCertificate(leaf); g != nil {
			return g.identity(), nil
		}
		return Identity{}, &authError{fmt.Sprintf("no role is granted to the certificate of %s; have one granted, or send %s",
			quote(certificateName(leaf)), bearerForm)}
	}
	if id, ok := unixIdentity(ctx); ok {
		return id, nil
	}
	return Identity{}, &authError{"the call has no credentials; send " + bearerForm}
}

// MaxToken is the largest length of a token, in bytes. A longer one is refused, whatever is granted.
const MaxToken = 4096

const bearerForm = `the header "authorization: Bearer TOKEN"`

// Bearer returns who sends this value of the header "authorization", for what is served by other means than gRPC. What comes instead of a token
// takes as long to refuse as a token that is not known.
func (a *Access) Bearer(authorization string) (Identity, error) {
	scheme, token, _ := strings.Cut(authorization, " ")
	malformed := !strings.EqualFold(scheme, "bearer") || token == "" || len(token) > MaxToken
	g := a.inForce().byToken(HashToken(token[:min(len(token), MaxToken)]))
	switch {
	case malformed:
		return Identity{}, &authError{"the authorization header has another form; send " + bearerForm}
	case g == nil:
		return Identity{}, &authError{"the token is not known; it may be mistyped, or no longer valid"}
	default:
		return g.identity(), nil
	}
}
