package plugin

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/jsonschema-go/jsonschema"
)

// hasType checks the keyword type, and says what to give instead.
func (d *decoder) hasType(path string, s *jsonschema.Schema, v any) bool {
	kind := typeOf(v)
	if s.Type == "" && s.Types == nil || s.Type == kind || slices.Contains(s.Types, kind) {
		return true
	}
	if kind == "number" && v == math.Trunc(v.(float64)) && (s.Type == "integer" || slices.Contains(s.Types, "integer")) {
		return true
	}
	switch {
	case v == nil:
		d.Add(path, "null is no value here; leave the key out, or %s", give(s))
	case s.Type == "integer" && kind == "number":
		d.Add(path, "%s is no integer; %s", quote(v), give(s))
	case s.Type == "array" && s.Items != nil && s.Items.Type == kind:
		d.Add(path, "%s is %s; %s, here [%s]", quote(v), article(kind), give(s), quote(v))
	default:
		d.Add(path, "%s is %s; %s", quote(v), article(kind), give(s))
	}
	return false
}

// typeOf returns what a normalized value is in the words of a schema.
func typeOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	default:
		return "object"
	}
}

// constraints checks what the schema says about a value besides its type and what is inside it.
func (d *decoder) constraints(path string, s *jsonschema.Schema, v any) bool {
	if s.Enum != nil && !slices.ContainsFunc(s.Enum, func(e any) bool { return equal(e, v) }) {
		d.Add(path, "%s is not allowed;%s %s", quote(v), closestOf(v, s.Enum), give(s))
		return false
	}
	switch given := v.(type) {
	case float64:
		if beyond(given, s) {
			d.Add(path, "%s is out of range; give %s", quote(v), article(s.Type)+bounds(s, math.Inf(1)))
			return false
		}
	case string:
		return d.counts(path, v, utf8.RuneCountInString(given), "characters", s.MinLength, s.MaxLength) && d.pattern(path, s, given)
	case []any:
		return d.counts(path, v, len(given), "elements", s.MinItems, s.MaxItems)
	case map[string]any:
		return d.counts(path, v, len(given), "keys", s.MinProperties, s.MaxProperties)
	}
	return true
}

// equal is jsonschema.Equal, which takes its time for what most enums are made of.
func equal(allowed, v any) bool {
	if text, ok := allowed.(string); ok {
		given, ok := v.(string)
		return ok && given == text
	}
	return jsonschema.Equal(allowed, v)
}

func (d *decoder) counts(path string, v any, n int, unit string, least, most *int) bool {
	if (least == nil || n >= *least) && (most == nil || n <= *most) {
		return true
	}
	d.Add(path, "%s has %d %s; give %s", quote(v), n, unit, between(least, most))
	return false
}

func (d *decoder) pattern(path string, s *jsonschema.Schema, v string) bool {
	matches := d.shape.patterns[s.Pattern]
	if matches == nil || matches(v) {
		return true
	}
	d.Add(path, "%s does not match the pattern %s; %s", quote(v), s.Pattern, give(s))
	return false
}

func beyond(v float64, s *jsonschema.Schema) bool {
	return s.Minimum != nil && v < *s.Minimum || s.Maximum != nil && v > *s.Maximum ||
		s.ExclusiveMinimum != nil && v <= *s.ExclusiveMinimum || s.ExclusiveMaximum != nil && v >= *s.ExclusiveMaximum
}

// between says in words which counts are right. At least one bound is given.
func between(least, most *int) string {
	switch {
	case most == nil:
		return fmt.Sprintf("at least %d", *least)
	case least == nil:
		return fmt.Sprintf("at most %d", *most)
	case *least == *most:
		return fmt.Sprintf("exactly %d", *least)
	default:
		return fmt.Sprintf("%d to %d", *least, *most)
	}
}

// closestOf guesses which of the allowed values was meant.
func closestOf(v any, allowed []any) string {
	given, ok := v.(string)
	if !ok {
		return ""
	}
	var words []string
	for _, a := range allowed {
		if word, ok := a.(string); ok {
			words = append(words, word)
		}
	}
	return didYouMean(given, words)
}

// give says what a schema wants, as a request.
func give(s *jsonschema.Schema) string { return "give " + wanted(s) }

// wanted says what a schema wants: "an array of strings".
func wanted(s *jsonschema.Schema) string {
	switch {
	case s.Enum != nil:
		return "one of " + quoteAll(s.Enum)
	case s.Type == "integer", s.Type == "number":
		return article(s.Type) + bounds(s, maxInteger)
	case s.Type == "array" && s.Items != nil:
		return "an array" + ofPlural(s.Items)
	case s.Type == "object" && s.Properties == nil && s.AdditionalProperties != nil:
		return "an object" + ofPlural(s.AdditionalProperties)
	case len(s.Examples) > 0:
		return article(s.Type) + " such as " + quote(s.Examples[0])
	default:
		return article(s.Type)
	}
}

// bounds says which range a schema of numbers has. Bounds from limit on are left out.
func bounds(s *jsonschema.Schema, limit float64) string {
	number := func(bound *float64) string {
		if bound == nil || math.Abs(*bound) >= limit {
			return ""
		}
		return strconv.FormatFloat(*bound, 'f', -1, 64)
	}
	var words []string
	add := func(word, bound string) {
		if bound != "" {
			words = append(words, word+bound)
		}
	}
	least, most := number(s.Minimum), number(s.Maximum)
	if least != "" && most != "" {
		words, least, most = []string{" from " + least + " to " + most}, "", ""
	}
	add(" of at least ", least)
	add(" of more than ", number(s.ExclusiveMinimum))
	add(" of at most ", most)
	add(" of less than ", number(s.ExclusiveMaximum))
	return strings.Join(words, " and")
}

// article puts the article before the name of a type.
func article(kind string) string {
	switch kind {
	case "":
		return "another value"
	case "null":
		return kind
	case "array", "integer", "object":
		return "an " + kind
	default:
		return "a " + kind
	}
}

func ofPlural(s *jsonschema.Schema) string {
	if s.Type == "" {
		return ""
	}
	return " of " + s.Type + "s"
}

// describe returns the description of a key, to follow what to give for it.
func describe(s *jsonschema.Schema) string {
	if s.Description == "" {
		return ""
	}
	return ": " + s.Description
}
