package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/taskvisor/taskvisor/server/yamlfile"
)

// A setting comes from a flag, or else from the environment, or else from the config file. A value that is wrong is told even where a better
// one covers it.

// given is what one source says about a setting.
type given struct{ value, origin string }

// source has what somebody says, by name of the setting.
type source map[string]given

// flagSource collects what the flags say.
type flagSource struct {
	given  source
	config string // path of the config file; empty: the usual one
}

// addTo adds a flag for each setting, and --config.
func (f *flagSource) addTo(flags *pflag.FlagSet) {
	f.given = source{}
	for _, s := range table() {
		flag := flags.VarPF(&flagValue{s, f.given}, s.name, "", s.usage)
		if s.bool {
			flag.NoOptDefVal = "true"
		}
		if s.name == "output" {
			flag.Shorthand = "o"
		}
	}
	flags.StringVar(&f.config, "config", "", "config `FILE` (default "+displayConfig+")")
	flags.SortFlags = false
}

// flagValue is the value of one flag.
type flagValue struct {
	setting setting
	given   source
}

// String implements pflag.Value.
func (v *flagValue) String() string { return v.given[v.setting.name].value }

// Type implements pflag.Value: what the help says that the flag wants.
func (v *flagValue) Type() string {
	switch {
	case v.setting.bool:
		return "bool"
	case v.setting.file:
		return "FILE"
	}
	return v.setting.wants
}

// Set implements pflag.Value.
func (v *flagValue) Set(value string) error {
	v.given[v.setting.name] = given{value, flagOrigin(v.setting.name)}
	return v.setting.set(&settings{}, value)
}

// flagOrigin is how a flag is named as the origin of a value.
func flagOrigin(name string) string { return "--" + name }

const displayConfig = "~/.config/taskvisor/config.yaml"

// load merges the sources. Mistakes of all of them are told together.
func (a *app) load() error {
	env, home := environment(a.process.Environ)
	file, err := readConfig(a.flags.config, home)
	if err != nil {
		return setupError{err}
	}
	s, problems := merge(file, env, a.flags.given)
	_, s.timeoutGiven = a.flags.given["timeout"]
	if len(problems) > 0 {
		return setupError{errors.New(strings.Join(problems, "\n"))}
	}
	a.settings = s
	return s.check()
}

func merge(sources ...source) (settings, []string) {
	s := defaults()
	s.origins = map[string]string{}
	var problems []string
	for _, t := range table() {
		var last given
		for _, from := range sources {
			g, ok := from[t.name]
			if !ok {
				continue
			}
			if err := t.set(&s, g.value); err != nil {
				problems = append(problems, fmt.Sprintf("%s: %v", g.origin, err))
			}
			if before, ok := s.origins[t.name]; ok && t.name == "server" && last.value != g.value {
				s.covered = append(s.covered, given{last.value, before})
			}
			s.origins[t.name], last = g.origin, g
		}
	}
	return s, problems
}

// check finds what is wrong with settings that are fine each for itself.
func (s *settings) check() error {
	if (s.tlsCert == "") != (s.tlsKey == "") {
		return usagef("a certificate and its key belong together: give both tls-cert and tls-key, or none")
	}
	return nil
}

// environment returns what variables say, and where configuration lives. A variable that is empty counts as not given.
func environment(environ []string) (source, string) {
	values := map[string]string{}
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		values[name] = value
	}
	env := source{}
	for _, s := range table() {
		if value := values[s.env()]; value != "" {
			env[s.name] = given{value, s.env()}
		}
	}
	home := values["XDG_CONFIG_HOME"]
	if home == "" && values["HOME"] != "" {
		home = filepath.Join(values["HOME"], ".config")
	}
	return env, home
}

// readConfig reads the config file of that name; if none is given, the usual one, which need not exist.
func readConfig(name, home string) (source, error) {
	usual := name == ""
	if usual && home == "" {
		return nil, nil
	}
	if usual {
		name = filepath.Join(home, "taskvisor", "config.yaml")
	}
	data, err := os.ReadFile(name)
	switch {
	case usual && errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("config file: %w", err)
	}
	return parseConfig(name, data)
}

func parseConfig(name string, data []byte) (source, error) {
	f := yamlfile.Parse(name, data)
	config := source{}
	for i, document := range f.Documents() {
		if i > 0 {
			f.Report(document, "", "is a second document; a config file has one")
			break
		}
		for _, field := range f.Fields(document, "") {
			readSetting(f, name, field, config)
		}
	}
	if problems := f.Problems(); problems != nil {
		return nil, problems
	}
	return config, nil
}

func readSetting(f *yamlfile.File, name string, field yamlfile.Field, config source) {
	var names []string
	for _, s := range table() {
		names = append(names, s.name)
		if s.name != field.Name {
			continue
		}
		value, ok := f.Scalar(field.Value, s.name)
		if !ok {
			return
		}
		if s.file && value != "" && !filepath.IsAbs(value) {
			value = filepath.Join(filepath.Dir(name), value)
		}
		if err := s.set(&settings{}, value); err != nil {
			f.Report(field.Value, s.name, "%v", err)
			return
		}
		config[s.name] = given{value, fmt.Sprintf("%s:%d", name, field.Key.Line)}
		return
	}
	f.Unknown(field, field.Name, names)
}
