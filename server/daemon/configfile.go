package daemon

import (
	"fmt"

	"github.com/taskvisor/taskvisor/server/yamlfile"
)

// readConfigFile returns what the config file says: one mapping with the names of settings as keys; and all that is wrong with it, with file
// and line. origin says who named the file.
func readConfigFile(table []setting, name, origin string) (l layer, problems []string) {
	data, err := readBounded(name)
	if err != nil {
		return nil, []string{fmt.Sprintf("%s: %v", origin, err)}
	}
	l, wrong := parseConfig(table, name, data)
	for _, p := range wrong {
		problems = append(problems, p.Error())
	}
	return l, problems
}

func parseConfig(table []setting, name string, data []byte) (layer, yamlfile.Problems) {
	f := yamlfile.Parse(name, data)
	l := layer{}
	for i, document := range f.Documents() {
		if i > 0 {
			f.Report(document, "", "is a second document; a config file has one")
			break
		}
		for _, field := range f.Fields(document, "") {
			readSetting(table, f, name, field, l)
		}
	}
	return l, f.Problems()
}

// readSetting reads one key of the config file. The value is tried at once, as the line is at hand here.
func readSetting(table []setting, f *yamlfile.File, name string, field yamlfile.Field, l layer) {
	names := make([]string, len(table))
	for i := range table {
		s := &table[i]
		names[i] = s.name
		if s.name != field.Name {
			continue
		}
		values, ok := readValues(f, s, field)
		if !ok {
			return
		}
		if err := s.set(&config{}, values); err != nil {
			f.Report(field.Value, s.name, "%v", err)
			return
		}
		l[s.name] = given{values, fmt.Sprintf("%s:%d: %s", name, field.Key.Line, s.name)}
		return
	}
	f.Unknown(field, field.Name, names)
}

// readValues returns the value of a key as flags have it: as text. A key without a value is one that is not given.
func readValues(f *yamlfile.File, s *setting, field yamlfile.Field) (values []string, ok bool) {
	if yamlfile.IsNull(field.Value) {
		return nil, false
	}
	if !s.many {
		value, ok := f.Scalar(field.Value, s.name)
		return []string{value}, ok
	}
	ok = yamlfile.IsList(field.Value)
	for i, item := range f.List(field.Value, s.name) {
		value, fine := f.Scalar(item, yamlfile.Index(s.name, i))
		values, ok = append(values, value), ok && fine
	}
	return values, ok
}
