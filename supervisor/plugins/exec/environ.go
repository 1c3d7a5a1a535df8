package exec

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// reserved is the prefix of variables that configure the daemon, credentials among them, and that tell a child about its task.
const reserved = "TASKVISOR_"

// environ returns the environment of a child: what it inherits of the daemon, then what follows from its user and its directory, then what the config
// sets, then what tells about the attempt, then the mark of the guard. Where a name comes twice, the last one counts; os/exec sees to that.
func environ(daemon []string, c *Config, as *identity, info supervisor.AttemptInfo, guard *Guard) []string {
	env := make([]string, 0, len(daemon)+len(c.Env)+8)
	outer := ""
	for _, variable := range daemon {
		name, value, _ := strings.Cut(variable, "=")
		if c.inherits(name, as != nil) {
			env = append(env, variable)
		}
		if name == guardVar {
			outer = value
		}
	}
	if as != nil {
		env = append(env, as.env...)
	}
	if c.Dir != "" {
		env = append(env, "PWD="+c.Dir) // else a shell would believe to be where the daemon is
	}
	for name, value := range c.Env {
		env = append(env, name+"="+value)
	}
	if info.Task != "" {
		env = append(env, reserved+"TASK="+info.Task, reserved+"UID="+info.UID.String(), fmt.Sprint(reserved+"ATTEMPT=", info.Attempt))
	}
	if mark := guard.mark(outer); mark != "" {
		env = append(env, mark)
	}
	return env
}

// inherits reports whether a child inherits a variable of the daemon: none that configures the daemon, and as another user none that says who the
// daemon is.
func (c *Config) inherits(name string, switched bool) bool {
	switch {
	case strings.HasPrefix(name, reserved):
		return false
	case switched && (name == "HOME" || name == "USER" || name == "LOGNAME"):
		return false
	default:
		return c.Inherit || name == "PATH"
	}
}

// checkEnv records a violation for each variable that cannot or must not be set.
func checkEnv(v *plugin.Violations, env map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		value, at := env[name], plugin.Key("env", name)
		switch {
		case name == "" || strings.ContainsAny(name, "=\x00"):
			v.Add(at, "%.64q names no variable; give at least one character, without = and NUL", name)
		case strings.HasPrefix(name, reserved):
			v.Add(at, "%.64q is set by the daemon; use a name that does not begin with %s", name, reserved)
		case strings.HasPrefix(name, "LD_"), strings.HasPrefix(name, "DYLD_"):
			v.Add(at, "%.64q makes an allowed command run other code; leave it out, or set it in the environment of the daemon", name)
		case strings.Contains(value, "\x00"):
			v.Add(at, "%.64q contains a NUL byte, which no variable can; remove it", value)
		}
	}
}
