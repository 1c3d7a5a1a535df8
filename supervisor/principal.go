package supervisor

import "context"

// MaxPrincipal is the largest number of bytes of a principal; a longer one is cut.
const MaxPrincipal = 256

// WithPrincipal returns a context that says on whose behalf it is used. What Add, Replace, Run, Start and Remove are asked to do with it is on record as
// the wish of that principal: see Event.Principal. Nothing is allowed or forbidden because of it.
func WithPrincipal(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, principalKey{}, cutText(name, MaxPrincipal))
}

// Principal returns on whose behalf ctx is used; "" unless WithPrincipal has said so.
func Principal(ctx context.Context) string {
	name, _ := ctx.Value(principalKey{}).(string)
	return name
}

// principalKey is the context key of the principal.
type principalKey struct{}
