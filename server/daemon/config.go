package daemon

import (
	"log/slog"
	"time"
)

// config is what the settings of all layers come to.
type config struct {
	listen        string // HOST:PORT; empty for none
	insecure      bool
	socket        string   // path; empty for none
	tasks         string   // file or directory; empty for none
	plugins       []string // nil for the default
	execAllow     []string
	grace         time.Duration
	maxConcurrent int // 0 for no limit
	maxTasks      int
	eventBuffer   int
	watchLinger   time.Duration // 0 for none
	logFormat     string
	logLevel      slog.Level

	origins    map[string]string // where the value of each setting comes from; no entry for a default
	unknownEnv []string          // environment variables that look like settings and are none
}

// origin says where the value of a setting comes from, for a message.
func (c *config) origin(setting string) string {
	if origin := c.origins[setting]; origin != "" {
		return origin
	}
	return "--" + setting
}

// check returns what is wrong with settings that are right one by one.
func (c *config) check() []string {
	var problems []string
	if c.listen == "" && c.socket == "" {
		problems = append(problems, c.origin("listen")+": there is nothing to listen on; give an address or --socket PATH")
	}
	return append(problems, c.checkExec()...)
}

// execPlugin is the plugin that runs commands. Which commands it may run has to be said, so naming the plugin is not enough to enable it.
const execPlugin = "exec"

// checkExec compares the two settings that enable exec. Where both are given they have to agree: neither is ignored.
func (c *config) checkExec() []string {
	named := false
	for _, name := range c.plugins {
		named = named || name == execPlugin
	}
	switch allowed := len(c.execAllow) > 0; {
	case named && !allowed:
		return []string{c.origin("plugins") + ": exec runs only commands that are allowed; give --exec-allow COMMAND for each, such as --exec-allow date"}
	case allowed && c.plugins != nil && !named:
		return []string{c.origin("exec-allow") + ": commands are allowed, but exec is not among the plugins of " + c.origin("plugins") + "; add exec there, or allow no commands"}
	default:
		return nil
	}
}
