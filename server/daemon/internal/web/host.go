package web

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// known lets requests through that name this address as it is named here. A site that has its own name lead to a loopback address, as DNS rebinding
// does, makes a browser on this machine ask on its behalf, and could read the answer: the name in the request is what gives it away. Who sends no name
// is no browser.
func (s *site) known(next http.Handler) http.Handler {
	if s.Hosts == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := hostOf(r.Host)
		if host != "" && !isLoopback(host) && !slices.ContainsFunc(s.Hosts, func(own string) bool { return strings.EqualFold(own, host) }) {
			s.refuse(w, r, http.StatusForbidden, fmt.Sprintf("%q is no name of this address, which has no authentication; ask for localhost or 127.0.0.1, "+
				"or start the daemon with --auth-tokens or with this name in --http-listen", host))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostOf returns the host of a header "Host", without the port, and without the dot that a full name may end with.
func hostOf(header string) string {
	host, _, err := net.SplitHostPort(header)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(header, "["), "]")
	}
	return strings.TrimSuffix(host, ".")
}

// isLoopback recognises what can be nobody else: addresses, and the names that no DNS server is asked for. (RFC 6761, section 6.3.)
func isLoopback(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().IsLoopback()
	}
	host = strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
