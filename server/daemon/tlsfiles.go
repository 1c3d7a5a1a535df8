package daemon

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
)

// serverTLS is the TLS of the daemon. Each new connection gets what is in force then; those that are open keep theirs.
type serverTLS struct {
	origin  func(setting string) string
	current atomic.Pointer[tls.Config]
}

// config returns what gRPC needs to know.
func (s *serverTLS) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return s.current.Load(), nil },
	}
}

// webConfig returns what net/http needs to know. Its clients are few, and HTTP/1.1 is enough for them.
func (s *serverTLS) webConfig() *tls.Config {
	protocols := []string{"http/1.1"}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: protocols,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			config := s.current.Load().Clone()
			config.NextProtos = protocols
			return config, nil
		},
	}
}

// newReloader returns what loads the files.
func (s *serverTLS) newReloader(c *config) *reloader {
	r := &reloader{
		what: "certificate", judge: s.judge, order: []string{"tls-cert", "tls-key"},
		files: map[string]string{"tls-cert": c.tlsCert, "tls-key": c.tlsKey, "tls-client-ca": c.tlsClientCA},
	}
	if c.tlsClientCA != "" {
		r.order = append(r.order, "tls-client-ca")
	}
	return r
}

// judge takes the files of the certificate, of its key and of the authorities of clients, the last of which may be missing.
func (s *serverTLS) judge(files []secretFile) (l loading) {
	config := &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"},
		// Each connection, which lasts for long, is to show a certificate that is good at that time.
		SessionTicketsDisabled: true,
	}
	chain := s.readCertificates(&l, files[0])
	s.checkTimes(&l, files[0], chain[:min(1, len(chain))])
	key := s.readKey(&l, files[1])
	if chain != nil && key {
		pair, err := tls.X509KeyPair(files[0].data, files[1].data)
		if err != nil {
			s.problem(&l, files[1], "%s; it has to have the key of the first certificate in %s", strings.TrimPrefix(err.Error(), "tls: "), files[0].path)
		}
		config.Certificates = []tls.Certificate{pair}
		l.expires = chain[0].NotAfter.UTC()
		l.summary = []any{"name", commonName(chain[0]), "expires", l.expires}
	}
	if len(files) > 2 {
		config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, s.readAuthorities(&l, files[2])
	}
	l.apply = func() { s.current.Store(config) }
	return l
}

func commonName(c *x509.Certificate) string {
	if len(c.DNSNames) > 0 {
		return c.DNSNames[0]
	}
	return c.Subject.CommonName
}

// problem adds what is wrong with a file.
func (s *serverTLS) problem(l *loading, f secretFile, format string, args ...any) {
	l.problems = append(l.problems, fmt.Sprintf("%s: %s: %s", s.origin(f.setting), f.path, fmt.Sprintf(format, args...)))
}

// unreadable reports that the file could not be read. The error of the system names it.
func (s *serverTLS) unreadable(l *loading, f secretFile) bool {
	if f.err != nil {
		l.problems = append(l.problems, fmt.Sprintf("%s: %v", s.origin(f.setting), f.err))
	}
	return f.err != nil
}

// readCertificates returns the certificates in a file, nil when there are none, or one of them is wrong.
func (s *serverTLS) readCertificates(l *loading, f secretFile) (list []*x509.Certificate) {
	if s.unreadable(l, f) {
		return nil
	}
	for block, rest := pem.Decode(f.data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			s.problem(l, f, "certificate %d of the file is broken: %v", len(list)+1, err)
			return nil
		}
		list = append(list, certificate)
	}
	if list == nil {
		s.problem(l, f, "has no certificate; it has to be in PEM, between BEGIN CERTIFICATE and END CERTIFICATE")
	}
	return list
}

// checkTimes refuses certificates that are not good at this time.
func (s *serverTLS) checkTimes(l *loading, f secretFile, list []*x509.Certificate) {
	now := time.Now()
	for _, c := range list {
		switch {
		case now.After(c.NotAfter):
			s.problem(l, f, "the certificate of %q expired on %s; renew it", commonName(c), c.NotAfter.UTC().Format(time.DateTime))
		case now.Before(c.NotBefore):
			s.problem(l, f, "the certificate of %q is good from %s on, and it is %s; is the clock right?", commonName(c),
				c.NotBefore.UTC().Format(time.DateTime), now.UTC().Format(time.DateTime))
		}
	}
}

// readKey looks for a key in the file, and reports whether there is one.
func (s *serverTLS) readKey(l *loading, f secretFile) bool {
	if s.unreadable(l, f) {
		return false
	}
	if f.mode&othersRead != 0 {
		l.warnings = append(l.warnings, fmt.Sprintf("%s: %s can be read by all users of this machine; chmod 600 protects it", s.origin(f.setting), f.path))
	}
	for block, rest := pem.Decode(f.data); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case strings.Contains(block.Type, "ENCRYPTED") || block.Headers["DEK-Info"] != "":
			s.problem(l, f, "the key is encrypted, and there is nobody to ask for the password; give it unencrypted")
			return false
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			return true
		}
	}
	s.problem(l, f, "has no key; it has to be in PEM, between BEGIN PRIVATE KEY and END PRIVATE KEY")
	return false
}

// readAuthorities returns the authorities of clients.
func (s *serverTLS) readAuthorities(l *loading, f secretFile) *x509.CertPool {
	pool := x509.NewCertPool()
	list := s.readCertificates(l, f)
	for _, c := range list {
		pool.AddCert(c)
	}
	good := 0
	for _, c := range list {
		if time.Now().Before(c.NotAfter) {
			good++
		}
	}
	if list != nil && good == 0 {
		s.checkTimes(l, f, list)
	}
	return pool
}
