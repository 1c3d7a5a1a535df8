package plugin

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxQuoted is how many bytes of a value an error quotes.
const maxQuoted = 64

// quote returns a JSON value as text for an error, cut where it is long.
func quote(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return cut(fmt.Sprintf("%v", v)) // not a JSON value; only normalize meets these
	}
	return cut(strings.TrimSuffix(b.String(), "\n"))
}

func cut(text string) string {
	if len(text) <= maxQuoted {
		return text
	}
	end := maxQuoted
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// quoteAll returns the values quoted, with commas between.
func quoteAll[T any](values []T) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = quote(v)
	}
	return strings.Join(texts, ", ")
}

// didYouMean returns ` did you mean "x"?` for the known word that is closest to the given one, and nothing if none is close.
func didYouMean(given string, known []string) string {
	if len(given) > maxQuoted {
		return "" // nobody mistypes that; spare the time
	}
	best, bestDistance := "", len(given)/3+1 // one typo for every three letters
	for _, word := range known {
		if d := distance(strings.ToLower(given), strings.ToLower(word)); d < bestDistance {
			best, bestDistance = word, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" did you mean %q?", best)
}

// distance is how many typos turn a into b: bytes inserted, removed or replaced, or neighbors swapped (optimal string alignment, see
// https://en.wikipedia.org/wiki/Damerau-Levenshtein_distance).
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, before
		row[0] = i + 1
		for j := range len(b) {
			replaced := last[j]
			if a[i] != b[j] {
				replaced++
			}
			row[j+1] = min(replaced, row[j]+1, last[j+1]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}

// sortedKeys returns the keys of an object in order, so that errors come in the same order each time.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m)) // slices.Sorted would find that out in several steps
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
