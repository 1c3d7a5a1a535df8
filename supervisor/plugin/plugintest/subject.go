package plugintest

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// subject is the plugin under test.
type subject struct {
	config   Config
	registry *plugin.Registry
	info     plugin.Info
	schema   *jsonschema.Schema
	resolved *jsonschema.Resolved
	example  map[string]any
	settle   func()        // waits until all goroutines are asleep, where somebody can tell
	patience time.Duration // with attempts that end by themselves
}

func newSubject(p plugin.Plugin, c Config) (*subject, []string) {
	registry, err := plugin.NewRegistry(p)
	if err != nil {
		return nil, []string{err.Error()}
	}
	s := &subject{config: c, registry: registry, info: registry.List()[0], schema: new(jsonschema.Schema), settle: func() {}, patience: patience}
	err = json.Unmarshal(s.info.Schema, s.schema)
	if err == nil {
		s.resolved, err = s.schema.Resolve(nil)
	}
	if err == nil {
		err = json.Unmarshal(s.info.Example, &s.example)
	}
	if err != nil {
		return nil, []string{err.Error()}
	}
	return s, nil
}

// build builds a body. A panic is an error; so is a Build that takes too long, or answers differently the second time.
func (s *subject) build(config map[string]any) (supervisor.Task, error) {
	begin := time.Now()
	body, err := s.buildOnce(config)
	if took := time.Since(begin); took > s.config.within() {
		return nil, fault("Build took %s; it only checks and builds, what takes time belongs into Run", took)
	}
	if errors.As(err, new(faultError)) {
		return nil, err
	}
	for range repetitions(err) {
		if _, again := s.buildOnce(config); fmt.Sprint(err) != fmt.Sprint(again) {
			return nil, fault("Build does not answer the same each time: first %s, then %s; sort what comes out of maps", said(err), said(again))
		}
	}
	return body, err
}

// repetitions returns how often to ask again what was refused. Several violations may come in the order of a map, which is often the same twice;
// where they are many, few will do.
func repetitions(err error) int {
	var refused *plugin.ConfigError
	switch {
	case !errors.As(err, &refused):
		return 0
	case len(refused.Violations) > 1 && len(refused.Violations) < 10:
		return 10
	default:
		return 1
	}
}

func (s *subject) buildOnce(config map[string]any) (body supervisor.Task, err error) {
	defer func() {
		if p := recover(); p != nil {
			body, err = nil, fault("Build or Validate panics: %v\n%s", p, debug.Stack())
		}
	}()
	body, err = s.registry.Build(s.info.Name, config)
	if err != nil && !errors.As(err, new(*plugin.ConfigError)) {
		err = fault("%v", err)
	}
	return body, err
}

// faultError is an error that no config excuses.
type faultError struct{ text string }

func (e faultError) Error() string { return e.text }

func fault(format string, args ...any) error { return faultError{fmt.Sprintf(format, args...)} }

// tried returns all configs that are accepted.
func (s *subject) tried() []map[string]any {
	configs := []map[string]any{s.example}
	for _, c := range s.config.Good {
		configs = append(configs, c.Config)
	}
	if s.config.Endless != nil {
		configs = append(configs, s.config.Endless)
	}
	return configs
}

func clone(v map[string]any) map[string]any {
	if v == nil {
		return nil
	}
	return cloneValue(v).(map[string]any)
}

func cloneValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, value := range v {
			out[key] = cloneValue(value)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, value := range v {
			out[i] = cloneValue(value)
		}
		return out
	default:
		return v
	}
}

// maxText is how much of a config or an error a message shows.
const maxText = 300

// text returns a config for a message.
func text(v any) string {
	out, err := json.Marshal(v)
	if err != nil {
		return cut(fmt.Sprint(v))
	}
	return cut(string(out))
}

func said(err error) string {
	if err == nil {
		return "accepted"
	}
	return cut(fmt.Sprintf("%q", err.Error()))
}

func cut(text string) string {
	if len(text) <= maxText {
		return text
	}
	return text[:maxText] + fmt.Sprintf("… (%d bytes)", len(text))
}
