package bench

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usageError says what is wrong with the flags.
type usageError struct{ problem string }

func (e *usageError) Error() string { return e.problem }

// Usage marks the error as a mistake of who typed the command.
func (e *usageError) Usage() bool { return true }

// noArguments refuses what is neither a flag nor a command.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	problem := fmt.Sprintf("%q is neither a flag nor a command", args[0])
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		problem += fmt.Sprintf("; did you mean %s?", strings.Join(near, " or "))
	}
	return &usageError{problem}
}

// flagValue is a flag of any type. Its parser's errors quote the value and say what to write.
type flagValue[T any] struct {
	target *T
	kind   string // what the help calls it
	parse  func(string) (T, error)
	format func(T) string
}

// Set implements pflag.Value.
func (f *flagValue[T]) Set(text string) error {
	v, err := f.parse(text)
	if err == nil {
		*f.target = v
	}
	return err
}

// String implements pflag.Value.
func (f *flagValue[T]) String() string { return f.format(*f.target) }

// Type implements pflag.Value.
func (f *flagValue[T]) Type() string { return f.kind }

func addNumber(flags *pflag.FlagSet, target *int, name string, value, least, most int, usage string) {
	*target = value
	flags.Var(&flagValue[int]{target, "number", func(s string) (int, error) { return parseNumber(s, least, most) }, strconv.Itoa}, name, usage)
}

func addDuration(flags *pflag.FlagSet, target *time.Duration, name string, value time.Duration, usage string) {
	*target = value
	flags.Var(&flagValue[time.Duration]{target, "duration", parseDuration, time.Duration.String}, name, usage)
}

func addList[T any](flags *pflag.FlagSet, target *[]T, name string, value []T, parse func(string) (T, error), format func(T) string, usage string) {
	*target = value
	flags.Var(&flagValue[[]T]{target, "list", func(s string) ([]T, error) { return parseList(s, parse) }, func(list []T) string {
		var texts []string
		for _, v := range list {
			texts = append(texts, format(v))
		}
		return strings.Join(texts, ",")
	}}, name, usage)
}

func parseNumber(text string, least, most int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%q is not a whole number from %d to %d", text, least, most)
	}
	return n, nil
}

// maxDuration bounds what a single trial may take.
const maxDuration = 10 * time.Minute

func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > maxDuration {
		return 0, fmt.Errorf("%q is not a duration of more than 0s and at most %s; write one such as 2s or 500ms", text, maxDuration)
	}
	return d, nil
}

// parseList parses values that are separated by commas.
func parseList[T any](text string, parse func(string) (T, error)) (list []T, err error) {
	for part := range strings.SplitSeq(text, ",") {
		v, err := parse(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// oneOf accepts the words of a list.
func oneOf(words ...string) func(string) (string, error) {
	return func(text string) (string, error) {
		if slices.Contains(words, text) {
			return text, nil
		}
		return "", fmt.Errorf("%q is not one of %s", text, strings.Join(words, ", "))
	}
}

func word(text string) string { return text }

// parseShape parses STREAMS/CONNECTIONS.
func parseShape(text string) (s shape, err error) {
	streams, conns, ok := strings.Cut(text, "/")
	if ok {
		s.Streams, err = parseNumber(streams, 1, maxWatchers)
		if err == nil {
			s.Conns, err = parseNumber(conns, 1, maxWatchers)
		}
	}
	switch {
	case !ok || err != nil:
		return s, fmt.Errorf("%q is not STREAMS/CONNECTIONS, such as 10000/100, with numbers from 1 to %d", text, maxWatchers)
	case s.Conns > s.Streams:
		return s, fmt.Errorf("%q has more connections than streams; give at most one for each stream", text)
	}
	return s, nil
}
