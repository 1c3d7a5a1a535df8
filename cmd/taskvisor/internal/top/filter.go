package top

import (
	"strings"

	"github.com/google/uuid"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// filter says which tasks are shown, and the events of which. The zero value lets all pass.
type filter struct {
	text string
	// words are looked for in names, here and at once: a name with any of them passes.
	words []string
	// asked is what the server is asked for, nil for all: what has a meaning beyond words is the business of the server, as in ls.
	asked *pb.EventFilter
}

// parse reads what a person typed.
func parse(text string, w Words) (filter, error) {
	text = strings.TrimSpace(text)
	f := filter{text: text}
	switch {
	case text == "":
		return filter{}, nil
	case isWords(text):
		f.words = strings.Fields(text)
		return f, nil
	case !strings.HasPrefix(text, "-l") && strings.ContainsAny(text, "=!()"): // no name has these
		text = "-l " + text
	}
	var err error
	f.asked, err = w.Filter(text)
	return f, err
}

// isWords reports that a text is neither a glob, nor a uid, nor a label selector.
func isWords(text string) bool {
	if strings.ContainsAny(text, `*?[]\=!()`) {
		return false
	}
	for word := range strings.FieldsSeq(text) {
		if strings.HasPrefix(word, "-") || uuid.Validate(word) == nil {
			return false
		}
	}
	return true
}

// passes reports whether a task of that name is shown.
func (f *filter) passes(name string) bool {
	for _, word := range f.words {
		if strings.Contains(name, word) {
			return true
		}
	}
	return len(f.words) == 0
}
