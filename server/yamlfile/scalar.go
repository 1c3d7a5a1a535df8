package yamlfile

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// wants reports that a value is not what it should be.
func (f *File) wants(node *Node, path, what string) {
	f.Report(node, path, "wants %s, not %s", what, describe(node))
}

// describe names a value in a sentence.
func describe(node *Node) string {
	node = resolve(node)
	switch tag := node.ShortTag(); {
	case node.Kind == yaml.MappingNode:
		return "a mapping"
	case node.Kind == yaml.SequenceNode:
		return "a list"
	case tag == "!!null":
		return "nothing"
	case tag == "!!int", tag == "!!float":
		return "the number " + cut(node.Value)
	case tag == "!!bool":
		return cut(node.Value)
	default:
		return strconv.Quote(cut(node.Value))
	}
}

// cut shortens a value for a message.
func cut(value string) string {
	const most = 60
	if utf8.RuneCountInString(value) <= most {
		return value
	}
	return string([]rune(value)[:most]) + "…"
}

// Text returns the text of the value at path. A number is not taken for text, as "1.10" and 1.10 differ. A date is: only YAML
// knows dates, and JSON has them as text.
func (f *File) Text(node *Node, path string) (text string, ok bool) {
	node = resolve(node)
	if node.Kind != yaml.ScalarNode {
		f.wants(node, path, "text")
		return "", false
	}
	switch tag := node.ShortTag(); tag {
	case "!!str", "!!timestamp", "!!merge":
		return node.Value, true
	case "!!int", "!!float", "!!bool":
		f.Report(node, path, "wants text, not %s; put it in quotes: %q", describe(node), node.Value)
	case "!!null":
		f.wants(node, path, "text")
	default:
		f.badTag(node, path)
	}
	return "", false
}

func (f *File) badTag(node *Node, path string) {
	f.Report(node, path, "has the tag %s, which means nothing here; remove the tag", node.ShortTag())
}

// Secret returns the text at path. Unlike Text, it reports a problem without the value.
func (f *File) Secret(node *Node, path string) (text string, ok bool) {
	node = resolve(node)
	if node.Kind != yaml.ScalarNode || node.ShortTag() != "!!str" {
		f.Report(node, path, "wants text; put it in quotes")
		return "", false
	}
	return node.Value, true
}

// Scalar returns the value at path as it is written, whether text, number or truth value.
func (f *File) Scalar(node *Node, path string) (text string, ok bool) {
	node = resolve(node)
	if node.Kind != yaml.ScalarNode || IsNull(node) {
		f.wants(node, path, "a single value")
		return "", false
	}
	return node.Value, true
}

// Bool returns the truth value at path.
func (f *File) Bool(node *Node, path string) (value, ok bool) {
	node = resolve(node)
	if node.Kind == yaml.ScalarNode && node.ShortTag() == "!!bool" {
		return strings.EqualFold(node.Value, "true"), true
	}
	f.wants(node, path, "true or false")
	return false, false
}

// number returns a number, exactly; nil for anything else, infinities included. A string of digits is a number for protojson, and
// templates often put quotes around every value.
func number(node *Node) *big.Rat {
	if node.Kind != yaml.ScalarNode || len(node.Value) > 400 || exponent(node.Value) > 400 {
		return nil
	}
	text := strings.ReplaceAll(node.Value, "_", "")
	switch node.ShortTag() {
	case "!!int":
		if i, ok := new(big.Int).SetString(text, 0); ok {
			return new(big.Rat).SetInt(i)
		}
	case "!!float", "!!str":
		if r, ok := new(big.Rat).SetString(text); ok && !strings.Contains(text, "/") {
			return r
		}
	}
	return nil
}

// exponent returns the size of the exponent of a number in decimals: the memory that it takes to write the number out.
func exponent(number string) int {
	i := strings.LastIndexAny(number, "eEpP")
	if i < 0 || strings.HasPrefix(number, "0x") {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimLeft(number[i+1:], "+-"))
	if err != nil && i+1 < len(number) {
		return math.MaxInt
	}
	return n
}

// uint32 returns the whole number at path.
func (f *File) uint32(node *Node, path string) (value uint32, ok bool) {
	node = resolve(node)
	r := number(node)
	if r == nil || !r.IsInt() || !r.Num().IsUint64() || r.Num().Uint64() > math.MaxUint32 {
		f.wants(node, path, "a whole number from 0 to 4294967295")
		return 0, false
	}
	return uint32(r.Num().Uint64()), true
}

// float64 returns the number at path, rounded to the nearest.
func (f *File) float64(node *Node, path string) (value float64, ok bool) {
	node = resolve(node)
	if r := number(node); r != nil {
		value, _ = r.Float64()
		if !math.IsInf(value, 0) {
			return value, true
		}
	}
	f.wants(node, path, "a finite number")
	return 0, false
}

// Duration returns the duration at path: "1.5s" as protojson writes it, and all else that time.ParseDuration reads.
func (f *File) Duration(node *Node, path string) (value time.Duration, ok bool) {
	node = resolve(node)
	if node.Kind == yaml.ScalarNode && node.ShortTag() == "!!str" {
		if d, err := time.ParseDuration(node.Value); err == nil {
			return d, true
		}
	}
	if number(node) != nil {
		f.wants(node, path, "a duration with a unit, such as 250ms, 1.5s or 5m")
	} else {
		f.wants(node, path, "a duration such as 250ms, 1.5s or 5m")
	}
	return 0, false
}
