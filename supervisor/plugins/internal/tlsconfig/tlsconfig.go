// Package tlsconfig is the part of a config that says how a body speaks TLS, the same for each built-in plugin that does.
package tlsconfig

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"

	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// Config says how to speak TLS. The zero value trusts what the system trusts.
type Config struct {
	CAFile             string `json:"ca_file,omitempty" jsonschema:"PEM file with the certificates to trust in place of those of the system; an absolute path, read at each attempt"`
	ServerName         string `json:"server_name,omitempty" jsonschema:"name that the certificate of the server has to have; by default the host that is called"`
	CertFile           string `json:"cert_file,omitempty" jsonschema:"PEM file with the certificate to show to the server; goes with key_file"`
	KeyFile            string `json:"key_file,omitempty" jsonschema:"PEM file with the key of cert_file"`
	InsecureSkipVerify bool   `json:"insecure_skip_verify,omitempty" jsonschema:"accept any certificate: anybody in between can read and change what is said"`
}

// Check records what is wrong with the config, which stands at path.
func (c *Config) Check(v *plugin.Violations, path string) {
	for _, file := range []struct{ key, path string }{{"ca_file", c.CAFile}, {"cert_file", c.CertFile}, {"key_file", c.KeyFile}} {
		v.Check(file.path == "" || filepath.IsAbs(file.path), plugin.Key(path, file.key), "%.64q is no absolute path; give one, beginning with /", file.path)
	}
	v.Check(c.CertFile != "" || c.KeyFile == "", plugin.Key(path, "cert_file"), "is missing; give the certificate of key_file, or leave key_file out")
	v.Check(c.KeyFile != "" || c.CertFile == "", plugin.Key(path, "key_file"), "is missing; give the key of cert_file, or leave cert_file out")
	v.Check(!c.InsecureSkipVerify || c.CAFile == "" && c.ServerName == "", plugin.Key(path, "insecure_skip_verify"),
		"true accepts any certificate, so ca_file and server_name would have no effect; leave them or this out")
}

// Load reads the files and returns the config for package tls. It is called at each attempt, so that files that were replaced count.
func (c *Config) Load() (*tls.Config, error) {
	out := &tls.Config{ServerName: c.ServerName, InsecureSkipVerify: c.InsecureSkipVerify} //nolint:gosec // as asked, under that name
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("cannot read ca_file: %w", err)
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca_file %q has no certificate; give a PEM file", c.CAFile)
		}
	}
	if c.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("cannot use cert_file and key_file: %w", err)
		}
		out.Certificates = []tls.Certificate{pair}
	}
	return out, nil
}
