package http

import (
	"maps"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"golang.org/x/net/http/httpguts"

	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
	"github.com/taskvisor/taskvisor/supervisor/plugins/internal/tlsconfig"
)

// Defaults of Config.
const (
	DefaultTimeout        = 10 * time.Second
	DefaultConnectTimeout = 5 * time.Second
	DefaultMaxBody        = 64 << 10
	DefaultMaxRetryAfter  = time.Hour
)

// Limits of Config.
const (
	MaxRedirects = 10
	MaxBody      = 16 << 20
	maxPattern   = 1000 // characters of a regular expression
)

// New returns the plugin.
func New() plugin.Plugin {
	return plugin.Definition[Config]{
		Name:        "http",
		Description: "Sends an HTTP request; the status and the body of the answer decide between success and failure.",
		Example:     Config{URL: "http://127.0.0.1:8080/healthz", Expect: Expect{Status: Statuses{"2xx"}}, Timeout: plugin.Duration(2 * time.Second)},
		Build:       func(c Config) (supervisor.Task, error) { return NewTask(c), nil },
	}
}

// Config says what to ask for and which answer is right.
type Config struct {
	URL            string            `json:"url" jsonschema:"what to ask for: an http or https URL"`
	Method         Method            `json:"method,omitempty" jsonschema:"method of the request"`
	Headers        map[string]string `json:"headers,omitempty" jsonschema:"headers of the request; Host is that of the URL by default"`
	Body           string            `json:"body,omitempty" jsonschema:"body of the request"`
	UnixSocket     string            `json:"unix_socket,omitempty" jsonschema:"unix socket to connect to, whatever the host in the URL; an absolute path"`
	Expect         Expect            `json:"expect,omitzero" jsonschema:"which answer is a success"`
	FatalStatus    Statuses          `json:"fatal_status,omitempty" jsonschema:"statuses that end the task for good, such as 401 or 4xx"`
	Timeout        plugin.Duration   `json:"timeout,omitzero" jsonschema:"time for the whole attempt, the body included"`
	ConnectTimeout plugin.Duration   `json:"connect_timeout,omitzero" jsonschema:"time to connect, and then as much for the handshake of TLS"`
	MaxRedirects   int               `json:"max_redirects,omitempty" jsonschema:"how many redirects to follow; by default none, so that a redirect is the answer"`
	MaxBody        int               `json:"max_body,omitempty" jsonschema:"how many bytes of the body of the answer are read"`
	MaxRetryAfter  plugin.Duration   `json:"max_retry_after,omitzero" jsonschema:"longest delay that the Retry-After of an answer may ask for"`
	TLS            tlsconfig.Config  `json:"tls,omitzero" jsonschema:"how to speak TLS, for https"`
}

// Expect says which answer is a success.
type Expect struct {
	Status   Statuses `json:"status,omitempty" jsonschema:"statuses, each a number, a range such as 200-204, or a class such as 2xx"`
	Contains string   `json:"contains,omitempty" jsonschema:"text that the body contains"`
	Matches  string   `json:"matches,omitempty" jsonschema:"regular expression (RE2) that matches somewhere in the body"`
}

// Method is the method of a request.
type Method string

// ExtendSchema implements plugin.SchemaExtender.
func (Method) ExtendSchema(s *jsonschema.Schema) {
	s.Enum = []any{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
}

// SetDefaults implements plugin.Defaulter.
func (c *Config) SetDefaults() {
	c.Method = "GET"
	c.Expect.Status = Statuses{"2xx"}
	c.Timeout = plugin.Duration(DefaultTimeout)
	c.ConnectTimeout = plugin.Duration(DefaultConnectTimeout)
	c.MaxBody = DefaultMaxBody
	c.MaxRetryAfter = plugin.Duration(DefaultMaxRetryAfter)
}

// ExtendSchema implements plugin.SchemaExtender.
func (*Config) ExtendSchema(s *jsonschema.Schema) {
	s.Properties["url"].Examples = []any{"http://127.0.0.1:8080/healthz"}
	redirects, body := s.Properties["max_redirects"], s.Properties["max_body"]
	redirects.Minimum, redirects.Maximum = jsonschema.Ptr(0.0), jsonschema.Ptr(float64(MaxRedirects))
	body.Minimum, body.Maximum = jsonschema.Ptr(0.0), jsonschema.Ptr(float64(MaxBody))
	s.Properties["expect"].Properties["matches"].MaxLength = jsonschema.Ptr(maxPattern)
}

// Validate implements plugin.Validator.
func (c *Config) Validate() error {
	var v plugin.Violations
	c.Check(&v, "")
	return v.Err()
}

// Check records what is wrong with the config, which stands at path; for plugins that have one inside their own.
func (c *Config) Check(v *plugin.Violations, path string) {
	c.checkURL(v, path)
	checkHeaders(v, plugin.Key(path, "headers"), c.Headers)
	v.Check(c.UnixSocket == "" || filepath.IsAbs(c.UnixSocket) && !strings.Contains(c.UnixSocket, "\x00"), plugin.Key(path, "unix_socket"),
		"%.64q is no absolute path; give one, beginning with /", c.UnixSocket)
	c.Expect.check(v, plugin.Key(path, "expect"), c.Method)
	c.FatalStatus.check(v, plugin.Key(path, "fatal_status"))
	v.Check(c.Timeout > 0, plugin.Key(path, "timeout"), `0s leaves no time; give more, such as "10s"`)
	v.Check(c.ConnectTimeout > 0, plugin.Key(path, "connect_timeout"), `0s leaves no time; give more, such as "5s"`)
	c.TLS.Check(v, plugin.Key(path, "tls"))
}

func (c *Config) checkURL(v *plugin.Violations, path string) {
	u, err := url.Parse(c.URL)
	at := plugin.Key(path, "url")
	switch {
	case err != nil:
		v.Add(at, "%.64q is no URL: %.100s; give one such as \"http://127.0.0.1:8080/healthz\"", c.URL, reason(err))
	case u.Scheme != "http" && u.Scheme != "https":
		v.Add(at, "%.64q has no scheme that is known here; begin it with http:// or https://", c.URL)
	case u.Hostname() == "":
		v.Add(at, "%.64q names no host; give one such as \"http://127.0.0.1:8080/healthz\"", c.URL)
	case u.Scheme == "http" && c.TLS != (tlsconfig.Config{}):
		v.Add(plugin.Key(path, "tls"), "is set, but the URL begins with http://; begin it with https://, or leave tls out")
	}
}

// ownHeaders are those that follow from the rest of the request.
var ownHeaders = []string{"connection", "content-length", "te", "trailer", "transfer-encoding", "upgrade"}

func checkHeaders(v *plugin.Violations, path string, headers map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		value, at := headers[name], plugin.Key(path, name)
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			v.Add(at, "%.64q is no name of a header; give letters, digits and -", name)
		case slices.Contains(ownHeaders, strings.ToLower(name)):
			v.Add(at, "%.64q follows from the rest of the request; leave it out", name)
		case !httpguts.ValidHeaderFieldValue(value):
			v.Add(at, "%.64q has characters that no header can have, such as line ends; remove them", value)
		case strings.EqualFold(name, "Host") && !httpguts.ValidHostHeader(value):
			v.Add(at, "%.64q is no host; give a name or an address, with or without a port", value)
		}
	}
}

func (e *Expect) check(v *plugin.Violations, path string, method Method) {
	e.Status.check(v, plugin.Key(path, "status"))
	v.Check(len(e.Status) > 0, plugin.Key(path, "status"), `is empty, so that no answer would do; give statuses such as "2xx", or leave it out`)
	_, err := regexp.Compile(e.Matches)
	v.Check(err == nil, plugin.Key(path, "matches"), "%.64q is no regular expression: %.100s; see https://github.com/google/re2/wiki/Syntax", e.Matches, reason(err))
	v.Check(method != "HEAD" || e.Contains == "" && e.Matches == "", path, "the answer to HEAD has no body; use GET, or leave contains and matches out")
}
