package server

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"unicode"

	"github.com/taskvisor/taskvisor/supervisor"
)

// MaxGrants is how many grants an Access can have: for each token that is presented, all of them are looked at.
const MaxGrants = 1000

// TokenHash is the SHA-256 of a bearer token. Tokens themselves are not kept anywhere.
type TokenHash [sha256.Size]byte

// HashToken returns the hash of a token.
func HashToken(token string) TokenHash { return sha256.Sum256([]byte(token)) }

// Grant gives a role to whoever has one credential. Just one of Token, URI, DNS and CommonName is set.
type Grant struct {
	// Principal names the caller: 1 to supervisor.MaxPrincipal bytes that print, without spaces. Any number of grants may have the same one, for
	// instance while a new token replaces an old one. It must not begin with "unix:", and with "cert:" only for a certificate: those
	// name callers by what they are.
	Principal string
	Role      Role

	Token TokenHash // of the bearer token

	// Names in the client's certificate, which TLS has to have verified. All of the name has to match, DNS names in any case.
	URI        string // a subject alternative name of type URI, such as a SPIFFE ID
	DNS        string // a subject alternative name of type DNS
	CommonName string // the common name of the subject
}

// Validate returns what is wrong with the grant, nil when nothing is.
func (g *Grant) Validate() error {
	set := 0
	for _, given := range []bool{g.Token != TokenHash{}, g.URI != "", g.DNS != "", g.CommonName != ""} {
		if given {
			set++
		}
	}
	switch {
	case set != 1:
		return fmt.Errorf("%d credentials are given; give one of a token, a URI, a DNS name and a common name", set)
	case g.Role < RoleWatch || g.Role > RoleAdmin:
		return fmt.Errorf("%v is no role", g.Role)
	case g.Principal == "" || len(g.Principal) > supervisor.MaxPrincipal:
		return fmt.Errorf("the name of the principal has %d bytes; give 1 to %d", len(g.Principal), supervisor.MaxPrincipal)
	case strings.ContainsFunc(g.Principal, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) || r == unicode.ReplacementChar }):
		return fmt.Errorf("%q cannot name a principal; give a name without spaces and control characters", g.Principal)
	case strings.HasPrefix(g.Principal, unixPrefix), g.Token != TokenHash{} && strings.HasPrefix(g.Principal, certificatePrefix):
		return fmt.Errorf("%q looks like a name that the server makes; give one that does not begin with %s or %s", g.Principal, unixPrefix, certificatePrefix)
	default:
		return nil
	}
}

// credential identifies what a grant asks for.
type credential struct {
	token            TokenHash
	uri, dns, common string
}

func (g *Grant) credential() credential {
	return credential{g.Token, g.URI, strings.ToLower(g.DNS), g.CommonName}
}
