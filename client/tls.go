package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// TLS says how a connection is encrypted. The zero value works for a server whose certificate the system trusts. Files are in PEM.
type TLS struct {
	// CAFile has the certificates that sign that of the server. Default: those of the system. Read by Dial.
	CAFile string
	// CertFile and KeyFile are the certificate of this client and its key, for servers that ask for one. Give both or none. They are read for
	// each new connection, so that they may be replaced while the program runs.
	CertFile string
	KeyFile  string
	// ServerName is the name in the certificate of the server. Default: the host of the target.
	ServerName string
}

// config reads the files; the error names the one that is wrong.
func (t *TLS) config() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("TLS: certificates to trust: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("TLS: certificates to trust: %q has no certificate in PEM", t.CAFile)
		}
	}
	if t.CertFile == "" && t.KeyFile == "" {
		return config, nil
	}
	if t.CertFile == "" || t.KeyFile == "" {
		return nil, errors.New("TLS: a certificate of the client needs both CertFile and KeyFile; give the other one as well, or none")
	}
	if _, err := t.certificate(nil); err != nil {
		return nil, err
	}
	config.GetClientCertificate = t.certificate
	return config, nil
}

func (t *TLS) certificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("TLS: certificate of the client, %q with key %q: %w", t.CertFile, t.KeyFile, err)
	}
	return &pair, nil
}
