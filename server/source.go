package server

import (
	"context"
	"net"
	"net/netip"

	"google.golang.org/grpc/peer"
)

// source is whom limits count that hold for each caller: one principal, or, for calls without one, one address.
type source struct{ principal, address string }

// sourceOf returns who makes the call with this context.
func sourceOf(ctx context.Context, id Identity) source {
	if id.Principal != "" {
		return source{principal: id.Principal}
	}
	p, ok := peer.FromContext(ctx)
	if !ok || p.Addr == nil {
		return source{}
	}
	return source{address: hostOf(p.Addr)}
}

// hostOf returns the address of a host, without the port, which is another one for each connection. Of IPv6 it is the network of 64 bits: a host has
// all addresses of that. (RFC 4291, section 2.5.4.)
func hostOf(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return addr.String()
	}
	const hostBits = 64
	ip := tcp.AddrPort().Addr().Unmap()
	if !ip.Is6() || ip.IsLoopback() {
		return ip.String()
	}
	return netip.PrefixFrom(ip.WithZone(""), hostBits).Masked().String()
}

// String names the source in an error.
func (s source) String() string {
	switch {
	case s.principal != "":
		return quote(s.principal)
	case s.address != "":
		return "the address " + s.address
	default:
		return "the caller"
	}
}

// logAttrs are those of a line about the source.
func (s source) logAttrs() []any {
	if s.principal != "" {
		return []any{"principal", cutText(s.principal, maxMessageBytes)}
	}
	return []any{"peer.address", s.address}
}
