package daemon

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/taskvisor/taskvisor/server/yamlfile"
)

// given is what one layer says about one setting.
type given struct {
	values []string
	origin string // for messages: "--grace", "TASKVISOR_GRACE", "taskvisord.yaml:3"
}

// layer is what one source of settings says: the config file, the environment or the flags.
type layer map[string]given // by name of the setting

// usageError is all that is wrong with what the daemon was given: flags, environment, files.
type usageError struct{ problems []string }

// Error has a line for each problem.
func (e *usageError) Error() string { return strings.Join(e.problems, "\n") }

// merge makes a config of the defaults and of the layers, of which a later one goes before an earlier one. A value that is wrong is reported even
// where a later layer covers it: the day that cover is removed is a bad day to learn of it.
func merge(table []setting, layers ...layer) (c *config, problems []string) {
	c = &config{origins: map[string]string{}}
	for _, s := range table {
		if s.def != "" {
			mustSet(&s, c)
		}
		for _, l := range layers {
			g, ok := l[s.name]
			if !ok {
				continue
			}
			if err := s.set(c, g.values); err != nil {
				problems = append(problems, g.origin+": "+err.Error())
			}
			c.origins[s.name] = g.origin
		}
	}
	return c, problems
}

// loadConfig reads the layers and merges them. The error has the mistakes of all of them; the config then has what is right, and defaults
// for the rest. configFlag is the flag that names the config file.
func loadConfig(table []setting, environ []string, flags layer, configFlag *pflag.Flag) (*config, error) {
	env, configFile, unknown := environment(table, environ)
	origin := envConfig
	if configFlag.Changed {
		configFile, origin = configFlag.Value.String(), "--config"
	}
	var file layer
	var problems []string
	switch {
	case configFile != "":
		file, problems = readConfigFile(table, configFile, origin)
	case configFlag.Changed: // more likely by mistake than for the wish for no file
		problems = []string{origin + ": the path is empty; give that of a file"}
	}
	c, wrong := merge(table, file, env, flags)
	c.unknownEnv = unknown
	if problems = append(problems, wrong...); problems == nil {
		problems = c.check()
	}
	if problems != nil {
		return c, &usageError{problems}
	}
	return c, nil
}

// mustSet applies the default. The table is right, or no test passes.
func mustSet(s *setting, c *config) {
	if err := s.set(c, []string{s.def}); err != nil {
		panic(fmt.Sprintf("default of %s: %v", s.name, err))
	}
}

// environment returns what the environment says, and the names of variables that look like settings but are none. A variable that
// is empty counts as not given: that is how one removes a variable in many places where they are set.
func environment(table []setting, environ []string) (l layer, configFile string, unknown []string) {
	byName := map[string]*setting{}
	for i := range table {
		byName[table[i].env()] = &table[i]
	}
	l = layer{}
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		s := byName[name]
		switch {
		case !strings.HasPrefix(name, envPrefix) || value == "":
		case s != nil:
			l[s.name] = given{s.split(value), name}
		case name == envConfig:
			configFile = value
		case !isServiceLink(name) && !isAttempt(name) && !isClient(name):
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return l, configFile, unknown
}

// envConfig names the config file. It is no setting: a config file cannot choose itself.
const envConfig = envPrefix + "CONFIG"

// isServiceLink recognises the variables that Kubernetes sets in every container of a namespace that has a service named taskvisor or
// taskvisor-something. (kubernetes.io, "Accessing the Service", environment variables.)
func isServiceLink(name string) bool {
	return strings.HasSuffix(name, "_SERVICE_HOST") || strings.Contains(name, "_SERVICE_PORT") ||
		strings.HasSuffix(name, "_PORT") || strings.Contains(name, "_PORT_")
}

// isAttempt recognises the variables that the plugin exec sets in the commands that it runs: this daemon may be one of them.
func isAttempt(name string) bool {
	switch strings.TrimPrefix(name, envPrefix) {
	case "TASK", "UID", "ATTEMPT", "GUARD":
		return true
	default:
		return false
	}
}

// isClient recognises the variables of the command line, which people set in shells from which they start a daemon as well.
func isClient(name string) bool {
	switch strings.TrimPrefix(name, envPrefix) {
	case "SERVER", "OUTPUT", "TIMEOUT", "TOKEN_FILE", "TLS", "TLS_CA", "CLIENT_CERT", "CLIENT_KEY", "TLS_SERVER_NAME":
		return true
	default:
		return false
	}
}

// unknownVariable says that a variable looks like a setting and is none. It is no error: the environment of a process has many authors.
func unknownVariable(name string) string {
	var known []string
	for _, s := range settings() {
		known = append(known, strings.TrimPrefix(s.env(), envPrefix))
	}
	text := "the environment variable " + name + " is no setting"
	if near := yamlfile.Nearest(strings.TrimPrefix(name, envPrefix), known); near != "" {
		return text + "; did you mean " + envPrefix + near + "?"
	}
	return text + "; see --help for those that there are"
}
