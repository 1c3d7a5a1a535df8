package daemon

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// writeConfig prints the settings as a config file that gives them again, each with where its value comes from.
func writeConfig(w io.Writer, table []setting, c *config) error {
	for _, s := range table {
		origin := "default"
		if from := c.origins[s.name]; from != "" {
			origin = strings.TrimSuffix(from, ": "+s.name) // the line begins with it
		}
		values := s.get(c)
		text := ""
		switch {
		case s.many && values != nil:
			text = " " + yamlList(values)
		case !s.many && values[0] != "":
			text = " " + yamlText(values[0])
		}
		if _, err := fmt.Fprintf(w, "%s:%s # %s\n", s.name, text, origin); err != nil {
			return fmt.Errorf("print the config: %w", err)
		}
	}
	return nil
}

func yamlList(values []string) string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = yamlText(value)
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

var plainYAML = regexp.MustCompile(`^[A-Za-z0-9_./][A-Za-z0-9_./-]*(:[0-9]+)?$`)

// yamlText writes a value in such a way that YAML reads it as that text: plain where that is safe, else as JSON, which is YAML too.
func yamlText(value string) string {
	if plainYAML.MatchString(value) && !strings.EqualFold(value, "null") {
		return value
	}
	text, err := json.Marshal(value)
	if err != nil {
		return `""` // no text fails to be one
	}
	return string(text)
}
