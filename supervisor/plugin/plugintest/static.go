package plugintest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// description finds what people are not told.
func (s *subject) description() (faults []string) {
	if strings.TrimSpace(s.info.Description) == "" {
		faults = append(faults, "the description is blank; say in a sentence what the body does")
	}
	if !s.info.Enabled {
		faults = append(faults, fmt.Sprintf("the plugin is disabled (%s); give the test one that is enabled", s.info.Reason))
	}
	return append(faults, undescribed("", s.schema)...)
}

// undescribed finds keys without a description.
func undescribed(path string, s *jsonschema.Schema) (faults []string) {
	if s == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		property, at := s.Properties[name], plugin.Key(path, name)
		if strings.TrimSpace(property.Description) == "" {
			faults = append(faults, fmt.Sprintf("%s has no description; say what it is in the jsonschema tag of its field", at))
		}
		faults = append(faults, undescribed(at, property)...)
	}
	return slices.Concat(faults, undescribed(path+"[]", s.Items), undescribed(path+"[key]", s.AdditionalProperties))
}

// exampleWorks tries the example, as it is and with the defaults that the schema promises.
func (s *subject) exampleWorks() (faults []string) {
	whole := clone(s.example)
	addDefaults(s.schema, whole)
	for what, config := range map[string]map[string]any{"the example": s.example, "the example with all defaults spelled out": whole} {
		if err := s.accepts(config); err != nil {
			faults = append(faults, fmt.Sprintf("%s: %v\nconfig: %s", what, err, text(config)))
		}
	}
	return faults
}

// addDefaults puts the defaults of a schema where nothing is given.
func addDefaults(s *jsonschema.Schema, config map[string]any) {
	for name, property := range s.Properties {
		var value any
		if _, given := config[name]; !given && property.Default != nil && json.Unmarshal(property.Default, &value) == nil {
			config[name] = value
		}
		if inside, ok := config[name].(map[string]any); ok {
			addDefaults(property, inside)
		}
	}
}

// accepts returns why a config is not accepted by both, Build and schema.
func (s *subject) accepts(config map[string]any) error {
	if _, err := s.build(config); err != nil {
		return fmt.Errorf("it is refused: %w", err)
	}
	return s.agrees(config)
}

// agrees returns an error if the schema does not accept a config that Build accepts.
func (s *subject) agrees(config map[string]any) error {
	if err := s.resolved.Validate(orEmpty(config)); err != nil {
		return fault("Build accepts it, the schema that people are shown does not: %v", err)
	}
	return nil
}

func orEmpty(config map[string]any) map[string]any {
	if config == nil {
		return map[string]any{}
	}
	return config
}

// good tries what the test calls good.
func (s *subject) good() (faults []string) {
	for _, config := range s.tried()[1:] {
		if err := s.accepts(config); err != nil {
			faults = append(faults, fmt.Sprintf("%s: %v", text(config), err))
		}
	}
	return faults
}

// bad tries what the test calls bad.
func (s *subject) bad() (faults []string) {
	for _, b := range s.config.Bad {
		if problem := s.refuses(b); problem != "" {
			faults = append(faults, fmt.Sprintf("%s: %s", text(b.Config), problem))
		}
	}
	return faults
}

func (s *subject) refuses(b Bad) string {
	_, err := s.build(b.Config)
	var refused *plugin.ConfigError
	switch {
	case err == nil:
		return fmt.Sprintf("it is accepted; it is to be refused with a violation at %q", b.Path)
	case !errors.As(err, &refused):
		return err.Error()
	case !slices.ContainsFunc(refused.Violations, func(v plugin.Violation) bool { return v.Path == b.Path }):
		return fmt.Sprintf("it is refused without a violation at %q, only with %v", b.Path, err)
	}
	return wordy(refused)
}
