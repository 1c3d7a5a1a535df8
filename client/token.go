package client

import (
	"context"
	"errors"
	"strings"
)

// errTokenInPlainText: whoever listens would have the token.
var errTokenInPlainText = errors.New(
	"a token would be sent in plain text to another machine; encrypt the connection with WithTLS, or use a unix socket or a loopback address")

// errBadToken does not show the token: errors end up in logs.
var errBadToken = errors.New("the token is empty or has characters other than printable ASCII, as of a line end that came along; give the token alone")

// bearer sends a token with each call.
type bearer struct {
	source func(ctx context.Context) (string, error)
	secure bool // the connection has to be encrypted
}

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (b bearer) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	token, err := b.source(ctx)
	if err != nil {
		return nil, err
	}
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errBadToken
	}
	return map[string]string{"authorization": "Bearer " + token}, nil
}

// RequireTransportSecurity implements credentials.PerRPCCredentials.
func (b bearer) RequireTransportSecurity() bool { return b.secure }
