package server_test

import (
	"strings"
	"testing"

	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/supervisor"
)

// grantOf returns a grant for a token.
func grantOf(principal string, role server.Role, token string) server.Grant {
	return server.Grant{Principal: principal, Role: role, Token: server.HashToken(token)}
}

func TestGrantsAreChecked(t *testing.T) {
	token := server.HashToken("t")
	for name, test := range map[string]struct {
		grant server.Grant
		ok    bool
	}{
		"token":                 {server.Grant{Principal: "ann", Role: server.RoleWatch, Token: token}, true},
		"certificate by URI":    {server.Grant{Principal: "ann", Role: server.RoleAdmin, URI: "spiffe://a/b"}, true},
		"certificate by DNS":    {server.Grant{Principal: "cert:a.example", Role: server.RoleOperate, DNS: "a.example"}, true},
		"certificate by CN":     {server.Grant{Principal: "änn@example.org", Role: server.RoleOperate, CommonName: "ann"}, true},
		"longest principal":     {server.Grant{Principal: strings.Repeat("x", supervisor.MaxPrincipal), Role: server.RoleWatch, Token: token}, true},
		"no credential":         {server.Grant{Principal: "ann", Role: server.RoleWatch}, false},
		"two credentials":       {server.Grant{Principal: "ann", Role: server.RoleWatch, Token: token, DNS: "a"}, false},
		"no role":               {server.Grant{Principal: "ann", Token: token}, false},
		"a role too high":       {server.Grant{Principal: "ann", Role: server.RoleAdmin + 1, Token: token}, false},
		"no principal":          {server.Grant{Role: server.RoleWatch, Token: token}, false},
		"too long a principal":  {server.Grant{Principal: strings.Repeat("x", supervisor.MaxPrincipal+1), Role: server.RoleWatch, Token: token}, false},
		"a space":               {server.Grant{Principal: "a b", Role: server.RoleWatch, Token: token}, false},
		"a line end":            {server.Grant{Principal: "a\nb", Role: server.RoleWatch, Token: token}, false},
		"no UTF-8":              {server.Grant{Principal: "a\xff", Role: server.RoleWatch, Token: token}, false},
		"as if a user":          {server.Grant{Principal: "unix:0", Role: server.RoleWatch, Token: token}, false},
		"as if a user, by cert": {server.Grant{Principal: "unix:0", Role: server.RoleWatch, DNS: "a"}, false},
		"as if a certificate":   {server.Grant{Principal: "cert:a", Role: server.RoleWatch, Token: token}, false},
	} {
		err := test.grant.Validate()
		if (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
		if set := new(server.Access).Set(test.grant); (set == nil) != test.ok {
			t.Errorf("%s: Set: %v", name, set)
		}
	}
}

// "Error: which grant is wrong, or that two of them are about one credential; nothing has changed then."
func TestABadListOfGrantsChangesNothing(t *testing.T) {
	var access server.Access
	good := grantOf("ann", server.RoleWatch, "good")
	if err := access.Set(good); err != nil {
		t.Fatal(err)
	}
	before, err := access.Bearer("Bearer good")
	if err != nil {
		t.Fatal(err)
	}
	dns := func(name string) server.Grant {
		return server.Grant{Principal: "bob", Role: server.RoleWatch, DNS: name}
	}
	tooMany := make([]server.Grant, server.MaxGrants+1)
	for i := range tooMany {
		tooMany[i] = grantOf("ann", server.RoleWatch, strings.Repeat("x", i))
	}
	for want, list := range map[string][]server.Grant{
		"grant 1":     {grantOf("bob", server.RoleWatch, "other"), {}},
		`"bob"`:       {grantOf("bob", server.RoleWatch, "same"), grantOf("cid", server.RoleWatch, "same")},
		"grant 2":     {good, dns("a.example"), dns("A.Example")},
		"1001 grants": tooMany,
	} {
		if err := access.Set(list...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
	select {
	case <-before.Revoked:
		t.Error("the grant was revoked")
	default:
	}
	if id, err := access.Bearer("Bearer good"); err != nil || id != before {
		t.Errorf("got %v, %v", id, err)
	}
	if err := access.Set(tooMany[1:]...); err != nil {
		t.Error(err)
	}
}
