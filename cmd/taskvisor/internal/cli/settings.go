package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/taskvisor/taskvisor/client"
)

// Defaults.
const (
	defaultServer  = "127.0.0.1:7700"
	defaultTimeout = 30 * time.Second
)

// settings say which server is meant, how it is reached, and how it is shown.
type settings struct {
	server        string
	tls           bool
	tlsCA         string
	tlsCert       string
	tlsKey        string
	tlsServerName string
	tokenFile     string
	timeout       time.Duration
	timeoutGiven  bool // by a flag
	output        format

	origins map[string]string // who said what, by name of the setting: a flag, the environment, a file; what nobody said is not there
	covered []given           // what others said about the server, who do not count
}

func defaults() settings {
	return settings{server: defaultServer, timeout: defaultTimeout, output: formatTable}
}

// setting is one of them: a flag, a variable of the environment, and a key of the config file.
type setting struct {
	name  string
	usage string
	wants string // one word for the value
	// variable is the name in the environment, without its prefix, where it is not that of the flag: the daemon has variables of the same prefix,
	// and its certificate is not that of this side.
	variable string
	bool     bool // the flag needs no value
	file     bool // the value is the path of a file; a relative one in the config file is relative to that
	set      func(s *settings, value string) error
}

// envPrefix is what the variables have in front of the name of the setting.
const envPrefix = "TASKVISOR_"

func (s *setting) env() string {
	if s.variable != "" {
		return envPrefix + s.variable
	}
	return envPrefix + strings.ToUpper(strings.ReplaceAll(s.name, "-", "_"))
}

// table is all settings, in the order of the help.
func table() []setting {
	return []setting{
		{name: "server", wants: "ADDRESS", usage: "server to talk to: host:port, unix:///path or /path (default " + defaultServer + ")", set: text(func(s *settings) *string { return &s.server })},
		{name: "output", wants: "FORMAT", usage: "how to print: table, wide, json, yaml or name (default table)", set: func(s *settings, v string) (err error) {
			s.output, err = parseFormat(v)
			return err
		}},
		{name: "timeout", wants: "DURATION", usage: "how long to wait for an answer, 0s for ever; in watch, top, events, logs, wait, rm and add --wait: for the end (default 30s, and there for ever)", set: setTimeout},
		{name: "token-file", file: true, usage: "file with the bearer token to send", set: text(func(s *settings) *string { return &s.tokenFile })},
		{name: "tls", bool: true, usage: "encrypt, and trust what the system trusts", set: setTLS},
		{name: "tls-ca", file: true, usage: "encrypt, and trust the certificates in this file", set: text(func(s *settings) *string { return &s.tlsCA })},
		{name: "tls-cert", variable: "CLIENT_CERT", file: true, usage: "certificate to show to the server; needs --tls-key", set: text(func(s *settings) *string { return &s.tlsCert })},
		{name: "tls-key", variable: "CLIENT_KEY", file: true, usage: "key of that certificate", set: text(func(s *settings) *string { return &s.tlsKey })},
		{name: "tls-server-name", wants: "NAME", usage: "name in the certificate of the server (default: the host of --server)", set: text(func(s *settings) *string { return &s.tlsServerName })},
	}
}

func text(field func(*settings) *string) func(*settings, string) error {
	return func(s *settings, value string) error {
		if value == "" {
			return errors.New("is empty; give a value, or leave it out")
		}
		*field(s) = value
		return nil
	}
}

func setTLS(s *settings, value string) (err error) {
	if s.tls, err = strconv.ParseBool(value); err != nil {
		return fmt.Errorf("wants true or false, not %q", value)
	}
	return nil
}

func setTimeout(s *settings, value string) error {
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 {
		return fmt.Errorf("wants a duration such as 500ms, 10s or 5m, or 0s for none, not %q", value)
	}
	s.timeout = d
	return nil
}

// format is how output is printed.
type format string

const (
	formatTable format = "table"
	formatWide  format = "wide"
	formatJSON  format = "json"
	formatYAML  format = "yaml"
	formatName  format = "name"
)

func formats() []string {
	return []string{string(formatTable), string(formatWide), string(formatJSON), string(formatYAML), string(formatName)}
}

func parseFormat(value string) (format, error) {
	if !slices.Contains(formats(), value) {
		return "", fmt.Errorf("wants one of %s, not %q", strings.Join(formats(), ", "), value)
	}
	return format(value), nil
}

// isText reports that people read it, and not programs.
func (f format) isText() bool { return f == formatTable || f == formatWide }

// encrypted reports whether the connection is to be.
func (s *settings) encrypted() bool {
	return s.tls || s.tlsCA != "" || s.tlsCert != "" || s.tlsKey != "" || s.tlsServerName != ""
}

// options says it to the client.
func (s *settings) options() ([]client.Option, error) {
	opts := []client.Option{client.WithUserAgent(programName)}
	if s.encrypted() {
		opts = append(opts, client.WithTLS(client.TLS{CAFile: s.tlsCA, CertFile: s.tlsCert, KeyFile: s.tlsKey, ServerName: s.tlsServerName}))
	}
	if s.tokenFile == "" {
		return opts, nil
	}
	if _, err := readToken(s.tokenFile); err != nil {
		return nil, setupError{fmt.Errorf("%w (as %s says)", err, s.origins["token-file"])}
	}
	// Read for each call: a watch goes on for weeks, tokens in mounted files do not.
	return append(opts, client.WithTokenSource(func(context.Context) (string, error) { return readToken(s.tokenFile) })), nil
}

// maxToken is the longest file that can be one with a token.
const maxToken = 64 << 10

func readToken(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", fmt.Errorf("token file: %w", err)
	}
	if info.Size() > maxToken {
		return "", fmt.Errorf("token file %q has %d bytes, which is no token; is it another file?", name, info.Size())
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("token file: %w", err)
	}
	token := strings.TrimSpace(string(data))
	if token == "" {
		return "", fmt.Errorf("token file %q is empty; put the token into it", name)
	}
	return token, nil
}
