package plugintest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// Sizes of nonsense.
const (
	manyElements = 200
	manyBytes    = 16 << 10
	manyLevels   = 100
	maxProblem   = 2 << 10 // bytes of the text of a violation
)

// nonsense gives each key of the config what nobody means.
func (s *subject) nonsense() (faults []string) {
	for _, base := range []map[string]any{{}, s.example} {
		for _, config := range spoiled(s.schema, base) {
			if problem := s.withstands(config); problem != "" {
				faults = append(faults, fmt.Sprintf("%s: %s", text(config), problem))
			}
		}
	}
	return faults
}

// withstands returns what is wrong with the answer to a config of any kind.
func (s *subject) withstands(config map[string]any) string {
	_, err := s.build(config)
	if err == nil {
		err = s.agrees(config)
	}
	var refused *plugin.ConfigError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &refused):
		return wordy(refused)
	default:
		return err.Error()
	}
}

// wordy returns what is wrong with the texts of violations.
func wordy(e *plugin.ConfigError) string {
	for _, v := range e.Violations {
		switch {
		case strings.TrimSpace(v.Problem) == "":
			return fmt.Sprintf("the violation at %q has no text", v.Path)
		case len(v.Problem) > maxProblem:
			return fmt.Sprintf("the violation at %q has a text of %d bytes; quote only the beginning of a value, as %%.64q does", v.Path, len(v.Problem))
		}
	}
	return ""
}

// spoiled returns copies of a config in which one key has another value each.
func spoiled(schema *jsonschema.Schema, base map[string]any) (configs []map[string]any) {
	for _, keys := range places(schema, nil) {
		for _, value := range values() {
			config := orEmpty(clone(base))
			put(config, keys, value)
			configs = append(configs, config)
		}
	}
	return configs
}

// places returns the keys, one inside the other, that lead to each value; and to a key that is not there in each object.
func places(s *jsonschema.Schema, prefix []string) (all [][]string) {
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		keys := append(slices.Clone(prefix), name)
		all = append(all, keys)
		if property := s.Properties[name]; property.Properties != nil {
			all = append(all, places(property, keys)...)
		}
	}
	return append(all, append(slices.Clone(prefix), "no such key \x00 ä"))
}

// put sets the value at a place, making objects on the way.
func put(object map[string]any, keys []string, value any) {
	for _, key := range keys[:len(keys)-1] {
		inside, ok := object[key].(map[string]any)
		if !ok {
			inside = map[string]any{}
			object[key] = inside
		}
		object = inside
	}
	object[keys[len(keys)-1]] = value
}

// values returns values of every type that JSON has, at their edges.
func values() []any {
	var deep any = "bottom"
	for range manyLevels {
		deep = []any{deep}
	}
	return []any{
		nil, true, false, 0.0, -1.0, 0.5, 1e300, float64(1<<53 - 1), "", " ", "\x00", "\xff", "ä/../\n", "%s%d", strings.Repeat("x", manyBytes),
		[]any{}, []any{nil}, []any{""}, []any{"", ""}, slices.Repeat([]any{"x"}, manyElements), []any{1.0}, []any{map[string]any{}},
		map[string]any{}, map[string]any{"": ""}, map[string]any{"a": nil}, map[string]any{"b": "", "a": "", "d\n": "\x00", "c=": "\n"}, crowded(), deep,
	}
}

// crowded returns an object with so many keys that what is said of them in the order of a map hardly ever comes in the same order twice.
func crowded() map[string]any {
	object := map[string]any{}
	for i := range manyElements {
		object[fmt.Sprint("key", i)] = [...]any{"", "\x00"}[i%2]
	}
	return object
}
