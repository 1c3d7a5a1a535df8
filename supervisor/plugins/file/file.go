package file

import (
	"path/filepath"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
	"github.com/taskvisor/taskvisor/supervisor/plugins/http"
)

// Limits and default of Config.Interval.
const (
	DefaultInterval = time.Second
	MinInterval     = 10 * time.Millisecond
	MaxInterval     = time.Hour
)

// New returns the plugin.
func New() plugin.Plugin {
	return plugin.Definition[Config]{
		Name:        "file",
		Description: "Waits until a path exists, is missing or has changed, then succeeds, fails, signals a process or sends an HTTP request.",
		Example:     Config{Path: "/etc/app/config.yaml", Until: Changed, Then: Then{Signal: &Signal{Process: "app", Signal: "HUP"}}},
		Build:       func(c Config) (supervisor.Task, error) { return newTask(c), nil },
	}
}

// Config says what to wait for, and what to do then.
type Config struct {
	Path     string          `json:"path" jsonschema:"the file or folder to look at, an absolute path; symbolic links are followed"`
	Until    Until           `json:"until,omitempty" jsonschema:"what to wait for"`
	Interval plugin.Duration `json:"interval,omitzero" jsonschema:"time from one look to the next, from 10ms to 1h"`
	Settle   plugin.Duration `json:"settle,omitzero" jsonschema:"how long a change has to be the last one before it counts, for files that are written in pieces; at most 1h"`
	Then     Then            `json:"then,omitzero" jsonschema:"what to do then; by default the attempt just succeeds"`
}

// Until is what to wait for.
type Until string

// What to wait for.
const (
	Exists  Until = "exists"
	Missing Until = "missing"
	Changed Until = "changed"
)

// ExtendSchema implements plugin.SchemaExtender.
func (Until) ExtendSchema(s *jsonschema.Schema) {
	s.Enum = []any{string(Exists), string(Missing), string(Changed)}
}

// Then is what to do, one thing at most.
type Then struct {
	HTTP   *http.Config `json:"http,omitempty" jsonschema:"request to send, as in a config of the plugin http; the attempt ends as the request does"`
	Signal *Signal      `json:"signal,omitempty" jsonschema:"signal to send"`
	Fail   string       `json:"fail,omitempty" jsonschema:"text with which to fail"`
}

// SetDefaults implements plugin.Defaulter.
func (c *Config) SetDefaults() {
	c.Until = Exists
	c.Interval = plugin.Duration(DefaultInterval)
}

// ExtendSchema implements plugin.SchemaExtender.
func (*Config) ExtendSchema(s *jsonschema.Schema) {
	s.Properties["path"].Examples = []any{"/etc/app/config.yaml"}
}

// Validate implements plugin.Validator.
func (c *Config) Validate() error {
	var v plugin.Violations
	v.Check(filepath.IsAbs(c.Path) && !strings.Contains(c.Path, "\x00"), "path", "%.64q is no absolute path; give one, beginning with /", c.Path)
	v.Check(c.Interval.Std() >= MinInterval && c.Interval.Std() <= MaxInterval, "interval", "%s is out of range; give 10ms to 1h", c.Interval)
	v.Check(c.Settle.Std() <= MaxInterval, "settle", "%s is out of range; give at most 1h", c.Settle)
	v.Check(c.Settle == 0 || c.Until == Changed, "settle", `%s is set, but only changes settle; set until to "changed", or leave settle out`, c.Settle)
	c.Then.check(&v)
	return v.Err()
}

func (t *Then) check(v *plugin.Violations) {
	actions := 0
	for _, set := range []bool{t.HTTP != nil, t.Signal != nil, t.Fail != ""} {
		if set {
			actions++
		}
	}
	v.Check(actions <= 1, "then", "it has %d actions; give one of http, signal and fail", actions)
	if t.HTTP != nil {
		t.HTTP.Check(v, "then.http")
	}
	if t.Signal != nil {
		t.Signal.check(v, "then.signal")
	}
}
