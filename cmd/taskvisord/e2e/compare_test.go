//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"slices"
)

// compare compares what a command is documented to print with what it printed.
func compare(ids identities, documented, printed string) error {
	if !isJSON(documented) {
		return ids.try(func(ids identities) error { return ids.matchLines(documented, printed) })
	}
	want, err := decode(elide(documented))
	if err != nil {
		return fmt.Errorf("documented: %w", err)
	}
	got, err := decode(printed)
	if err != nil {
		return fmt.Errorf("printed: %w", err)
	}
	return ids.try(func(ids identities) error { return ids.matchList("document", want, got) })
}

// errTooMuch says that a stream has brought so much that what is documented will not come any more.
var errTooMuch = errors.New("enough was printed, but not what is documented")

// patienceOfDots is how many events dots may stand for in a stream.
const patienceOfDots = 100

// compareStream compares the beginning of a stream. An error that is not errTooMuch may be one of time: what is documented may still come.
func compareStream(ids identities, documented, printed string) error {
	if !isJSON(documented) {
		return compareItems(ids, "line", lines(documented), lines(printed))
	}
	documents, err := decode(elide(documented))
	if err != nil {
		return errors.Join(errTooMuch, err)
	}
	want, ok := items(documents)
	if !ok || len(want) == 0 {
		return fmt.Errorf("%w: only the messages of WatchEvents can be interrupted", errTooMuch)
	}
	documents, err = decode(printed)
	if err != nil {
		return errors.Join(errTooMuch, err)
	}
	got, _ := items(documents)
	return compareItems(ids, "event", want, got)
}

// compareItems compares the beginning of what a stream brings.
func compareItems(ids identities, what string, want, got []any) error {
	limit := len(want)
	if slices.Contains(want, any(dots)) {
		limit += patienceOfDots
	}
	err := ids.try(func(ids identities) error { return ids.matchList(what, append(want, dots), got) })
	if err != nil && len(got) >= limit {
		return errors.Join(errTooMuch, err)
	}
	return err
}
