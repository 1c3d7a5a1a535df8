package daemon

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/taskvisor/taskvisor/server"
)

// security is who may connect to the daemon, and what they may do.
type security struct {
	tls        *serverTLS     // nil without
	mutual     bool           // clients have to show a certificate
	access     *server.Access // nil without
	accessPath string
	handshakes *handshakes
	reloaders  []*reloader
}

// newSecurity reads all files that have to do with it. The error is a usageError with all that is wrong with them; what it returns then lets nobody in.
func newSecurity(c *config, log *slog.Logger) (*security, error) {
	s := &security{handshakes: newHandshakes(log), mutual: c.tlsClientCA != "", accessPath: c.authTokens}
	if c.tlsCert != "" && c.tlsKey != "" {
		s.tls = &serverTLS{origin: c.origin}
		s.reloaders = append(s.reloaders, s.tls.newReloader(c))
	}
	if c.authTokens != "" {
		s.access = new(server.Access)
		file := &accessFile{access: s.access, setting: c.origin("auth-tokens"), mutual: s.mutual}
		s.reloaders = append(s.reloaders, file.newReloader(c))
	}
	var problems []string
	for _, r := range s.reloaders {
		r.log = log
		problems = append(problems, r.load()...)
	}
	if problems != nil {
		return s, &usageError{problems}
	}
	return s, nil
}

// authenticator returns what the server asks who calls; nil when it does not ask.
func (s *security) authenticator() server.Authenticator {
	if s.access == nil {
		return nil // and no interface around a nil
	}
	return s.access
}

// credentials returns what connections of a listener begin with.
func (s *security) credentials(l net.Listener) credentials.TransportCredentials {
	switch {
	case l.Addr().Network() == "unix":
		return server.UnixCredentials()
	case s.tls != nil:
		return newTLSCredentials(s.tls.config(), s.handshakes)
	default:
		return newPlainCredentials(s.handshakes)
	}
}

// watch reloads files when they change, until what it returns is called. What has changed since they were read for the first time is
// noticed as well.
func (s *security) watch() (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	for _, r := range s.reloaders {
		watching.Go(func() { r.run(ctx) })
	}
	return func() {
		cancel()
		watching.Wait()
	}
}

// warnings tells of what works, but may not be what was meant.
func (s *security) warnings() (all []string) {
	for _, r := range s.reloaders {
		all = append(all, r.warnings...)
	}
	return all
}

// notes are lines of the page about tasks and watchers: how files are that are read again.
func (s *security) notes(now time.Time) (lines []string) {
	for _, r := range s.reloaders {
		lines = append(lines, r.state.note(r.what, now))
	}
	return lines
}

// describe says in the ready line what protects the daemon.
func (s *security) describe() (attrs []any) {
	switch {
	case s.mutual:
		attrs = append(attrs, "tls", "mutual")
	case s.tls != nil:
		attrs = append(attrs, "tls", "server")
	}
	if s.access != nil {
		attrs = append(attrs, "auth", s.accessPath)
	}
	return attrs
}
