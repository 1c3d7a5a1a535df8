package exec

import (
	"path"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// DefaultStopGrace is the default of Config.StopGrace.
const DefaultStopGrace = 5 * time.Second

// Options say what the plugin may do.
type Options struct {
	// Allow lists the commands that may be run, as globs of Config.Command[0]. Without any, the plugin is disabled.
	//
	// * stands for any characters but /, ? for one, ** for any characters at all; everything else for itself. The command is compared as
	// the config has it, before it is looked up: "sh" allows the name sh, which is looked up in the PATH of the daemon, and not /bin/sh;
	// "/bin/sh" allows that file and not the name; "/opt/tools/**" all files below a folder; "*" all names; "**" everything.
	Allow []string

	// Users lists those besides the user of the daemon as whom commands may be run, as Config.User has them: "nobody", "1000", "1000:1000",
	// "www:www". Without any, Config.User is refused. The daemon needs to be root, or on Linux to have CAP_SETUID, CAP_SETGID and CAP_KILL.
	Users []string

	// Guard kills what commands have started when the daemon is killed. Without one that is left to the system, which on Linux kills the
	// commands themselves and nothing that they have started.
	Guard *Guard
}

// New returns the plugin. The error names a glob that cannot match anything, or a user that can be nobody.
func New(o Options) (plugin.Plugin, error) {
	allowed, err := newAllowList(o.Allow)
	if err != nil {
		return nil, err
	}
	users, err := newUserList(o.Users, cannotSwitch())
	if err != nil {
		return nil, err
	}
	return plugin.Definition[Config]{
		Name:        "exec",
		Description: "Runs a command in a process group of its own, without a shell; its exit code decides between success and failure.",
		Example:     Config{Command: allowed.example(), Env: map[string]string{"TZ": "UTC"}},
		Disabled:    disabled(allowed),
		Build: func(c Config) (supervisor.Task, error) {
			if err := c.check(allowed, users); err != nil {
				return nil, err
			}
			return &task{config: c, guard: o.Guard, drain: drainDelay}, nil
		},
	}, nil
}

// disabled says why the plugin cannot be used; it returns "" if it can.
func disabled(allowed allowList) string {
	switch {
	case !supported:
		return "running commands needs process groups, which this system does not have; run the daemon on Linux, macOS or a BSD"
	case len(allowed) == 0:
		return "no commands are allowed; start the daemon with --exec-allow GLOB, once for each command or family of commands"
	default:
		return ""
	}
}

// Config says what to run.
type Config struct {
	Command   []string          `json:"command" jsonschema:"the command and its arguments; a name without / is looked up in the PATH of the daemon, a path must be absolute"`
	Dir       string            `json:"dir,omitempty" jsonschema:"working directory, an absolute path; by default that of the daemon"`
	Env       map[string]string `json:"env,omitempty" jsonschema:"environment variables to set on top of those that the command inherits"`
	Inherit   bool              `json:"inherit_env,omitempty" jsonschema:"whether the command inherits the environment variables of the daemon; if not, only PATH"`
	Stdin     string            `json:"stdin,omitempty" jsonschema:"text for standard input, which ends after it; by default it is empty"`
	User      string            `json:"user,omitempty" jsonschema:"user to run the command as, USER or USER:GROUP, names or numbers, if the daemon allows it; by default that of the daemon"`
	StopGrace plugin.Duration   `json:"stop_grace,omitzero" jsonschema:"time from SIGTERM to SIGKILL when the attempt is canceled"`
}

// SetDefaults implements plugin.Defaulter.
func (c *Config) SetDefaults() {
	c.StopGrace, c.Inherit = plugin.Duration(DefaultStopGrace), true
}

// ExtendSchema implements plugin.SchemaExtender.
func (*Config) ExtendSchema(s *jsonschema.Schema) {
	s.Properties["command"].MinItems = jsonschema.Ptr(1)
}

// check reports all that the schema cannot say, as violations.
func (c *Config) check(allowed allowList, users userList) error {
	var v plugin.Violations
	allowed.check(&v, c.Command[0])
	for i, arg := range c.Command {
		v.Check(!strings.Contains(arg, "\x00"), plugin.Index("command", i), "%.64q contains a NUL byte, which no argument can; remove it", arg)
	}
	if c.Dir != "" {
		v.Check(path.IsAbs(c.Dir), "dir", "%.64q is no absolute path; give one, beginning with /", c.Dir)
		v.Check(!strings.Contains(c.Dir, "\x00"), "dir", "%.64q contains a NUL byte, which no path can; remove it", c.Dir)
	}
	checkEnv(&v, c.Env)
	if c.User != "" {
		users.check(&v, c.User)
	}
	return v.Err()
}
