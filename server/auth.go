package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"

	middleware "github.com/grpc-ecosystem/go-grpc-middleware/v2"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/auth"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/selector"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"github.com/taskvisor/taskvisor/supervisor"
)

// authenticated returns the interceptors that let nobody make a call whose role does not allow it, or more calls than they may. Calls that anybody may
// make, those about health, pass.
func (s *Server) authenticated() (grpc.UnaryServerInterceptor, grpc.StreamServerInterceptor) {
	needsRole := selector.MatchFunc(func(_ context.Context, call interceptors.CallMeta) bool {
		return roleFor(call.FullMethod()) != roleNone
	})
	return selector.UnaryServerInterceptor(auth.UnaryServerInterceptor(s.authorize), needsRole),
		selector.StreamServerInterceptor(auth.StreamServerInterceptor(s.authorize), needsRole)
}

// authorize returns the context of a call that its caller may make. It is an auth.AuthFunc. What a caller may not make counts as well among the calls of
// a second.
func (s *Server) authorize(ctx context.Context) (context.Context, error) {
	id, err := s.identify(ctx)
	if err != nil {
		return nil, refusedIdentity(err)
	}
	ctx = withIdentity(ctx, id)
	if err := s.rates.take(ctx, id); err != nil {
		return nil, statusOf(err).Err()
	}
	method, _ := grpc.Method(ctx)
	if required := roleFor(method); id.Role < required {
		return nil, statusOf(&roleError{path.Base(method), id, required}).Err()
	}
	return ctx, nil
}

// Authenticate returns who makes a call with this context, by the rules of the gRPC services: for what a program serves beside them, and puts into the
// context what gRPC would: the header "authorization" by package metadata, the connection by package peer. The error says to the caller what is
// wrong.
func (s *Server) Authenticate(ctx context.Context) (Identity, error) { return s.identify(ctx) }

// identify returns who makes the call. It is outside of the interceptor that recovers, and an Authenticator is the code of others.
func (s *Server) identify(ctx context.Context) (id Identity, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = s.recovered(ctx, value)
		}
	}()
	if err := checkUnixPeer(ctx); err != nil {
		return Identity{}, err
	}
	if s.config.Authenticator == nil {
		return connectionIdentity(ctx), nil
	}
	return s.config.Authenticator.Authenticate(ctx)
}

// refusedIdentity returns the status for the error of an Authenticator.
func refusedIdentity(err error) error {
	if s, ok := err.(interface{ GRPCStatus() *status.Status }); ok {
		return s.GRPCStatus().Err()
	}
	return statusOf(&authError{err.Error()}).Err()
}

// caller is who makes a call, for those who see the call before that is known: an interceptor puts one into the context of each call.
type caller struct{ identity Identity }

type callerKey struct{}

func withCaller(ctx context.Context) context.Context {
	return context.WithValue(ctx, callerKey{}, new(caller))
}

// withIdentity notes who makes the call, and returns the context for what is done on behalf of them.
func withIdentity(ctx context.Context, id Identity) context.Context {
	if c, ok := ctx.Value(callerKey{}).(*caller); ok {
		c.identity = id
	}
	if id.Principal == "" {
		return ctx
	}
	return supervisor.WithPrincipal(ctx, id.Principal)
}

// identityOf returns who makes the call with this context; the zero Identity while that is not known.
func identityOf(ctx context.Context) Identity {
	if c, ok := ctx.Value(callerKey{}).(*caller); ok {
		return c.identity
	}
	return Identity{}
}

// noteUnary is the outermost interceptor: it makes room for who calls, and for the call.
func noteUnary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	growStack()
	return handler(withCaller(ctx), req)
}

// noteStream is noteUnary for streams.
func noteStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return handler(srv, &middleware.WrappedServerStream{ServerStream: stream, WrappedContext: withCaller(stream.Context())})
}

// errRevoked ends streams.
var errRevoked = &authError{"the credentials of this stream are no longer valid, or their role is a lower one; open another one with valid credentials"}

// authError says that a caller is not known.
type authError struct{ text string }

func (e *authError) Error() string { return e.text }

// roleError says that a caller may not make a call.
type roleError struct {
	method   string // without its service
	caller   Identity
	required Role
}

func (e *roleError) Error() string {
	return fmt.Sprintf("%s needs the role %s, and %s has the role %s; use the credentials of somebody who has it, or have it granted",
		e.method, e.required, cmp.Or(e.caller.Principal, "the caller"), e.caller.Role)
}

// roleMetadata tells the role of the caller and the one that would do.
func roleMetadata(err error) map[string]string {
	e, ok := errors.AsType[*roleError](err)
	if !ok {
		return nil
	}
	return map[string]string{"role": e.caller.Role.String(), "required_role": e.required.String()}
}
