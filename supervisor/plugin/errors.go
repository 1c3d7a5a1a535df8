package plugin

import (
	"errors"
	"fmt"
	"strings"
)

// maxViolations bounds the violations of one ConfigError: they travel in the trailers of an RPC, which are no place for a list as long as the
// config itself.
const maxViolations = 32

// Violation is one rule that a config breaks.
type Violation struct {
	Path    string // of the value: "command[1]", "env.PATH"; empty for the config as a whole
	Problem string // the value and what to do about it
}

// ConfigError lists all that is wrong with a config.
type ConfigError struct {
	Plugin     string      // name of the plugin; empty in what Violations.Err returns
	Violations []Violation // at least one
	cause      error       // what Validate or the constructor returned, if it came that far
}

// Error lists the violations.
func (e *ConfigError) Error() string {
	var b strings.Builder
	b.WriteString("invalid config")
	if e.Plugin != "" {
		fmt.Fprintf(&b, " of plugin %q", e.Plugin)
	}
	for i, v := range e.Violations {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		b.WriteString(sep)
		if v.Path != "" {
			b.WriteString(v.Path + ": ")
		}
		b.WriteString(v.Problem)
	}
	return b.String()
}

// Unwrap returns what Validate or the constructor of the plugin returned, if that is where the violations come from.
func (e *ConfigError) Unwrap() error { return e.cause }

// UnknownPluginError says that no plugin has this name.
type UnknownPluginError struct {
	Name  string
	Known []string // names of all plugins, sorted, disabled ones included
}

// Error names the plugin, the known name that is closest, and all known names.
func (e *UnknownPluginError) Error() string {
	if len(e.Known) == 0 {
		return fmt.Sprintf("no plugin is named %s: there are no plugins", quote(e.Name))
	}
	return fmt.Sprintf("no plugin is named %s;%s known plugins: %s", quote(e.Name), didYouMean(e.Name, e.Known), strings.Join(e.Known, ", "))
}

// DisabledError says that the plugin is there but may not be used.
type DisabledError struct {
	Name   string
	Reason string // why, and what to do about it
}

// Error names the plugin and the reason.
func (e *DisabledError) Error() string {
	return fmt.Sprintf("plugin %q is disabled: %s", e.Name, e.Reason)
}

// Violations collects what is wrong with a config, so that its author learns all of it at once. It is meant for Validate methods and for
// constructors, which return its Err. The zero value is empty.
type Violations []Violation

// Add records that the value at path breaks a rule.
func (v *Violations) Add(path, format string, args ...any) {
	*v = append(*v, Violation{path, fmt.Sprintf(format, args...)})
}

// Check records a violation unless ok.
func (v *Violations) Check(ok bool, path, format string, args ...any) {
	if !ok {
		v.Add(path, format, args...)
	}
}

// Err returns the violations as a *ConfigError; nil when there are none.
func (v Violations) Err() error {
	if len(v) == 0 {
		return nil
	}
	return &ConfigError{Violations: v}
}

// newConfigError cuts a list that is too long, and says so.
func newConfigError(plugin string, list []Violation, cause error) *ConfigError {
	if more := len(list) - maxViolations; more > 0 {
		list = append(list[:maxViolations:maxViolations], Violation{"", fmt.Sprintf("and %d more violations; repair these first", more)})
	}
	return &ConfigError{Plugin: plugin, Violations: list, cause: cause}
}

// violationsOf returns err as violations: those of a ConfigError, those of each error that was joined, else the text of err about the
// config as a whole.
func violationsOf(err error) []Violation {
	if ce, ok := err.(*ConfigError); ok { //nolint:errorlint // one that is wrapped is found below, with its siblings
		return ce.Violations
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var list []Violation
		for _, e := range joined.Unwrap() {
			list = append(list, violationsOf(e)...)
		}
		return list
	}
	if ce, ok := errors.AsType[*ConfigError](err); ok {
		return ce.Violations
	}
	return []Violation{{"", err.Error()}}
}
