package tcp

import (
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
	"github.com/taskvisor/taskvisor/supervisor/plugins/internal/tlsconfig"
)

// DefaultTimeout is the default of Config.Timeout.
const DefaultTimeout = 5 * time.Second

// maxExpect is the largest number of characters of Config.Expect.
const maxExpect = 4096

// New returns the plugin.
func New() plugin.Plugin {
	return plugin.Definition[Config]{
		Name:        "tcp",
		Description: "Connects to an address, and succeeds if it is answered: with TLS, and with the expected bytes, if asked for.",
		Example:     Config{Address: "127.0.0.1:6379", Send: "PING\r\n", Expect: "+PONG"},
		Build:       func(c Config) (supervisor.Task, error) { return &task{c}, nil },
	}
}

// Config says where to connect to, and what is to happen then.
type Config struct {
	Address    string            `json:"address,omitempty" jsonschema:"host and port to connect to; an IPv6 address stands in brackets"`
	UnixSocket string            `json:"unix_socket,omitempty" jsonschema:"unix socket to connect to in place of an address; an absolute path"`
	TLS        *tlsconfig.Config `json:"tls,omitempty" jsonschema:"how to speak TLS; by default it is not spoken, with {} it is"`
	Send       string            `json:"send,omitempty" jsonschema:"what to send once connected"`
	Expect     string            `json:"expect,omitempty" jsonschema:"what has to be in the first 64 KiB that come; by default nothing has to come"`
	Timeout    plugin.Duration   `json:"timeout,omitzero" jsonschema:"time for the whole attempt"`
}

// SetDefaults implements plugin.Defaulter.
func (c *Config) SetDefaults() { c.Timeout = plugin.Duration(DefaultTimeout) }

// ExtendSchema implements plugin.SchemaExtender.
func (*Config) ExtendSchema(s *jsonschema.Schema) {
	s.Properties["address"].Examples = []any{"127.0.0.1:5432"}
	s.Properties["expect"].MaxLength = jsonschema.Ptr(maxExpect)
}

// Validate implements plugin.Validator.
func (c *Config) Validate() error {
	var v plugin.Violations
	switch {
	case c.Address == "" && c.UnixSocket == "":
		v.Add("address", `is missing; give one such as "127.0.0.1:5432", or a unix_socket`)
	case c.Address != "" && c.UnixSocket != "":
		v.Add("unix_socket", "%.64q is set, and so is address; leave one out", c.UnixSocket)
	case c.Address != "":
		checkAddress(&v, c.Address)
	default:
		v.Check(filepath.IsAbs(c.UnixSocket) && !strings.Contains(c.UnixSocket, "\x00"), "unix_socket",
			"%.64q is no absolute path; give one, beginning with /", c.UnixSocket)
	}
	if c.TLS != nil {
		c.TLS.Check(&v, "tls")
		v.Check(c.UnixSocket == "" || c.TLS.ServerName != "" || c.TLS.InsecureSkipVerify, "tls.server_name",
			"is missing, and a unix socket has no name to expect in the certificate; give it")
	}
	v.Check(c.Timeout > 0, "timeout", `0s leaves no time; give more, such as "5s"`)
	return v.Err()
}

func checkAddress(v *plugin.Violations, address string) {
	host, port, err := net.SplitHostPort(address)
	number, errPort := strconv.ParseUint(port, 10, 16)
	switch {
	case err != nil:
		v.Add("address", `%.64q is no host and port; give both, such as "127.0.0.1:5432"`, address)
	case host == "" || strings.ContainsAny(host, "/ \x00"):
		v.Add("address", `%.64q names no host; give a name or an address before the port`, address)
	case errPort != nil || number == 0:
		v.Add("address", `%.64q has no number of a port; give one from 1 to 65535`, address)
	}
}
