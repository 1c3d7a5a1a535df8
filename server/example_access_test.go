package server_test

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/supervisor"
)

// Two tokens with different roles. The server takes the Access as Config.Authenticator; Set exchanges the grants while it runs, and streams of
// grants that are gone end.
func ExampleAccess() {
	access := new(server.Access)
	if err := access.Set(
		server.Grant{Principal: "dashboard", Role: server.RoleWatch, Token: server.HashToken("d3adbeef")},
		server.Grant{Principal: "deployer", Role: server.RoleOperate, URI: "spiffe://example.org/deployer"}, // in its client certificate
	); err != nil {
		fmt.Println(err)
	}
	sup := must(supervisor.New(supervisor.Config{}))
	srv := server.New(sup, nil, server.Config{Authenticator: access, Logger: quiet})
	defer func() { _ = srv.Shutdown(context.Background()) }()

	dashboard := must(access.Bearer("Bearer d3adbeef"))
	fmt.Println(dashboard.Principal, "may", dashboard.Role)

	fmt.Println(access.Set())
	<-dashboard.Revoked
	_, err := access.Bearer("Bearer d3adbeef")
	fmt.Println(err)
	// Output:
	// dashboard may watch
	// <nil>
	// the token is not known; it may be mistyped, or no longer valid
}

// badges is an Authenticator that knows callers by other means than an Access does.
type badges map[string]server.Identity

// Authenticate looks for the badge of the caller.
func (b badges) Authenticate(ctx context.Context) (server.Identity, error) {
	id, ok := b[badgeOf(ctx)]
	if !ok {
		return server.Identity{}, status.Error(codes.Unauthenticated, "no such badge")
	}
	return id, nil
}

type badgeKey struct{}

func badgeOf(ctx context.Context) string { badge, _ := ctx.Value(badgeKey{}).(string); return badge }

func ExampleAuthenticator() {
	var authenticator server.Authenticator = badges{"0815": {Principal: "ann", Role: server.RoleAdmin}}

	id, err := authenticator.Authenticate(context.WithValue(context.Background(), badgeKey{}, "0815"))
	fmt.Println(id.Principal, id.Role, err)
	_, err = authenticator.Authenticate(context.Background())
	fmt.Println(err)
	// Output:
	// ann admin <nil>
	// rpc error: code = Unauthenticated desc = no such badge
}

// A higher role may do all that a lower one may.
func ExampleRole() {
	fmt.Println(server.ParseRole("operate"))
	fmt.Println(server.ParseRole("root"))
	fmt.Println(server.RoleWatch < server.RoleOperate)
	// Output:
	// operate <nil>
	// none "root" is no role; give one of watch, operate, admin
	// true
}
